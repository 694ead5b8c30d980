// What preparing asks for, asked for in advance.
#include "runtime/jit/AheadOfTime.h"

#include "runtime/abi/BundleMetadata.h"
#include "runtime/jit/MachineCode.h"
#include "schedule/Legality.h"

#include <algorithm>

using namespace jvpgen;

static MachineCode machineCode(const TranslationUnit &unit, const Launch &launch, const Schedule &schedule,
                               const std::string &arch, const std::string &compiler, CompiledKernel kernel) {
  return {.kernel = launch.kernel,
          .arch = arch,
          .schedule = schedule,
          .key = machineCodeKey(unit, launch, schedule, arch),
          .compiler = compiler,
          .registers = kernel.registers,
          .spill_bytes = kernel.spill_bytes,
          .serialised = kernel.serialised,
          .static_shared_bytes = kernel.shared_bytes - kernel.dynamic_shared_bytes,
          .cubin = std::move(kernel.cubin)};
}

static void replaceIn(KernelBundle &bundle, MachineCode code) {
  std::erase_if(bundle.machine_code, [&](const MachineCode &other) {
    return other.kernel == code.kernel && other.arch == code.arch && other.schedule == code.schedule;
  });
  bundle.machine_code.push_back(std::move(code));
}

Result<void> jvpgen::addMachineCode(KernelBundle &bundle, const KernelVariant &variant, const std::string &arch,
                                    KernelCompiler &compiler, unsigned threads) {
  const Target target = {.arch = arch};
  KernelBundle texts = bundle;
  texts.machine_code.clear();
  Result<std::string> identity = compiler.nvrtcIdentity();
  if (!identity) return tl::unexpected(identity.error());
  Result<CompiledVariant> compiled =
      compileVariant(texts, variant, target, compiler, threads); // at once; the rest is kept
  if (!compiled) return tl::unexpected(compiled.error());
  for (const Launch &launch : variant.launches) {
    Result<TranslationUnit> unit = translationUnit(texts, launch);
    if (!unit) return tl::unexpected(unit.error());
    std::vector<MachineCode> rejected;
    bool is_taken = false;
    for (const Schedule &schedule : schedulesToTry(launch, target)) {
      Result<CompiledKernel> kernel = compiler.compile(texts, launch, schedule, target);
      if (!kernel) return tl::unexpected(kernel.error());
      is_taken = rejection(launch, *kernel).empty();
      rejected.push_back(machineCode(*unit, launch, schedule, arch, *identity, std::move(*kernel)));
      if (is_taken) break;
    }
    for (MachineCode &code : rejected) replaceIn(bundle, std::move(code));
  }
  return {};
}

/// The launch that a kernel belongs to; null if there is none.
static const Launch *launchOf(const KernelBundle &bundle, const std::string &kernel) {
  for (const KernelVariant &variant : bundle.variants)
    for (const Launch &launch : variant.launches)
      if (launch.kernel == kernel) return &launch;
  return nullptr;
}

Result<std::vector<std::string>> jvpgen::differingMachineCode(const KernelBundle &bundle, KernelCompiler &compiler) {
  KernelBundle texts = bundle;
  texts.machine_code.clear();
  Result<std::string> identity = compiler.nvrtcIdentity();
  if (!identity) return tl::unexpected(identity.error());
  std::vector<std::string> out;
  for (size_t k = 0; k < bundle.machine_code.size(); ++k) {
    const MachineCode &code = bundle.machine_code[k];
    const std::string file = machineCodeFile(bundle, k);
    if (code.compiler != *identity)
      return fail(ErrorKind::Environment, "'" + file +
                                              "' was asked to be compared with what its text compiles to, and it "
                                              "was made by another NVRTC (" +
                                              code.compiler + ") than this machine has (" + *identity +
                                              "); verify it where that one is, or the texts alone");
    const Launch *launch = launchOf(texts, code.kernel);
    Result<CompiledKernel> kernel = fail(ErrorKind::Invalid, "");
    if (launch) kernel = compiler.compile(texts, *launch, code.schedule, {.arch = code.arch});
    if (!kernel || kernel->cubin != code.cubin) out.push_back(file);
  }
  return out;
}
