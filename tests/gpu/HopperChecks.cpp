// Specifications that reach each kind of sweep: one pass and two, divided blocks, masks, biases, layouts.
#include "tests/gpu/HopperChecks.h"

#include "reference/Evaluate.h"
#include "tests/gpu/SharedChecks.h"
#include "tests/gpu/Subject.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/RandomInputs.h"
#include <cmath>
#include <cstdio>
#include <random>

using namespace jvpgen;

namespace {
/// A specification, and into how many parts its blocks are divided (0: as many as the shape asks for).
struct Sweep {
  const char *name, *toml;
  int splits = 0;
};
} // namespace

static constexpr const char *kPlain = "dtype = 'bf16'\nhead_dim_qk = 128\n";
static constexpr const char *kCausal = "dtype = 'bf16'\nhead_dim_qk = 64\ncausal = 'bottom_right'\n";
static constexpr const char *kTwoPasses = "dtype = 'bf16'\nhead_dim_qk = 256\n";
static constexpr const char *kBias = "dtype = 'bf16'\nhead_dim_qk = 128\n"
                                     "bias = { dims = ['heads', 'q', 'kv'] }\ntangents = ['q', 'k', 'v', 'bias']\n";
static constexpr const char *kTensor = "dtype = 'bf16'\nhead_dim_qk = 64\nmask_tensor = { dims = ['q', 'kv'] }\n";
static constexpr const char *kF16 = "dtype = 'f16'\nhead_dim_qk = 64\n";
static constexpr const char *kRows72 = "dtype = 'bf16'\nhead_dim_qk = 72\n";
static constexpr const char *kUnequal = "dtype = 'bf16'\nhead_dim_qk = 192\nhead_dim_v = 128\ngroup = 2\n";
static constexpr const char *kPadded = "dtype = 'bf16'\nhead_dim_qk = 128\nlayout = 'padded'\n";
static constexpr const char *kPacked = "dtype = 'bf16'\nhead_dim_qk = 64\nlayout = 'packed'\ncausal = 'top_left'\n";

static Result<Subject> subjectOf(Place &place, const Sweep &sweep) {
  Result<Subject> subject = Subject::create(place, sweep.toml);
  if (!subject) return subject;
  if (!subject->usesHopper())
    return fail(ErrorKind::Unsupported, "this target has no skeleton of Hopper's; run it on sm_90a");
  subject->programs = {"forward", "tangent_forward"};
  for (KernelVariant &variant : subject->bundle.variants)
    for (Launch &launch : variant.launches) launch.schedule.splits = sweep.splits;
  return subject;
}

static int64_t keyHeads(const Subject &subject) { return 2 / std::min<int64_t>(2, subject.spec.group); }

// ---- the same bits
// -----------------------------------------------------------------------------------------------------------

static Result<std::string> repeats(Place &place, const Sweep &sweep, int runs, int64_t length) {
  Result<Subject> subject = subjectOf(place, sweep);
  if (!subject) return tl::unexpected(subject.error());
  const Problem problem = denseProblem(1, 2, 2, length, length);
  const RandomInputs drawn = makeInputs(subject->spec, problem, 5, {.kept_tiles = {.share = 0.5, .size = 48}});
  size_t compared = 0;
  for (const std::string &program : subject->programs) {
    Result<TensorSet> inputs = subject->inputsFor(program, problem, drawn.tensors);
    if (!inputs) return tl::unexpected(inputs.error());
    TensorSet first;
    for (int run = 0; run < runs; ++run) {
      subject->placement = {.strided = false, .workspace_poison = static_cast<unsigned char>(run % 2 ? 0x3c : 0xff)};
      TensorSet outputs = poisonedOutputs(subject->spec, problem, program);
      if (Result<void> done = subject->run(program, problem, *inputs, outputs); !done)
        return tl::unexpected(done.error());
      if (run == 0) first = outputs;
      Result<void> same = expectEqual(first, outputs, program + ", run " + std::to_string(run));
      if (!same) return tl::unexpected(same.error());
    }
    compared += first.size();
  }
  return std::to_string(compared) + " outputs, " + std::to_string(runs) + " runs";
}

// ---- tangents with a large mean
// -----------------------------------------------------------------------------------------------------------

/// Each row of tk is 50 times the same vector, and noise of one: row means of tS are far larger than what is spread
/// around them, and only that reaches the outputs.
static void shiftTangents(TensorSet &inputs, int64_t features) {
  constexpr double kMean = 50;
  std::mt19937 generator(9);
  std::normal_distribution<double> normal;
  std::vector<double> direction(static_cast<size_t>(features));
  for (double &x : direction) x = normal(generator);
  HostTensor &tk = inputs.find("tk")->second;
  for (int64_t k = 0; k < tk.elements(); ++k) tk.set(k, tk.get(k) + kMean * direction[size_t(k % features)]);
}

