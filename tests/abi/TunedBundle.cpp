#include "TunedBundle.h"

#include "db/Database.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/jit/MachineCode.h"
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
    const bool is_made = database.record(trial) && writeBundle(bundle, folder.path / "bundle");
    return TunedBundle{is_made ? (folder.path / "bundle").string() : "", layers.own.string()};
  }();
  return made;
}
