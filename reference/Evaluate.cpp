// Deals the heads out to threads and gathers what they add.
#include "reference/Evaluate.h"
#include "reference/HeadPass.h"

#include <limits>
#include <set>
#include <thread>

using namespace jvpgen;
using namespace jvpgen::reference;

static bool isSaved(std::string_view name) { return name == "o" || name == "to" || name == "lse" || name == "mu"; }

/// Every input that the program reads but saved outputs, and the primals that a saved output would have stood for.
static std::vector<std::string> inputNames(const AttentionSpec &spec, std::string_view program) {
  bool tangents = program.starts_with("tangent_");
  std::set<std::string> names = {"k", "q", "v"};
  for (const std::string &from : {std::string(program), std::string(tangents ? "tangent_forward" : "forward")})
    for (const std::string &name : inputsOf(spec, from))
      if (!isSaved(name)) names.insert(name);
  return {names.begin(), names.end()};
}

static std::vector<Place> places(const Setting &setting) {
  auto length = [&](const std::string &side, int64_t b, int64_t all, int64_t &start) {
    if (const Source *offsets = setting.source(side + "_offsets")) {
      start = int64_t(offsets->tensor->get(b));
      return int64_t(offsets->tensor->get(b + 1)) - start;
    }
    const Source *lengths = setting.source(side + "_lengths");
    return lengths ? int64_t(lengths->tensor->get(b)) : all;
  };
  std::vector<Place> out;
  for (int64_t b = 0; b < setting.problem.batch; ++b)
    for (int64_t n = 0; n < setting.problem.kv_heads; ++n) {
      Place place{b, n, 0, 0, 0, 0};
      place.q_length = length("q", b, setting.problem.q_length, place.q_start);
      place.kv_length = length("kv", b, setting.problem.kv_length, place.kv_start);
      out.push_back(place);
    }
  return out;
}

namespace {

/// The outputs: shared where every element has one writer, one for each worker where heads or sequences add up.
template <typename S> class Outputs {
public:
  Outputs(const Setting &setting, std::string_view program, size_t workers) : targets(workers) {
    for (const std::string &name : outputsOf(setting.spec, program)) {
      add(setting, name, name);
      const NamedInput *input = namedInputOf(setting.spec, name);
      if (input && input->kind != NamedInput::Kind::Bias) add(setting, byRow(name), "lse");
    }
  }

  Targets<S> &ofWorker(size_t w) { return targets[w]; }

  /// Sums over the workers, in their order.
  TensorSet64 collect() {
    TensorSet64 out;
    for (auto &[name, copies] : storage) {
      Target<S> &total = copies[0];
      for (size_t w = 1; w < copies.size(); ++w)
        for (size_t k = 0; k < total.data.size(); ++k) total.data[k] = total.data[k] + copies[w].data[k];
      Tensor64 tensor;
      tensor.shape = total.shape;
      for (const S &x : total.data) tensor.values.push_back(valueOf(x)), tensor.magnitudes.push_back(magnitudeOf(x));
      out.emplace(name, std::move(tensor));
    }
    for (const auto &[name, copies] : storage)
      if (auto rows = out.extract(byRow(name))) {
        out.at(name).rows = std::move(rows.mapped().values);
        out.at(name).row_length = size_t(rows.mapped().shape.back());
      }
    return out;
  }

private:
  std::map<std::string, std::vector<Target<S>>> storage;
  std::vector<Targets<S>> targets;

  /// A target shaped as the tensor `like`.
  void add(const Setting &setting, const std::string &name, const std::string &like) {
    HostTensor shape;
    shape.name = like, shape.shape = shapeOf(setting.spec, setting.problem, like);
    Target<S> target{Access(setting.spec, shape), shape.shape, {}};
    target.data.assign(size_t(shape.elements()), S(name == "lse" ? -std::numeric_limits<double>::infinity() : 0.0));
    size_t copies = target.access.isPrivate() ? 1 : targets.size();
    std::vector<Target<S>> &own = storage.emplace(name, std::vector<Target<S>>(copies, target)).first->second;
    for (size_t w = 0; w < targets.size(); ++w) targets[w].emplace(name, &own[copies == 1 ? 0 : w]);
  }
};

} // namespace

template <typename S> static TensorSet64 runHeads(const Setting &setting, std::string_view program) {
  std::vector<Place> work = places(setting);
  size_t workers = std::max<size_t>(1, std::min<size_t>(work.size(), std::thread::hardware_concurrency()));
  Outputs<S> outputs(setting, program, workers);
  std::vector<std::thread> threads;
  for (size_t w = 0; w < workers; ++w)
    threads.emplace_back([&, w] {
      for (size_t t = w; t < work.size(); t += workers) HeadPass<S>(setting, work[t], outputs.ofWorker(w)).run();
    });
  for (std::thread &thread : threads) thread.join();
  return outputs.collect();
}

static Result<Setting> prepare(const AttentionSpec &spec, const Problem &problem, const TensorSet &inputs,
                               std::string_view program) {
  std::vector<std::string> names = inputNames(spec, program);
  Result<Problem> stated = deduceProblem(spec, inputs, names);
  if (!stated) return tl::unexpected(stated.error());
  if (*stated != problem)
    return fail(ErrorKind::Invalid,
                "the tensors state another problem than the one that is asked for; deduce it from them");
  Setting setting{spec, problem, program.starts_with("tangent_"), program.ends_with("backward"), {}};
  for (const std::string &name : names) {
    const HostTensor &tensor = inputs.find(name)->second;
    setting.sources.emplace(name, Source{&tensor, Access(spec, tensor)});
  }
  return setting;
}

Result<TensorSet64> jvpgen::reference::evaluate(const AttentionSpec &spec, const Problem &problem,
                                                const TensorSet &inputs, std::string_view program) {
  Result<Setting> setting = prepare(spec, problem, inputs, program);
  if (!setting) return tl::unexpected(setting.error());
  return runHeads<Weighed>(*setting, program);
}

Result<TensorSet64> jvpgen::reference::evaluatePlain(const AttentionSpec &spec, const Problem &problem,
                                                     const TensorSet &inputs, std::string_view program,
                                                     uint64_t realisation) {
  Result<Setting> setting = prepare(spec, problem, inputs, program);
  if (!setting) return tl::unexpected(setting.error());
  setting->realisation = realisation;
  setting->functions = {spec.dtype == DType::F32 ? Functions::Kind::Standard : Functions::Kind::Intrinsic, realisation};
  setting->product = Rounding::of(spec.dtype, spec.three_xtf32);
  setting->saved = Rounding::of(spec.output_dtype, true);
  TensorSet64 out = runHeads<float>(*setting, program);
  for (auto &[name, tensor] : out) {
    Rounding stored = Rounding::of(typeOf(spec, name), true);
    for (double &x : tensor.values) x = double(stored(float(x)));
  }
  return out;
}
