// A bundle of one program in two variants, with launches that have legal schedules to choose from.
#ifndef JVPGEN_TESTS_DB_BUNDLES_H
#define JVPGEN_TESTS_DB_BUNDLES_H

#include "db/BundleTrials.h"
#include "schedule/Legality.h"

namespace jvpgen {

inline const Target kTarget = {.arch = "sm_90a", .shared_bytes_per_block = 232448, .multiprocessors = 132};

/// A sweep of 64 features, which owns queries or keys; a portable one.
inline Launch sweepLaunch(const std::string &kernel, bool owns_queries) {
  Launch out;
  out.kernel = kernel;
  out.source = kernel + ".cu";
  out.resources.own_features = out.resources.streamed_features = 144;
  out.resources.score_tiles = 2;
  out.resources.output_features = 64;
  out.resources.owns_queries = owns_queries;
  out.resources.is_sweep = true;
  out.schedule = defaultSchedule(out.resources, kTarget);
  return out;
}

inline KernelBundle backwardBundle() {
  KernelBundle out;
  out.name = "plain";
  out.digest = std::string(64, 'a');
  Launch pass;
  pass.kernel = "plain_backward_row_col_pre";
  pass.source = pass.kernel + ".cu";
  pass.schedule = defaultSchedule(pass.resources, kTarget);
  KernelVariant both;
  both.program = "backward";
  both.variant = "row+col";
  both.launches = {pass, sweepLaunch("plain_backward_row_col_row", true),
                   sweepLaunch("plain_backward_row_col_col", false)};
  both.schedule = both.launches[2].schedule;
  KernelVariant split = both;
  split.variant = "row+col split";
  for (Launch &launch : split.launches) launch.kernel += "_split", launch.source = launch.kernel + ".cu";
  out.variants = {both, split};
  for (const KernelVariant &variant : out.variants)
    for (const Launch &launch : variant.launches) out.files.push_back({launch.source, "// " + launch.kernel});
  out.files.push_back({"sweep.cuh", "// the template"});
  return out;
}

} // namespace jvpgen

#endif
