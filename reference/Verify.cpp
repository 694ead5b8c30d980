// Limits from plain arithmetic, and the walk through the programs.
#include "reference/Verify.h"
#include "reference/Deviation.h"

#include <algorithm>
#include <cmath>
#include <future>

using namespace jvpgen;
using namespace jvpgen::reference;

static bool isSaved(std::string_view name) { return name == "o" || name == "to" || name == "lse" || name == "mu"; }

/// Largest relative error of rounding to the type that products' operands have.
static double unitRoundoff(const AttentionSpec &spec) {
  switch (spec.dtype) {
  case DType::BF16: return 0x1p-8;
  case DType::F16: return 0x1p-11;
  default: return spec.three_xtf32 ? 0x1p-24 : 0x1p-11;
  }
}

namespace {
struct Limits {
  double whole, row;
};
} // namespace

/// Enough to tell how the error of a row scatters.
static uint64_t realisations(const Problem &problem) {
  constexpr int64_t least = 8, most = 16, draws = 64;
  return uint64_t(std::clamp(draws / std::max<int64_t>(1, problem.batch * problem.heads), least, most));
}

namespace {
/// Errors of plain arithmetic over its realisations.
class PlainErrors {
public:
  void add(const Deviation &one) {
    if (!one.isFinite()) return; // float32 overflowed; no limit comes from it
    whole = std::max(whole, one.relative), seen = std::max(seen, one.worst_row);
    norm_chance = std::max(norm_chance, one.norm_chance), row_chance = std::max(row_chance, one.row_chance);
    norm_floor = one.norm_floor, row_floor = one.row_floor;
    sum.resize(one.rows.size()), squares.resize(one.rows.size());
    for (size_t k = 0; k < one.rows.size(); ++k) sum[k] += one.rows[k], squares[k] += one.rows[k] * one.rows[k];
    count += 1;
  }

  /// The largest that was seen, or that one row may have by bad luck: its mean and four standard deviations. A row of
  /// few keys, whose error is that of one stored o times a vector, is often far below in as many draws.
  double worstRow() const {
    double worst = seen;
    for (size_t k = 0; k < sum.size(); ++k) {
      double mean = sum[k] / count, variance = std::max(0.0, squares[k] / count - mean * mean);
      worst = std::max(worst, mean + 4 * std::sqrt(variance * count / (count - 1)));
    }
    return worst;
  }

  double whole = 0, norm_chance = 0, row_chance = 0, norm_floor = 0, row_floor = 0;

private:
  double seen = 0, count = 0;
  std::vector<double> sum, squares;
};
} // namespace

/// Limits as the class comment of Judge states them, from the errors of plain arithmetic.
static Limits limitsOf(const AttentionSpec &spec, const Problem &problem, std::string_view output,
                       const Tensor64 &truth, const PlainErrors &error) {
  double u = unitRoundoff(spec),
         terms = double(spec.head_dim_qk) * double(std::min(problem.q_length, problem.kv_length));
  double rounding = 8 * 0x1p-24 / std::sqrt(std::max(1.0, terms));
  bool float32 =
      u < 0x1p-20 || !truth.rows.empty() || ((output == "lse" || output == "mu") && spec.dtype != DType::F32);
  return {std::max({2 * error.whole, 4 * error.norm_chance, float32 ? 16 * 0x1p-24 : u, rounding * error.norm_floor}),
          std::max({2 * error.worstRow(), 4 * error.row_chance, float32 ? 64 * 0x1p-24 : 2 * u,
                    rounding * error.row_floor})};
}

