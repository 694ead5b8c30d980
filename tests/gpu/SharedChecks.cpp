// Specifications, placements, and what is expected of them.
#include "tests/gpu/SharedChecks.h"

#include "tests/gpu/Subject.h"
#include "tests/gpu/WrongTensors.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/RandomInputs.h"
#include <cmath>

using namespace jvpgen;

namespace {
struct NamedSpec {
  const char *name, *toml;
};
} // namespace

static constexpr NamedSpec kPlain = {"plain", "dtype = 'bf16'\nhead_dim_qk = 64\n"};
static constexpr NamedSpec kFloat32 = {"plain in f32", "dtype = 'f32'\nhead_dim_qk = 32\n"};
static constexpr NamedSpec kGrouped = {"grouped f16 softcap", "dtype = 'f16'\nhead_dim_qk = 64\nhead_dim_v = 32\n"
                                                              "group = 2\ncausal = 'top_left'\n"
                                                              "score = '30 * tanh(z / 30)'\n"};
static constexpr NamedSpec kBias = {"relative bias", "dtype = 'bf16'\nhead_dim_qk = 64\n"
                                                     "bias = { dims = ['heads', 'q', 'kv'], dtype = 'bf16' }\n"
                                                     "tangents = ['q', 'k', 'v', 'bias']\n"};
static constexpr NamedSpec kTemperature = {"temperature", "dtype = 'bf16'\nhead_dim_qk = 64\n"
                                                          "scalars = ['temperature']\nscore = 'z * temperature'\n"
                                                          "tangents = ['q', 'k', 'v', 'temperature']\n"};
static constexpr NamedSpec kPacked = {"packed documents", "dtype = 'bf16'\nhead_dim_qk = 64\nlayout = 'packed'\n"
                                                          "query_vectors = ['q_doc']\nkv_vectors = ['kv_doc']\n"
                                                          "mask = 'q_doc == kv_doc'\n"};
static constexpr NamedSpec kPadded = {"padded", "dtype = 'bf16'\nhead_dim_qk = 64\nlayout = 'padded'\n"};
static constexpr NamedSpec kWindowAhead = {"rows without keys", "dtype = 'bf16'\nhead_dim_qk = 64\n"
                                                                "mask = 'kv_index > q_index + 20'\n"};

/// What Hopper's own skeleton refuses, the portable one runs on the same GPU: emitted for sm_90.
static std::string portableArch(const Place &place) {
  std::string arch = place.target().arch;
  if (arch.ends_with("a")) arch.pop_back();
  return arch;
}

static Result<std::string> judged(Place &place, const NamedSpec &spec, const std::string &arch, const Problem &problem,
                                  const PlacementOptions &placement) {
  Result<Subject> subject = Subject::create(place, spec.toml, arch);
  if (!subject) return tl::unexpected(subject.error());
  subject->placement = placement;
  return subject->judge(problem);
}

static Problem shapeFor(const NamedSpec &spec, int64_t length) {
  const int64_t kv_heads = spec.name == kGrouped.name ? 1 : 2;
  return denseProblem(2, 2, kv_heads, length, spec.name == kPacked.name ? length : length + 35);
}

static void addStrides(std::vector<Check> &checks, Place &place, const CheckScale &scale) {
  for (const NamedSpec &spec : {kPlain, kFloat32, kGrouped, kBias, kPacked})
    checks.push_back({std::string("strides of every tensor's own: ") + spec.name,
                      [=, &place] { return judged(place, spec, "", shapeFor(spec, scale.length), {}); }});
}

// ---- alignment
// -----------------------------------------------------------------------------------------------------------

/// Inputs that the copy engine cannot read are refused, with what to do in words, and nothing is written.
static Result<std::string> refusedByHopper(Place &place, const PlacementOptions &placement) {
  Result<Subject> subject = Subject::create(place, kPlain.toml);
  if (!subject) return tl::unexpected(subject.error());
  if (!subject->usesHopper())
    return fail(ErrorKind::Unsupported, "this target has no copy engine; the portable skeleton takes any address");
  subject->placement = placement;
  const Problem problem = denseProblem(1, 2, 2, 65, 65);
  const RandomInputs drawn = makeInputs(subject->spec, problem, 1);
  Result<TensorSet> inputs = subject->inputsFor("tangent_forward", problem, drawn.tensors);
  if (!inputs) return tl::unexpected(inputs.error());
  TensorSet outputs = poisonedOutputs(subject->spec, problem, "tangent_forward");
  Result<void> done = subject->run("tangent_forward", problem, *inputs, outputs);
  if (done) return fail(ErrorKind::CheckFailed, "tensors that the copy engine cannot read were not refused");
  if (done.error().kind != ErrorKind::Unsupported || done.error().message.find("sm_90") == std::string::npos)
    return tl::unexpected(done.error());
  return done.error().message;
}