Result<std::string> jvpgen::expectPlainErrors(const TensorSet &outputs,
                                              const std::map<std::string, std::vector<double>> &truth) {
  std::string figures;
  for (const auto &[name, limit] : {std::pair("o", 2.4e-3), std::pair("to", 2.5e-3)}) {
    const HostTensor &found = outputs.find(name)->second;
    const std::vector<double> &expected = truth.find(name)->second;
    double wrong = 0, all = 0;
    for (size_t k = 0; k < expected.size(); ++k) {
      const double difference = found.get(int64_t(k)) - expected[k];
      wrong += difference * difference, all += expected[k] * expected[k];
    }
    const double error = std::sqrt(wrong / all);
    char text[64];
    std::snprintf(text, sizeof text, "%s%s %.2e of %.1e", figures.empty() ? "" : ", ", name, error, limit);
    figures += text;
    if (!(error <= limit)) return fail(ErrorKind::CheckFailed, figures + "; the error is above the limit");
  }
  return figures;
}

static Result<std::string> meansAreLost(Place &place, const Sweep &sweep, int64_t length) {
  Result<Subject> subject = subjectOf(place, sweep);
  if (!subject) return tl::unexpected(subject.error());
  const Problem problem = denseProblem(1, 2, 2, length, length);
  RandomInputs drawn = makeInputs(subject->spec, problem, 6);
  shiftTangents(drawn.tensors, subject->spec.head_dim_qk);
  Result<TensorSet> inputs = subject->inputsFor("tangent_forward", problem, drawn.tensors);
  if (!inputs) return tl::unexpected(inputs.error());
  Result<reference::TensorSet64> expected = reference::evaluate(subject->spec, problem, *inputs, "tangent_forward");
  if (!expected) return tl::unexpected(expected.error());
  TensorSet outputs = poisonedOutputs(subject->spec, problem, "tangent_forward");
  if (Result<void> done = subject->run("tangent_forward", problem, *inputs, outputs); !done)
    return tl::unexpected(done.error());
  std::map<std::string, std::vector<double>> truth;
  for (const char *name : {"o", "to"}) truth[name] = (*expected)[name].values;
  return expectPlainErrors(outputs, truth);
}

// ---- poison
// -----------------------------------------------------------------------------------------------------------

/// NaN lies beyond every head's end, between rows, and in the padding; outputs are judged.
static Result<std::string> judgedAmongPoison(Place &place, const Sweep &sweep, int64_t length) {
  Result<Subject> subject = subjectOf(place, sweep);
  if (!subject) return tl::unexpected(subject.error());
  const bool packed = subject->spec.layout == Layout::Packed;
  return subject->judge(denseProblem(3, 2, keyHeads(*subject), length, packed ? length : length + 35));
}

std::vector<Check> jvpgen::hopperChecks(Place &place, const HopperScale &scale) {
  std::vector<Check> checks;
  for (const Sweep &sweep :
       {Sweep{"plain", kPlain, 1}, Sweep{"plain in 3 parts", kPlain, 3}, Sweep{"causal", kCausal, 1},
        Sweep{"causal in 2 parts", kCausal, 2}, Sweep{"bias in 2 parts", kBias, 2}, Sweep{"two passes", kTwoPasses, 1},
        Sweep{"boolean tensor", kTensor, 2}, Sweep{"f16 in 3 parts", kF16, 3}})
    checks.push_back({std::string("Hopper, many runs, the same bits: ") + sweep.name,
                      [=, &place] { return repeats(place, sweep, scale.runs, scale.repeated_length); }});
  for (const Sweep &sweep :
       {Sweep{"plain", kPlain, 1}, Sweep{"plain in 3 parts", kPlain, 3}, Sweep{"causal", kCausal, 1},
        Sweep{"two passes", kTwoPasses, 1}, Sweep{"rows of 72", kRows72, 1}})
    checks.push_back({std::string("Hopper, tangents with a large mean: ") + sweep.name,
                      [=, &place] { return meansAreLost(place, sweep, scale.mean_length); }});
  for (const Sweep &sweep : {Sweep{"rows of 72", kRows72}, Sweep{"rows of 192 and 128, grouped", kUnequal, 2},
                             Sweep{"two passes", kTwoPasses}, Sweep{"bias", kBias, 2}, Sweep{"boolean tensor", kTensor},
                             Sweep{"padded", kPadded, 2}, Sweep{"packed", kPacked}})
    checks.push_back({std::string("Hopper, NaN around every tensor and in the padding: ") + sweep.name,
                      [=, &place] { return judgedAmongPoison(place, sweep, scale.ragged_length); }});
  return checks;
}
