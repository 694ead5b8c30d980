#include "tuner/DeviceReference.h"

#include "runtime/abi/References.h"
#include "runtime/launch/CudaExecutable.h"
#include "support/AtomicFile.h"
#include "tuner/RaggedJudge.h"

using namespace jvpgen;
using namespace jvpgen::tuner;

Result<std::unique_ptr<Executable>> tuner::load(const Runnable &runnable, const KernelBundle &bundle,
                                                const DevicePointer &device) {
  Result<KernelVariant> variant = variantOf(bundle, runnable.program, runnable.candidate);
  if (!variant) return tl::unexpected(variant.error());
  CompiledVariant compiled{std::move(*variant), {}};
  for (size_t k = 0; k < runnable.kernels.size() && k < compiled.variant.launches.size(); ++k) {
    const BuiltKernel &built = runnable.kernels[k];
    Result<std::string> cubin = readFile(built.cubin);
    if (!cubin) return tl::unexpected(cubin.error());
    CompiledKernel kernel;
    kernel.kernel = compiled.variant.launches[k].kernel;
    kernel.cubin = std::move(*cubin);
    kernel.registers = built.registers;
    kernel.spill_bytes = built.spill_bytes;
    kernel.serialised = built.serialised;
    kernel.shared_bytes = built.shared_bytes;
    kernel.dynamic_shared_bytes = built.dynamic_shared_bytes;
    compiled.kernels.push_back(std::move(kernel));
  }
  return jvpgen::load(bundle, compiled, device);
}

namespace {
class DeviceReference : public Reference {
public:
  DeviceReference(const KernelBundle &bundle, DevicePointer device, Stream stream)
      : bundle(bundle), device(std::move(device)), stream(std::move(stream)) {}

  Result<void> prepare(const OpenOrder &order);
  Attempt<double> judge(const Executable &executable) override {
    return referee->judge(executable, [this](auto &...given) { return run(given...); });
  }

private:
  Result<void> run(const KernelBundle &owner, const Executable &executable, const Problem &problem,
                   TensorBytes &tensors) const;

  const KernelBundle bundle;
  const DevicePointer device;
  const Stream stream;
  std::optional<RaggedJudge> referee;
};
} // namespace

/// Copies the tensors to the device, launches, and copies them back.
Result<void> DeviceReference::run(const KernelBundle &owner, const Executable &executable, const Problem &problem,
                                  TensorBytes &tensors) const {
  TensorMap views;
  std::map<std::string, DeviceBuffer> buffers;
  for (const TensorDeclaration &tensor : owner.tensors) {
    const auto given = tensors.find(tensor.name);
    if (given == tensors.end()) continue;
    Result<DeviceBuffer> buffer = DeviceBuffer::allocate(device, given->second.size());
    if (!buffer) return tl::unexpected(buffer.error());
    if (Result<void> ok = buffer->copyFrom(given->second.data(), given->second.size(), stream); !ok) return ok;
    views[tensor.name] = viewOf(tensor, layoutOf(owner, tensor, problem), buffer->data());
    buffers.emplace(tensor.name, std::move(*buffer));
  }
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(device, executable.workspaceBytes(problem));
  if (!workspace) return tl::unexpected(workspace.error());
  Result<void> ok = workspace->fill(0xff, stream).and_then([&] { // whatever a launch relies on, it writes
    return executable.launch(problem, views, workspace->data(), stream.handle());
  });
  for (const TensorDeclaration &tensor : owner.tensors)
    if (const auto buffer = buffers.find(tensor.name); ok && tensor.is_output && buffer != buffers.end()) {
      std::vector<unsigned char> &bytes = tensors.at(tensor.name);
      ok = buffer->second.copyTo(bytes.data(), bytes.size(), stream);
    }
  return ok ? stream.synchronize() : ok;
}

Result<void> DeviceReference::prepare(const OpenOrder &order) {
  const KernelBundle view = referencesOf(bundle);
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Executable>> ready;
  for (const Runnable &reference : order.references) {
    Result<std::unique_ptr<Executable>> loaded = load(reference, view, device);
    if (!loaded) return tl::unexpected(loaded.error());
    ready[{reference.program, reference.candidate.variant}] = std::move(*loaded);
  }
  Problem ragged{.batch = 2, .heads = 2 * order.problem.group(), .kv_heads = 2};
  ragged.q_length = 131; // longer than any tile of queries that two blocks share, prime
  ragged.kv_length = 197;
  const auto find = [&](const std::string &program, const std::string &way) -> const Executable * {
    const auto found = ready.find({program, way});
    return found == ready.end() ? nullptr : found->second.get();
  };
  Result<RaggedJudge> judge = RaggedJudge::create(bundle, order.standard.program, ragged, find,
                                                  [this](auto &...given) { return run(given...); });
  if (!judge) return tl::unexpected(judge.error());
  referee = std::move(*judge);
  return {};
}

Result<std::unique_ptr<Reference>> tuner::openDeviceReference(const OpenOrder &order, const KernelBundle &bundle,
                                                              const DevicePointer &device) {
  Result<Stream> stream = Stream::create(device);
  if (!stream) return tl::unexpected(stream.error());
  auto out = std::make_unique<DeviceReference>(bundle, device, std::move(*stream));
  if (Result<void> prepared = out->prepare(order); !prepared) return tl::unexpected(prepared.error());
  return out;
}