static void addAlignment(std::vector<Check> &checks, Place &place, const CheckScale &scale) {
  const std::string portable = portableArch(place);
  for (size_t shift : {8, 4, 2})
    for (const NamedSpec &spec : {kPlain, kBias})
      checks.push_back(
          {"addresses " + std::to_string(shift) + " bytes beside a multiple of 16: " + spec.name,
           [=, &place] { return judged(place, spec, portable, shapeFor(spec, scale.length), {.shift = shift}); }});
  checks.push_back({"addresses 4 bytes beside a multiple of 16: plain in f32", [=, &place] {
                      return judged(place, kFloat32, portable, shapeFor(kFloat32, scale.length), {.shift = 4});
                    }});
  checks.push_back({"strides that are no multiple of 16 bytes: plain", [=, &place] {
                      return judged(place, kPlain, portable, shapeFor(kPlain, scale.length), {.row_gap = 6});
                    }});
  for (const NamedSpec &spec : {kPlain, kBias})
    checks.push_back({std::string("outputs 2 bytes beside a multiple of 16: ") + spec.name, [=, &place] {
                        return judged(place, spec, "", shapeFor(spec, scale.length),
                                      {.shift = 2, .shifts_inputs = false});
                      }});
  checks.push_back(
      {"the copy engine refuses unaligned addresses", [&place] { return refusedByHopper(place, {.shift = 8}); }});
  checks.push_back(
      {"the copy engine refuses unaligned strides", [&place] { return refusedByHopper(place, {.row_gap = 6}); }});
}

// ---- determinism
// -----------------------------------------------------------------------------------------------------------

Result<void> jvpgen::expectEqual(const TensorSet &first, const TensorSet &second, const std::string &what) {
  for (const auto &[name, tensor] : first) {
    auto found = second.find(name);
    for (int64_t k = 0; k < tensor.elements(); ++k)
      if (!std::isfinite(tensor.get(k)))
        return fail(ErrorKind::CheckFailed, what + ": element " + std::to_string(k) + " of '" + name + "' is " +
                                                std::to_string(tensor.get(k)) + "; run `jvpgen verify`");
    if (found == second.end() || found->second.bytes != tensor.bytes)
      return fail(ErrorKind::CheckFailed, what + ": '" + name + "' differs; run `jvpgen verify` on both");
  }
  return {};
}

static Result<std::string> repeats(Place &place, const NamedSpec &spec, const std::string &arch, int64_t length) {
  Result<Subject> subject = Subject::create(place, spec.toml, arch);
  if (!subject) return tl::unexpected(subject.error());
  const Problem problem = shapeFor(spec, length);
  const RandomInputs drawn = makeInputs(subject->spec, problem, 3);
  size_t outputs = 0;
  for (const std::string &program : subject->programs) {
    subject->placement = {.strided = false};
    Result<TensorSet> inputs = subject->inputsFor(program, problem, drawn.tensors);
    if (!inputs) return tl::unexpected(inputs.error());
    std::vector<TensorSet> results;
    for (unsigned char poison : {0xff, 0x3c}) { // NaN; 0.0115 in bf16 and float32
      subject->placement.workspace_poison = poison;
      results.push_back(poisonedOutputs(subject->spec, problem, program));
      if (Result<void> done = subject->run(program, problem, *inputs, results.back()); !done)
        return tl::unexpected(done.error());
    }
    if (Result<void> same = expectEqual(results[0], results[1], program + " run twice"); !same)
      return tl::unexpected(same.error());
    outputs += results[0].size();
  }
  return std::to_string(outputs) + " outputs of " + std::to_string(subject->programs.size()) + " programs";
}

static void addDeterminism(std::vector<Check> &checks, Place &place, const CheckScale &scale) {
  const std::string portable = portableArch(place);
  for (const NamedSpec &spec : {kPlain, kBias, kTemperature}) {
    checks.push_back({std::string("run twice, the same bits: ") + spec.name,
                      [=, &place] { return repeats(place, spec, "", scale.repeated_length); }});
    if (portable != place.target().arch)
      checks.push_back({std::string("run twice, the same bits, portable skeleton: ") + spec.name,
                        [=, &place] { return repeats(place, spec, portable, scale.repeated_length); }});
  }
}

static void addEmptiness(std::vector<Check> &checks, Place &place) {
  struct Case {
    const char *name;
    NamedSpec spec;
    Problem problem;
  };
  for (const Case &c :
       {Case{"query rows that see no key", kWindowAhead, denseProblem(1, 2, 2, 65, 65)},
        Case{"all rows without keys", kWindowAhead, denseProblem(1, 2, 2, 33, 20)},
        Case{"sequences of length 0, padded", kPadded, denseProblem(4, 2, 2, 40, 70)},
        Case{"sequences of length 0, packed", kPacked, denseProblem(4, 2, 2, 40, 40)},
        Case{"no queries", kBias, denseProblem(2, 2, 2, 0, 40)}, Case{"no keys", kBias, denseProblem(2, 2, 2, 40, 0)},
        Case{"no queries and no keys", kPlain, denseProblem(1, 1, 1, 0, 0)},
        Case{"no sequences", kPlain, denseProblem(0, 2, 2, 8, 8)},
        Case{"one query and one key", kBias, denseProblem(1, 1, 1, 1, 1)}})
    checks.push_back({c.name, [=, &place] { return judged(place, c.spec, "", c.problem, {}); }});
}

std::vector<Check> jvpgen::sharedChecks(Place &place, const CheckScale &scale) {
  std::vector<Check> checks;
  addStrides(checks, place, scale);
  addAlignment(checks, place, scale);
  checks.push_back({"wrong tensors are refused", [&place] { return refusesWrongTensors(place); }});
  addDeterminism(checks, place, scale);
  addEmptiness(checks, place);
  return checks;
}
