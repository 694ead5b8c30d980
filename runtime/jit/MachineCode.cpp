// Kernels of a bundle, compared by what they were made from.
#include "runtime/jit/MachineCode.h"

#include "runtime/jit/Compile.h"

using namespace jvpgen;

std::string jvpgen::machineCodeKey(const TranslationUnit &unit, const Launch &launch, const Schedule &schedule,
                                   const std::string &arch) {
  return compilationKey(unit, compilationOptions(launch, schedule, {.arch = arch}), "ahead of time");
}

/// "sm_90a" is 90 with the letter; anything else that is no arch is 0.
static std::pair<int, bool> numberOf(std::string_view arch) {
  if (!arch.starts_with("sm_")) return {0, false};
  int number = 0;
  bool is_exact = false;
  for (char letter : arch.substr(3))
    if (letter >= '0' && letter <= '9')
      number = 10 * number + (letter - '0');
    else
      is_exact = true;
  return {number, is_exact};
}

bool jvpgen::runsOn(std::string_view code_arch, std::string_view arch) {
  if (code_arch == arch) return true;
  const auto [code, is_exact] = numberOf(code_arch);
  const int machine = numberOf(arch).first;
  return !is_exact && code > 0 && code / 10 == machine / 10 && code <= machine;
}

const MachineCode *jvpgen::findMachineCode(const KernelBundle &bundle, const TranslationUnit &unit,
                                           const Launch &launch, const Schedule &schedule, const Target &target) {
  for (const MachineCode &code : bundle.machine_code)
    if (code.kernel == launch.kernel && code.schedule == schedule && runsOn(code.arch, target.arch) &&
        code.key == machineCodeKey(unit, launch, schedule, code.arch))
      return &code;
  return nullptr;
}
