#include "TinyBundleFolder.h"

#include "runtime/abi/BundleFiles.h"
#include "runtime/jit/MachineCode.h"
#include "tests/runtime/TemporaryFolder.h"
#include "tests/runtime/TinyBundle.h"

#include <list>

using namespace jvpgen;

std::string tinyBundleFolder(MachineCodeKind kind) {
  static std::list<TemporaryFolder> folders;
  KernelBundle bundle = tinyBundle();
  if (kind != MachineCodeKind::None)
    for (const Launch &launch : bundle.variants[0].launches) {
      MachineCode code;
      code.kernel = launch.kernel;
      code.arch = "sm_90a";
      code.schedule = launch.schedule;
      code.key = machineCodeKey(translationUnit(bundle, launch).value(), launch, launch.schedule, code.arch);
      if (kind == MachineCodeKind::OfOtherTexts) code.key[0] = code.key[0] == '0' ? '1' : '0';
      code.cubin = "machine code of " + launch.kernel;
      bundle.machine_code.push_back(code);
    }
  const auto folder = folders.emplace_back().path / "bundle";
  return writeBundle(bundle, folder) ? folder.string() : "";
}
