#include "tuner/RaggedJudge.h"

#include "runtime/abi/References.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

using namespace jvpgen;
using namespace jvpgen::tuner;

static constexpr int kDraws = 4;

std::vector<std::pair<std::string, std::string>> tuner::referencesFor(const std::string &program) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string &before : programsBefore(program)) out.push_back({before, kDerivedReference});
  for (const char *way : {kDerivedReference, kSimplifiedReference, kRoundedReference}) out.push_back({program, way});
  return out;
}

static std::set<std::string> namedBy(const std::vector<KernelVariant> &variants, const std::string &program) {
  std::set<std::string> out;
  for (const KernelVariant &variant : variants)
    if (variant.program == program)
      for (const Launch &launch : variant.launches) {
        out.insert(launch.tensors.begin(), launch.tensors.end());
        for (const TensorMapDeclaration &map : launch.maps) out.insert(map.tensor);
      }
  return out;
}

static RowShape rowsOf(const KernelBundle &bundle, const TensorDeclaration &tensor, const Problem &problem) {
  const auto has = [&](const char *letters) { return tensor.indices.find_first_of(letters) != std::string::npos; };
  const bool isMatrix = has("i") && has("j");
  return {has("de") || isMatrix ? extentsOf(bundle, tensor, problem).back() : 1, !has("ij")};
}

/// What float32 leaves of sums that cancel: each of their terms is wrong by some roundings of 1, in no direction.
static double noiseOf(const KernelBundle &bundle, const Problem &problem) {
  const int64_t terms = bundle.head_dim_qk * std::min(problem.q_length, problem.kv_length);
  return 8 * 0x1p-24 / std::sqrt(double(std::max<int64_t>(terms, 1)));
}

/// What nothing is more exact than: results that products of 16 bits make, and those that are float32 throughout.
static DeviationLimit leastLimit(const KernelBundle &bundle, const TensorDeclaration &tensor, bool isSum) {
  DType operands = DType::F32;
  for (const TensorDeclaration &other : bundle.tensors)
    if (other.name == "q") operands = other.dtype;
  const bool isFloat = operands == DType::F32 || isSum || tensor.name == "lse" || tensor.name == "mu";
  const double u = operands == DType::BF16 ? 0x1p-8 : 0x1p-11;
  return isFloat ? DeviationLimit{16 * 0x1p-24, 64 * 0x1p-24} : DeviationLimit{u, 2 * u};
}

static double rootMeanSquare(const std::vector<double> &x) {
  double sum = 0;
  for (double v : x) sum += v * v;
  return std::sqrt(sum / double(std::max<size_t>(x.size(), 1)));
}

/// Evaluates references, and keeps what outputs they gave.
class RaggedJudge::Evaluation {
public:
  Evaluation(const KernelBundle &bundle, const std::string &program, const Problem &problem, const Find &find,
             const Run &run)
      : bundle(bundle), program(program), problem(problem), find(find), run(run), view(referencesOf(bundle)) {
    const std::set<std::string> written = namedBy(bundle.variants, program);
    std::set<std::string> earlier; // backward references name no output that they only read but saved ones
    for (const std::string &before : programsBefore(program)) earlier.merge(namedBy(view.variants, before));
    for (const TensorDeclaration &tensor : bundle.tensors)
      if (tensor.is_output && written.contains(tensor.name) && !earlier.contains(tensor.name)) own.push_back(tensor);
  }

  /// Outputs of the program, by the names that the interface gives them.
  std::vector<TensorDeclaration> own;

