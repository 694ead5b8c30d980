#include "TunedBundle.h"

#include "db/Database.h"
#include "db/Frozen.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/jit/MachineCode.h"
#include "runtime/launch/LaunchArguments.h"
#include "support/AtomicFile.h"
#include "support/Hash.h"
#include "tests/db/Bundles.h"
#include "tests/db/Trials.h"
#include "tests/runtime/TemporaryFolder.h"

using namespace jvpgen;

/// As if compiled ahead of time, with the launch's own schedule and with the tuned one.
static void addMadeUpCode(KernelBundle &bundle, const Launch &launch, const Schedule &schedule) {
  MachineCode code;
  code.kernel = launch.kernel;
  code.arch = kTarget.arch;
  code.schedule = schedule;
  code.key = machineCodeKey(translationUnit(bundle, launch).value(), launch, schedule, code.arch);
  code.cubin = "machine code of " + launch.kernel;
  bundle.machine_code.push_back(code);
}

/// The variant pinned for a batch of so many, with machine code of these words.
static FrozenProgram pinned(const KernelBundle &bundle, const KernelVariant &variant, int64_t batch,
                            const std::string &code) {
  FrozenProgram out;
  out.problem = {bundle.digest, variant.program, {batch, 4, 4, 1000, 63, 1000, 63}};
  out.device.name = "Fake GPU zero";
  out.device.arch = kTarget.arch;
  out.device.multiprocessors = kTarget.multiprocessors;
  out.variant = variant.variant;
  const LaunchArguments arguments = LaunchArguments::create(bundle, variant, kTarget.multiprocessors).value();
  const std::vector<TrialKernel> kernels = kernelsOf(bundle, variant);
  for (size_t k = 0; k < kernels.size(); ++k)
    out.kernels.push_back(
        {kernels[k], arguments.division(k, out.problem.shape), sha256(code + variant.launches[k].kernel)});
  return out;
}

/// See TunedBundle::frozen.
static std::string frozenText(const KernelBundle &bundle, const KernelVariant &variant) {
  FrozenSchedules out = {pinned(bundle, variant, 2, "machine code of "), pinned(bundle, variant, 3, "other code of "),
                         pinned(bundle, variant, 4, "machine code of ")};
  out[2].kernels[0].division.parts = 2;
  return printFrozen(out);
}

const TunedBundle &tunedBundle() {
  static const TemporaryFolder folder;
  static const TunedBundle made = [] {
    KernelBundle bundle = backwardBundle();
    bundle.arch = kTarget.arch;
    bundle.head_dim_qk = bundle.head_dim_v = 64;
    for (KernelVariant &variant : bundle.variants)
      for (Launch &launch : variant.launches) launch.rows_per_block = "tile_m";
    Trial trial = plainTrial();
    const KernelVariant &split = bundle.variants[1];
    trial.problem = {bundle.digest, "backward", {2, 4, 4, 1000, 63, 1000, 63}};
    trial.variant = split.variant;
    trial.kernels = kernelsOf(bundle, split);
    trial.kernels[2].schedule.tile_m = 32;
    trial.template_digest = templateDigest(bundle);
    trial.default_digest = defaultDigest(bundle, "backward");
    trial.device.name = "Fake GPU zero";
    trial.median_us = 50;
    for (size_t k = 0; k < 3; ++k) {
      addMadeUpCode(bundle, bundle.variants[0].launches[k], bundle.variants[0].launches[k].schedule);
      addMadeUpCode(bundle, split.launches[k], trial.kernels[k].schedule);
    }
    DatabaseLayers layers;
    layers.own = folder.path / "tunings.db";
    Database database(layers, nullptr);
    KernelVariant tuned = split;
    tuned.launches[2].schedule = trial.kernels[2].schedule;
    const std::string frozen = folder.path / "frozen.json";
    const bool is_made = database.record(trial) && writeBundle(bundle, folder.path / "bundle") &&
                         writeFile(frozen, frozenText(bundle, tuned));
    return TunedBundle{is_made ? (folder.path / "bundle").string() : "", layers.own.string(), frozen};
  }();
  return made;
}
