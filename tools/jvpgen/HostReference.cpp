#include "tools/jvpgen/HostReference.h"

#include "reference/Verify.h"
#include "tools/jvpgen/DeviceTensors.h"
#include "tuner/Workload.h"
#include <algorithm>
#include <cstdio>

using namespace jvpgen;
using tuner::Attempt;

namespace {
class HostReference : public tuner::Reference {
public:
  HostReference(AttentionSpec spec, reference::Judge judge) : spec(std::move(spec)), referee(std::move(judge)) {}

  Attempt<double> judge(const std::string &program, const Executable &executable, const DevicePointer &device) override;

private:
  Result<void> run(const Executable &executable, const DevicePointer &device, const Problem &problem, TensorSet &in,
                   TensorSet &out);
  AttentionSpec spec;
  reference::Judge referee;
  std::optional<Stream> stream;
};
} // namespace

Result<void> HostReference::run(const Executable &executable, const DevicePointer &device, const Problem &problem,
                                TensorSet &in, TensorSet &out) {
  if (!stream) {
    Result<Stream> made = Stream::create(device);
    if (!made) return tl::unexpected<Error>(made.error());
    stream = std::move(*made);
  }
  Result<DeviceTensors> tensors = DeviceTensors::upload(spec, in, out, device, *stream);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(device, executable.workspaceBytes(problem));
  if (!workspace) return tl::unexpected<Error>(workspace.error());
  if (Result<void> done = workspace->fill(0xff, *stream); !done) return done; // whatever a launch relies on, it writes
  if (Result<void> done = executable.launch(problem, tensors->views, workspace->data(), stream->handle()); !done)
    return done;
  return tensors->download(out, *stream);
}

static std::string complaintOf(const reference::Record &record) {
  char text[160];
  std::snprintf(text, sizeof text, "error %.2e (limit %.2e), worst row %.2e (limit %.2e)", record.relative_error,
                record.limit, record.worst_row_error, record.row_limit);
  return "output '" + record.output + "' at a small shape: " + text +
         (record.complaint.empty() ? "" : ", " + record.complaint);
}

Attempt<double> HostReference::judge(const std::string &program, const Executable &executable,
                                     const DevicePointer &device) {
  Result<std::vector<reference::Record>> records =
      referee.judge([&](std::string_view name, const Problem &problem, TensorSet &in, TensorSet &out) {
        if (name == program) return run(executable, device, problem, in, out);
        return Result<void>(fail(ErrorKind::Unsupported, "only " + program + " is judged"));
      });
  if (!records) {
    const bool driver = records.error().message.find("CUDA_ERROR_") != std::string::npos;
    return tuner::failed(Outcome::Faulted, records.error().message, driver);
  }
  double worst = 0;
  for (const reference::Record &record : *records) {
    if (record.refused) continue; // a backward program reads what the reference itself says of its forward program
    if (!record.passed) return tuner::failed(Outcome::Wrong, complaintOf(record));
    worst = std::max(worst, record.relative_error);
  }
  return worst;
}

Result<std::unique_ptr<tuner::Reference>> jvpgen::openHostReference(const tuner::OpenOrder &order) {
  Result<AttentionSpec> spec = parseSpec(order.specification, "specification");
  if (!spec) return tl::unexpected<Error>(spec.error());
  Problem ragged{.batch = 2, .heads = 2 * spec->group, .kv_heads = 2};
  ragged.q_length = ragged.q_total = 131; // longer than any tile of queries that two blocks share, prime
  ragged.kv_length = ragged.kv_total = 197;
  std::vector<std::string> programs = tuner::programsBefore(order.standard.program);
  programs.push_back(order.standard.program);
  Result<reference::Judge> judge =
      reference::Judge::prepare(*spec, ragged, {.seed = 5, .inputs = {}, .programs = programs});
  if (!judge) return tl::unexpected<Error>(judge.error());
  return std::make_unique<HostReference>(std::move(*spec), std::move(*judge));
}