  Result<Draw> draw(uint64_t seed) const {
    Draw out{raggedInputs(bundle, problem, seed), {}};
    for (const std::string &before : programsBefore(program))
      if (Result<void> ok = evaluate(before, kDerivedReference, out.inputs); !ok) return tl::unexpected(ok.error());
    TensorBytes tensors = out.inputs;
    if (Result<void> ok = evaluate(program, kDerivedReference, tensors); !ok) return tl::unexpected(ok.error());
    for (const TensorDeclaration &tensor : own) {
      const std::vector<double> &truth = out.truth[tensor.name] = decoded(tensors.at(tensor.name), DType::F64);
      if (!truth.empty() && std::all_of(truth.begin(), truth.end(), [](double x) { return std::isnan(x); }))
        return fail(ErrorKind::Environment, "verifying " + program +
                                                " needs its reference, which wrote no number of '" + tensor.name +
                                                "'; see whether the GPU runs any kernel");
    }
    return out;
  }

  /// A reference on a draw: its own outputs, rounded to their types unless they are exact.
  Result<std::map<std::string, std::vector<double>>> outputs(const Draw &draw, const std::string &way) const {
    const bool isExact = way != kRoundedReference;
    TensorBytes tensors = draw.inputs;
    for (const TensorDeclaration &tensor : bundle.tensors)
      if (auto saved = tensors.find(tensor.name); tensor.is_output && !isExact && saved != tensors.end())
        saved->second = encoded(stored(decoded(saved->second, DType::F64), tensor.dtype), DType::F64);
    if (Result<void> ok = evaluate(program, way, tensors); !ok) return tl::unexpected(ok.error());
    std::map<std::string, std::vector<double>> out;
    for (const TensorDeclaration &tensor : own) {
      std::vector<double> values = decoded(tensors.at(tensor.name), DType::F64);
      out[tensor.name] = isExact ? std::move(values) : stored(values, tensor.dtype);
    }
    return out;
  }

  static std::vector<double> stored(const std::vector<double> &x, DType type) {
    return decoded(encoded(x, type), type);
  }

private:
  /// Adds what it writes to the tensors, all digits kept.
  Result<void> evaluate(const std::string &which, const std::string &way, TensorBytes &tensors) const {
    const Executable *reference = find(which, way);
    if (!reference)
      return fail(ErrorKind::Invalid, "verifying " + program + " needs the reference '" + way + "' of " + which +
                                          ", which the bundle '" + bundle.name + "' lacks; emit the bundle again");
    const std::set<std::string> named = namedBy(view.variants, which);
    for (const TensorDeclaration &tensor : view.tensors)
      if (tensor.is_output && named.contains(tensor.name))
        tensors.try_emplace(tensor.name, layoutOf(view, tensor, problem).bytes, (unsigned char)(0xff));
    return run(view, *reference, problem, tensors);
  }

  const KernelBundle &bundle;
  const std::string &program;
  const Problem &problem;
  const Find &find;
  const Run &run;
  const KernelBundle view;
};

/// "output 'o' at a small shape: error 1e-1 (limit 2e-3), worst row ..."
static std::string complaintOf(const std::string &name, const Deviation &found, const DeviationLimit &limit) {
  char text[160];
  std::snprintf(text, sizeof text, "error %.2e (limit %.2e), worst row %.2e (limit %.2e)", found.whole, limit.whole,
                found.row, limit.row);
  return "output '" + name + "' at a small shape: " + (found.complaint.empty() ? text : found.complaint);
}

