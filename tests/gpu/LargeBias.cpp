// One allocation a tensor; the launch for the last head alone reads the same memory from that head on.
#include "tests/gpu/LargeBias.h"

#include "tests/gpu/SharedChecks.h"
#include "tests/gpu/Subject.h"
#include "tools/tensors/Interface.h"
#include <algorithm>
#include <random>

using namespace jvpgen;

namespace {
/// Tensors of all heads in the GPU's memory, and of the last head the parts in it.
class HeadTensors {
public:
  HeadTensors(Place &place, const AttentionSpec &spec, int64_t heads, int64_t length)
      : all(denseProblem(1, heads, heads, length, length)), last(denseProblem(1, 1, 1, length, length)), place(place),
        spec(spec) {}

  const Problem all, last;
  TensorMap views, views_of_last;

  Result<void> addInput(const std::string &name) { return add(name, true); }
  Result<void> addOutput(const std::string &name) { return add(name, false); }
  Result<void> poison(const std::string &name);
  Result<HostTensor> readLast(const std::string &name) const;

private:
  Result<void> add(const std::string &name, bool is_random);
  size_t bytesOfHead(const std::string &name) const;
  Result<void> writeEachHead(const std::string &name, bool is_random);
  Place &place;
  const AttentionSpec &spec;
  std::vector<std::shared_ptr<void>> memory;
  std::mt19937 generator{7};
};
} // namespace

size_t HeadTensors::bytesOfHead(const std::string &name) const {
  size_t bytes = byteSize(typeOf(spec, name));
  for (int64_t extent : shapeOf(spec, last, name)) bytes *= size_t(extent);
  return bytes;
}

/// Each head has numbers of its own: a block of random ones, begun at another place for each row of blocks.
Result<void> HeadTensors::writeEachHead(const std::string &name, bool is_random) {
  constexpr int64_t kBlock = 1000003; // a prime: no two rows of a bias are equal
  HostTensor block(name, typeOf(spec, name), {kBlock});
  std::vector<unsigned char> head(bytesOfHead(name), 0xff);
  for (int64_t h = 0; h < all.heads; ++h) {
    if (is_random) {
      std::normal_distribution<double> normal;
      for (int64_t k = 0; k < kBlock; ++k) block.set(k, normal(generator));
      for (size_t k = 0; k < head.size(); k += block.bytes.size())
        std::copy_n(block.bytes.begin(), std::min(block.bytes.size(), head.size() - k), head.begin() + ptrdiff_t(k));
    }
    auto *to = static_cast<unsigned char *>(views.find(name)->second.data) + size_t(h) * head.size();
    if (Result<void> done = place.write(to, head.data(), head.size()); !done) return done;
  }
  return {};
}

Result<void> HeadTensors::add(const std::string &name, bool is_random) {
  Result<std::shared_ptr<void>> made = place.allocate(size_t(all.heads) * bytesOfHead(name));
  if (!made) return tl::unexpected(made.error());
  memory.push_back(*made);
  TensorView view{made->get(), typeOf(spec, name), {0, 0, 0, 0}};
  int64_t stride = 1; // row-major; batch has one element
  const std::vector<int64_t> shape = shapeOf(spec, all, name);
  const std::vector<Extent> extents = extentsOf(spec, name);
  for (size_t k = shape.size(); k-- > 0; stride *= shape[k]) {
    if (extents[k] == Extent::KeyRows) view.stride[3] = stride;
    if (extents[k] == Extent::QueryRows) view.stride[2] = stride;
    if (extents[k] == Extent::Heads || extents[k] == Extent::KvHeads) view.stride[1] = stride;
  }
  views[name] = view;
  view.data = static_cast<unsigned char *>(view.data) + size_t(all.heads - 1) * bytesOfHead(name);
  views_of_last[name] = view;
  return writeEachHead(name, is_random);
}

Result<void> HeadTensors::poison(const std::string &name) { return writeEachHead(name, false); }

Result<HostTensor> HeadTensors::readLast(const std::string &name) const {
  HostTensor out(name, typeOf(spec, name), shapeOf(spec, last, name));
  Result<void> done = place.read(out.bytes.data(), views_of_last.find(name)->second.data, out.bytes.size());
  if (!done) return tl::unexpected(done.error());
  return out;
}

static Result<TensorSet> outputsOfLast(Place &place, Subject &subject, const std::string &program,
                                       const HeadTensors &tensors, bool alone) {
  const Problem &problem = alone ? tensors.last : tensors.all;
  Result<const Executable *> executable = subject.executable(program);
  if (!executable) return tl::unexpected(executable.error());
  Result<std::shared_ptr<void>> workspace = place.allocate((*executable)->workspaceBytes(problem));
  if (!workspace) return tl::unexpected(workspace.error());
  Result<void> done =
      (*executable)
          ->launch(problem, alone ? tensors.views_of_last : tensors.views, workspace->get(), place.stream())
          .and_then([&] { return place.synchronize(); });
  if (!done) return tl::unexpected(done.error());
  TensorSet out;
  for (const std::string &name : outputsOf(subject.spec, program)) {
    Result<HostTensor> tensor = tensors.readLast(name);
    if (!tensor) return tl::unexpected(tensor.error());
    out[name] = std::move(*tensor);
  }
  return out;
}

Result<std::string> jvpgen::largeBias(Place &place, int64_t heads, int64_t length) {
  Result<Subject> made =
      Subject::create(place, "dtype = 'bf16'\nhead_dim_qk = 64\ntangents = []\ngradients = ['q', 'k', 'v', 'bias']\n"
                             "bias = { dims = ['heads', 'q', 'kv'], dtype = 'bf16' }\n");
  if (!made) return tl::unexpected(made.error());
  Subject &subject = *made;
  HeadTensors tensors(place, subject.spec, heads, length);
  std::string figures;
  for (const std::string program : {"forward", "backward"}) {
    const std::vector<std::string> outputs = outputsOf(subject.spec, program);
    for (const std::string &name : inputsOf(subject.spec, program))
      if (!tensors.views.contains(name))
        if (Result<void> done = tensors.addInput(name); !done) return tl::unexpected(done.error());
    for (const std::string &name : outputs)
      if (Result<void> done = tensors.addOutput(name); !done) return tl::unexpected(done.error());
    Result<TensorSet> of_all = outputsOfLast(place, subject, program, tensors, false);
    if (!of_all) return tl::unexpected(of_all.error());
    for (const std::string &name : outputs)
      if (Result<void> done = tensors.poison(name); !done) return tl::unexpected(done.error());
    Result<TensorSet> alone = outputsOfLast(place, subject, program, tensors, true);
    if (!alone) return tl::unexpected(alone.error());
    if (Result<void> same = expectEqual(*alone, *of_all, program + ", the last head"); !same)
      return tl::unexpected(same.error());
    // `backward` reads what `forward` saved: of all heads.
    if (Result<TensorSet> again = outputsOfLast(place, subject, program, tensors, false); !again)
      return tl::unexpected(again.error());
    for (const std::string &name : outputs) figures += (figures.empty() ? "" : " ") + name;
  }
  return figures + " of the last head equal those of a launch for it alone";
}
