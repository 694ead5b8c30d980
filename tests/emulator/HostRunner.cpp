// Tensors of the gate to views, and a workspace full of numbers that would be noticed.
#include "HostRunner.h"

#include "runtime/launch/CudaExecutable.h"
#include "tools/tensors/Interface.h"

using namespace jvpgen;

Result<const Executable *> HostRunner::executable(std::string_view program) {
  if (auto found = ready.find(program); found != ready.end()) return found->second.get();
  Result<const KernelVariant *> found = findVariant(bundle, program, variant);
  if (!found) return tl::unexpected(found.error());
  KernelVariant chosen = **found;
  if (schedule) {
    Result<KernelVariant> changed = withSchedule(chosen, *schedule, target);
    if (!changed) return tl::unexpected(changed.error());
    chosen = std::move(*changed);
  } else if (schedule_number) {
    chosen = withScheduleNumber(chosen, schedule_number, target);
  }
  Result<std::unique_ptr<Executable>> made = prepareOnHost(bundle, chosen, build);
  if (!made) return tl::unexpected(made.error());
  return (ready[std::string(program)] = std::move(*made)).get();
}

Result<void> HostRunner::operator()(std::string_view program, const Problem &problem, TensorSet &inputs,
                                    TensorSet &outputs) {
  Result<const Executable *> run = executable(program);
  if (!run) return tl::unexpected(run.error());
  TensorMap views = viewsOf(spec, inputs);
  for (auto &[name, view] : viewsOf(spec, outputs)) views[name] = view;
  std::vector<unsigned char> memory((*run)->workspaceBytes(problem) + 256, 0xff);
  auto address = (reinterpret_cast<uintptr_t>(memory.data()) + 255) & ~uintptr_t(255);
  return (*run)->launch(problem, views, reinterpret_cast<void *>(address), nullptr);
}