/// Relative errors that must not be exceeded: plain attention, random normal, length 1024, both products of one width.
static double statedLimit(const AttentionSpec &spec, const Problem &problem, const RandomOptions &options,
                          std::string_view output) {
  bool isPlain = spec.score.op == ExprOp::Variable && spec.score.text == "z" && !spec.mask && spec.inputs.empty() &&
                 spec.layout == Layout::Dense && spec.group == 1 && spec.tangents.size() == 3 &&
                 spec.head_dim_qk == spec.head_dim_v && (spec.head_dim_v == 64 || spec.head_dim_v == 128) &&
                 std::abs(spec.softmax_scale * std::sqrt(spec.head_dim_qk) - 1) < 1e-12 && options.q_scale == 1 &&
                 options.tangent_mean == 0 && options.tangent_scale == 1 && problem.q_length == 1024 &&
                 problem.kv_length == 1024;
  if (!isPlain) return INFINITY;
  struct Stated {
    std::string_view output;
    double bf16, f16;
  };
  constexpr Stated table[] = {{"o", 2.4e-3, 4e-4}, {"to", 2.5e-3, 4e-4}, {"dq", 3.4e-3, 0},  {"dk", 4.9e-3, 0},
                              {"dv", 3.2e-3, 0},   {"dtq", 2.9e-3, 0},   {"dtk", 2.9e-3, 0}, {"dtv", 2.4e-3, 0}};
  for (const Stated &stated : table)
    if (stated.output == output) {
      double limit = spec.dtype == DType::BF16 ? stated.bf16 : spec.dtype == DType::F16 ? stated.f16 : 0;
      return limit > 0 ? limit : INFINITY;
    }
  return INFINITY;
}

Result<void> Judge::expect(const std::string &program, const VerifyOptions &options,
                           std::map<std::string, Expected> &into) const {
  auto evaluated =
      std::async(std::launch::async, [&] { return evaluate(spec, drawn.problem, drawn.tensors, program); });
  Result<TensorSet64> first = evaluatePlain(spec, drawn.problem, drawn.tensors, program);
  Result<TensorSet64> truth = evaluated.get();
  if (!truth) return tl::unexpected(truth.error());
  std::map<std::string, PlainErrors> errors;
  auto add = [&](const Tensor64 &plain, const std::string &name) {
    errors[name].add(measure(truth->at(name), plain.values, plain.rows));
  };
  for (uint64_t k = 0; k < realisations(drawn.problem); ++k) {
    Result<TensorSet64> plain =
        k == 0 ? std::move(first) : evaluatePlain(spec, drawn.problem, drawn.tensors, program, k);
    if (!plain) return tl::unexpected(plain.error());
    for (const auto &[name, tensor] : *plain) add(tensor, name);
  }
  for (auto &[name, tensor] : *truth) {
    Limits limits = limitsOf(spec, drawn.problem, name, tensor, errors[name]);
    limits.whole = std::min(limits.whole, statedLimit(spec, drawn.problem, options.inputs, name));
    into.emplace(name, Expected{std::move(tensor), limits.whole, limits.row});
  }
  return {};
}

Result<Judge> Judge::prepare(const AttentionSpec &spec, const Problem &problem, const VerifyOptions &options) {
  Judge out;
  out.spec = spec;
  out.drawn = makeInputs(spec, problem, options.seed, options.inputs);
  for (const std::string &program : programsOf(spec)) {
    bool wanted = options.programs.empty() ||
                  std::find(options.programs.begin(), options.programs.end(), program) != options.programs.end();
    if (wanted) out.programs.push_back(program);
  }
  for (const std::string &program : options.programs)
    if (std::find(out.programs.begin(), out.programs.end(), program) == out.programs.end())
      return fail(ErrorKind::Invalid, "program '" + program + "' was asked for; specification '" + spec.name +
                                          "' does not allow it; leave it out or add what it needs");
  std::vector<std::future<Result<void>>> work; // programs are independent of one another
  for (const std::string &program : out.programs) {
    std::map<std::string, Expected> &into = out.expected[program];
    work.push_back(std::async(std::launch::async, [&] { return out.expect(program, options, into); }));
  }
  Result<void> done;
  for (std::future<Result<void>> &each : work)
    if (Result<void> ok = each.get(); !ok) done = ok;
  for (const std::string &program : out.programs)
    if (done) done = out.supply(program);
  if (!done) return tl::unexpected(done.error());
  return out;
}

/// The truth for saved outputs that no forward program of the specification returns, rounded to their types.
Result<void> Judge::supply(const std::string &program) {
  AttentionSpec all = spec;
  all.outputs = {"o", "to", "lse", "mu"};
  std::string forward = program.starts_with("tangent_") ? "tangent_forward" : "forward";
  std::vector<std::string> offered = outputsOf(spec, forward);
  auto lacks = [&](const std::string &name) {
    return isSaved(name) && std::find(offered.begin(), offered.end(), name) == offered.end();
  };
  std::vector<std::string> needed = inputsOf(spec, program);
  if (std::none_of(needed.begin(), needed.end(), lacks)) return {};
  Result<TensorSet64> truth = evaluate(all, drawn.problem, drawn.tensors, forward);
  if (!truth) return tl::unexpected(truth.error());
  for (const std::string &name : needed) {
    if (!lacks(name)) continue;
    HostTensor tensor(name, typeOf(spec, name), shapeOf(spec, drawn.problem, name));
    for (int64_t k = 0; k < tensor.elements(); ++k) tensor.set(k, truth->at(name).values[size_t(k)]);
    supplied[program].emplace(name, std::move(tensor));
  }
  return {};
}

