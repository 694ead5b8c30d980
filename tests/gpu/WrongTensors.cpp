// One right launch, spoilt in many ways.
#include "tests/gpu/WrongTensors.h"

#include "tests/gpu/Subject.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/RandomInputs.h"

using namespace jvpgen;

static void move(void *&address, int bytes) { address = static_cast<unsigned char *>(address) + bytes; }

static std::vector<WrongLaunch> wrongLaunches() {
  return {{"null", "its address is null", [](LaunchCall &c) { c.tensors["k"].data = nullptr; }},
          {"missing", "'tv': it is missing", [](LaunchCall &c) { c.tensors.erase("tv"); }},
          {"missing output", "'dtq': it is missing; give memory for it", [](LaunchCall &c) { c.tensors.erase("dtq"); }},
          {"another type", "it is f16, not bf16", [](LaunchCall &c) { c.tensors["q"].dtype = DType::F16; }},
          {"stride 0 of an output", "its stride along 'i' is 0", [](LaunchCall &c) { c.tensors["dq"].stride[2] = 0; }},
          {"odd address", "no multiple of its 2-byte elements", [](LaunchCall &c) { move(c.tensors["v"].data, 1); }},
          {"odd address of float32", "no multiple of its 4-byte elements",
           [](LaunchCall &c) { move(c.tensors["lse"].data, 2); }},
          {"no workspace", "it is null; allocate workspaceBytes", [](LaunchCall &c) { c.workspace = nullptr; }},
          {"unaligned workspace", "at a multiple of 256", [](LaunchCall &c) { move(c.workspace, 16); }},
          {"heads that do not divide", "positive multiple of", [](LaunchCall &c) { c.problem.kv_heads = 3; }},
          {"negative length", "a negative batch or length", [](LaunchCall &c) { c.problem.q_length = -1; }}};
}

static Result<void> expectRefusal(const Executable &executable, const WrongLaunch &wrong, LaunchCall call,
                                  void *stream) {
  wrong.spoil(call);
  Result<void> done = executable.launch(call.problem, call.tensors, call.workspace, stream);
  if (done)
    return fail(ErrorKind::CheckFailed, "a launch with a tensor that is wrong (" + wrong.name + ") was not refused");
  if (done.error().kind == ErrorKind::Invalid && done.error().message.find(wrong.words) != std::string::npos) return {};
  return fail(ErrorKind::CheckFailed,
              wrong.name + ": '" + wrong.words + "' was expected, not: " + done.error().message);
}

Result<std::string> jvpgen::refusesWrongTensors(Place &place, const std::vector<WrongLaunch> &more) {
  Result<Subject> subject = Subject::create(place, "dtype = 'bf16'\nhead_dim_qk = 64\n");
  if (!subject) return tl::unexpected(subject.error());
  const Problem problem = denseProblem(1, 2, 2, 65, 65);
  const TensorSet drawn = makeInputs(subject->spec, problem, 5).tensors;
  std::vector<WrongLaunch> all = wrongLaunches();
  all.insert(all.end(), more.begin(), more.end());
  const std::string program = "tangent_backward"; // it has a workspace
  Result<TensorSet> inputs = subject->inputsFor(program, problem, drawn);
  if (!inputs) return tl::unexpected(inputs.error());
  Result<const Executable *> executable = subject->executable(program);
  if (!executable) return tl::unexpected(executable.error());
  const TensorSet poisoned = poisonedOutputs(subject->spec, problem, program);
  Result<PlacedTensors> tensors = PlacedTensors::create(place, subject->spec, *inputs, poisoned,
                                                        (*executable)->workspaceBytes(problem), {.strided = false});
  if (!tensors) return tl::unexpected(tensors.error());
  const LaunchCall right{problem, tensors->views, tensors->workspace()};
  for (const WrongLaunch &wrong : all)
    if (Result<void> refused = expectRefusal(**executable, wrong, right, place.stream()); !refused)
      return tl::unexpected(refused.error());
  TensorSet outputs = poisoned;
  Result<void> waited = place.synchronize().and_then([&] { return tensors->collect(outputs); });
  if (!waited) return tl::unexpected(waited.error());
  for (const auto &[name, tensor] : outputs)
    if (tensor.bytes != poisoned.find(name)->second.bytes)
      return fail(ErrorKind::CheckFailed, "a refused launch wrote to '" + name + "'; check before the first kernel");
  Result<void> launched = (*executable)->launch(right.problem, right.tensors, right.workspace, place.stream());
  launched = launched.and_then([&] { return place.synchronize(); });
  if (!launched) return tl::unexpected(launched.error());
  return std::to_string(all.size()) + " launches refused, and a right one done";
}