Result<RaggedJudge> RaggedJudge::create(const KernelBundle &bundle, const std::string &program, const Problem &ragged,
                                        const Find &find, const Run &run) {
  RaggedJudge out;
  out.bundle = &bundle;
  out.problem = raggedProblem(bundle, ragged);
  const Evaluation evaluation(bundle, program, out.problem, find, run);
  std::vector<Draw> draws;
  for (int k = 0; k < kDraws; ++k) {
    Result<Draw> draw = evaluation.draw(uint64_t(k) + 5);
    if (!draw) return tl::unexpected(draw.error());
    draws.push_back(std::move(*draw));
  }
  for (const TensorDeclaration &tensor : evaluation.own) {
    Output output{tensor, rowsOf(bundle, tensor, out.problem), draws[0].truth.at(tensor.name), 0, {}};
    output.scale = kLeastOfTerms * double(out.problem.batch * out.problem.heads * out.problem.q_length);
    for (const Draw &draw : draws) output.scale = std::max(output.scale, rootMeanSquare(draw.truth.at(tensor.name)));
    output.limit = leastLimit(bundle, tensor, output.rows.isSum);
    const double noise = noiseOf(bundle, out.problem) / std::max(rootMeanSquare(output.truth), kLeastOfTerms);
    output.limit = {std::max(output.limit.whole, noise), std::max(output.limit.row, 4 * noise)};
    out.outputs.push_back(std::move(output));
  }
  for (const Draw &draw : draws)
    if (Result<void> ok = out.widen(evaluation, draw); !ok) return tl::unexpected(ok.error());
  out.inputs = std::move(draws[0].inputs);
  for (const TensorDeclaration &tensor : bundle.tensors)
    if (auto saved = out.inputs.find(tensor.name); tensor.is_output && saved != out.inputs.end())
      saved->second = encoded(decoded(saved->second, DType::F64), tensor.dtype);
  return out;
}

/// Takes a draw's errors of a plain kernel into the limits. Products of 16 bits leave every kernel with nearly the
/// same; what is float32 throughout and cancels, sums over all rows and mu = sum_j P tS, depends on the order of the
/// sum.
Result<void> RaggedJudge::widen(const Evaluation &evaluation, const Draw &draw) {
  constexpr double kFloat64 = 1e-7, kErrors = 2, kErrorsOfSums = 8;
  auto simplified = evaluation.outputs(draw, kSimplifiedReference),
       rounded = evaluation.outputs(draw, kRoundedReference);
  if (!simplified || !rounded) return tl::unexpected(simplified ? rounded.error() : simplified.error());
  for (Output &output : outputs) {
    const std::string &name = output.tensor.name;
    const std::vector<double> &truth = draw.truth.at(name);
    const Deviation fault = measure(simplified->at(name), truth, output.rows, output.scale);
    if (!fault.complaint.empty() || fault.row > kFloat64)
      return fail(ErrorKind::CheckFailed, "the simplified program does not compute what the derived one does: " +
                                              complaintOf(name, fault, {kFloat64, kFloat64}) +
                                              "; report the specification as a fault of jvpgen");
    const Deviation error = measure(rounded->at(name), truth, output.rows, output.scale);
    if (!error.complaint.empty()) continue; // float32 overflowed; no limit comes from it
    const double times = output.rows.isSum || output.tensor.name == "mu" ? kErrorsOfSums : kErrors;
    output.limit.whole = std::max(output.limit.whole, times * error.whole);
    output.limit.row = std::max(output.limit.row, times * error.row);
  }
  return {};
}

Attempt<double> RaggedJudge::judge(const Executable &executable, const Run &run) const {
  TensorBytes tensors = inputs;
  for (const Output &output : outputs)
    tensors[output.tensor.name].assign(layoutOf(*bundle, output.tensor, problem).bytes,
                                       0xff); // NaN: what is left out is seen
  if (Result<void> ran = run(*bundle, executable, problem, tensors); !ran) {
    const bool isDriver = ran.error().message.find("CUDA_ERROR_") != std::string::npos;
    return failed(Outcome::Faulted, ran.error().message, isDriver);
  }
  double largest = 0;
  for (const Output &output : outputs) {
    const std::vector<double> values = decoded(tensors.at(output.tensor.name), output.tensor.dtype);
    const Deviation found = measure(values, output.truth, output.rows, output.scale);
    if (!found.complaint.empty() || found.whole > output.limit.whole || found.row > output.limit.row)
      return failed(Outcome::Wrong, complaintOf(output.tensor.name, found, output.limit));
    largest = std::max(largest, found.whole);
  }
  return largest;
}
