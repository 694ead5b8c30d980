// From TOML to launches.
#include "tests/gpu/Subject.h"

#include "compiler/driver/PlannedSpec.h"
#include "reference/Verify.h"
#include "runtime/launch/CudaExecutable.h"
#include "tools/tensors/Interface.h"
#include <algorithm>

using namespace jvpgen;

Problem jvpgen::denseProblem(int64_t batch, int64_t heads, int64_t kv_heads, int64_t q_length, int64_t kv_length) {
  return {.batch = batch,
          .heads = heads,
          .kv_heads = kv_heads,
          .q_length = q_length,
          .kv_length = kv_length,
          .q_total = q_length,
          .kv_total = kv_length};
}

Result<Subject> Subject::create(Place &place, const std::string &toml, const std::string &arch) {
  Subject out(place);
  Result<AttentionSpec> spec = parseSpec(toml, "check.toml");
  if (!spec) return tl::unexpected(spec.error());
  out.spec = *spec;
  out.programs = programsOf(*spec);
  Target target = place.target();
  if (!arch.empty()) target.arch = arch;
  Result<PlannedSpec> planned = PlannedSpec::create(*spec, out.programs);
  if (!planned) return tl::unexpected(planned.error());
  Result<KernelBundle> bundle = planned->emit(target);
  if (!bundle) return tl::unexpected(bundle.error());
  out.bundle = std::move(*bundle);
  return out;
}

bool Subject::usesHopper() const {
  return std::any_of(programs.begin(), programs.end(), [&](const std::string &program) {
    Result<const KernelVariant *> variant = findVariant(bundle, program);
    return variant && (*variant)->skeleton == "hopper";
  });
}

Result<const Executable *> Subject::executable(std::string_view program) {
  if (auto found = ready.find(program); found != ready.end()) return found->second.get();
  Result<const KernelVariant *> variant = findVariant(bundle, program);
  if (!variant) return tl::unexpected(variant.error());
  Result<std::unique_ptr<Executable>> made = where->prepare(bundle, **variant);
  if (!made) return tl::unexpected(made.error());
  return (ready[std::string(program)] = std::move(*made)).get();
}

Result<void> Subject::run(std::string_view program, const Problem &problem, const TensorSet &inputs,
                          TensorSet &outputs) {
  Result<const Executable *> prepared = executable(program);
  if (!prepared) return tl::unexpected(prepared.error());
  Result<PlacedTensors> tensors =
      PlacedTensors::create(*where, spec, inputs, outputs, (*prepared)->workspaceBytes(problem), placement);
  if (!tensors) return tl::unexpected(tensors.error());
  return (*prepared)
      ->launch(problem, tensors->views, tensors->workspace(), where->stream())
      .and_then([&] { return where->synchronize(); })
      .and_then([&] { return tensors->collect(outputs); });
}

Result<TensorSet> Subject::inputsFor(std::string_view program, const Problem &problem, const TensorSet &given) {
  const std::string forward = program.starts_with("tangent") ? "tangent_forward" : "forward";
  const std::vector<std::string> names = inputsOf(spec, program);
  TensorSet saved;
  if (std::any_of(names.begin(), names.end(), [&](const std::string &n) { return !given.contains(n); })) {
    Result<TensorSet> inputs = inputsFor(forward, problem, given);
    if (!inputs) return inputs;
    saved = poisonedOutputs(spec, problem, forward);
    if (Result<void> done = run(forward, problem, *inputs, saved); !done) return tl::unexpected(done.error());
  }
  TensorSet out;
  for (const std::string &n : names) out[n] = given.contains(n) ? given.find(n)->second : saved.find(n)->second;
  return out;
}

Result<std::string> Subject::judge(const Problem &shape) {
  Result<std::vector<reference::Record>> records =
      reference::verify(spec, shape, {.inputs = {}, .programs = programs},
                        [&](std::string_view program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) {
                          return run(program, problem, inputs, outputs);
                        });
  if (!records) return tl::unexpected(records.error());
  double worst = 0;
  for (const reference::Record &r : *records) {
    if (!r.passed)
      return fail(r.refused ? ErrorKind::Unsupported : ErrorKind::CheckFailed,
                  r.program + " " + r.output + ": error " + std::to_string(r.relative_error) + " (limit " +
                      std::to_string(r.limit) + "), worst row " + std::to_string(r.worst_row_error) + " (limit " +
                      std::to_string(r.row_limit) + ") " + r.complaint);
    if (r.limit > 0) worst = std::max(worst, r.relative_error / r.limit);
    if (r.row_limit > 0) worst = std::max(worst, r.worst_row_error / r.row_limit);
  }
  if (records->empty()) return fail(ErrorKind::CheckFailed, "no output was judged; the specification has no programs");
  return std::to_string(records->size()) + " outputs, the worst at " + std::to_string(worst).substr(0, 4) +
         " of its limit";
}