/// What the program reads: drawn inputs, and saved outputs of the runner's own forward program.
TensorSet Judge::inputsFor(const std::string &program, const std::map<std::string, TensorSet> &results) const {
  TensorSet out;
  if (auto given = supplied.find(program); given != supplied.end()) out = given->second;
  auto saved = results.find(program.starts_with("tangent_") ? "tangent_forward" : "forward");
  for (const std::string &name : inputsOf(spec, program)) {
    if (auto given = drawn.tensors.find(name); given != drawn.tensors.end()) out.insert(*given);
    if (!isSaved(name) || saved == results.end()) continue;
    if (auto tensor = saved->second.find(name); tensor != saved->second.end()) out.insert(*tensor);
  }
  return out;
}

void Judge::record(const std::string &program, const TensorSet &outputs, std::vector<Record> &records) const {
  for (const auto &[name, want] : expected.at(program)) {
    Record record{program, name, INFINITY, INFINITY, want.limit, want.row_limit, false, false, ""};
    auto found = outputs.find(name);
    if (found == outputs.end() || found->second.shape != want.value.shape) {
      record.complaint = "the tensor is missing or has another shape";
      records.push_back(std::move(record));
      continue;
    }
    std::vector<double> values;
    for (int64_t k = 0, n = found->second.elements(); k < n; ++k) values.push_back(found->second.get(k));
    Deviation error = measure(want.value, values);
    record.complaint = error.complaint;
    if (error.isFinite()) record.relative_error = error.relative, record.worst_row_error = error.worst_row;
    record.passed = error.isFinite() && error.relative <= want.limit && error.worst_row <= want.row_limit;
    records.push_back(std::move(record));
  }
}

TensorSet Judge::trueOutputs(const std::string &program) const {
  TensorSet out = poisonedOutputs(spec, drawn.problem, program);
  for (auto &[name, tensor] : out)
    for (int64_t k = 0; k < tensor.elements(); ++k)
      tensor.set(k, expected.at(program).at(name).value.values[size_t(k)]);
  return out;
}

Result<std::vector<Record>> Judge::judge(const Runner &run) const {
  std::vector<Record> records;
  std::map<std::string, TensorSet> results;
  auto isWanted = [&](const std::string &program) { return expected.contains(program); };
  for (const std::string &program : programsOf(spec)) {
    bool tangents = program.starts_with("tangent_"), forward = program.ends_with("forward");
    bool feeds = forward && isWanted(tangents ? "tangent_backward" : "backward");
    if (!isWanted(program) && !feeds) continue;
    TensorSet inputs = inputsFor(program, results), outputs = poisonedOutputs(spec, drawn.problem, program);
    Result<void> ran = run(program, drawn.problem, inputs, outputs);
    if (ran) {
      if (isWanted(program)) record(program, outputs, records);
      if (forward) results[program] = std::move(outputs);
      continue;
    }
    if (ran.error().kind != ErrorKind::Unsupported) return tl::unexpected(ran.error());
    if (isWanted(program)) records.push_back({program, "", 0, 0, 0, 0, false, true, ran.error().message});
    if (forward && isWanted(program)) results[program] = trueOutputs(program); // its backward program is judged alone
  }
  return records;
}

Result<std::vector<Record>> jvpgen::reference::verify(const AttentionSpec &spec, const Problem &problem,
                                                      const VerifyOptions &options, const Runner &run) {
  Result<Judge> judge = Judge::prepare(spec, problem, options);
  if (!judge) return tl::unexpected(judge.error());
  return judge->judge(run);
}

bool jvpgen::reference::allPassed(const std::vector<Record> &records) {
  return std::all_of(records.begin(), records.end(), [](const Record &record) { return record.passed; });
}
