// Trials to test with: one that is plain, and random ones.
#ifndef JVPGEN_TESTS_DB_TRIALS_H
#define JVPGEN_TESTS_DB_TRIALS_H

#include "db/Trial.h"

#include <ostream>
#include <random>

namespace jvpgen {

inline void PrintTo(const Trial &trial, std::ostream *out) { *out << "trial " << contentId(trial).substr(0, 12); }

/// Of a forward kernel on an H200, 20 % faster than the default.
inline Trial plainTrial() {
  Trial out;
  out.problem = {std::string(64, 'a'), "forward", {1, 8, 8, 2048, 2048, 2048, 2048}};
  out.variant = "row";
  out.skeleton = "hopper";
  out.kernels = {{"forward_row_row", {128, 96, 12, 5}}};
  out.default_digest = std::string(64, 'd');
  out.device = {"NVIDIA H200", "sm_90a", 132, 150754820096, 232448, 1980, 3201, 700};
  out.driver = "580.65.06";
  out.nvrtc = "13.0.88";
  out.template_digest = std::string(64, 'e');
  out.jvpgen_version = "0.1.0";
  out.run = std::string(32, '1');
  out.measured_at_unix_ms = 1700000000000;
  out.outcome = Outcome::Measured;
  out.verdict = Verdict::Better;
  out.samples = 20;
  out.median_us = 80;
  out.spread_us = 0.5;
  out.default_median_us = 100;
  out.default_spread_us = 0.75;
  out.cold_median_us = 95.25;
  out.relative_error = 1.25e-3;
  out.workspace_bytes = 4096;
  out.deterministic = true;
  return out;
}

/// From few values each, so that several share problem, device or candidate.
inline Trial randomTrial(std::mt19937 &random) {
  auto below = [&](int count) { return int(random() % unsigned(count)); };
  Trial out = plainTrial();
  out.problem.program = below(2) ? "forward" : "tangent_forward";
  out.problem.shape.batch = 1 + below(2);
  out.problem.shape.q_length = out.problem.shape.q_total = 1900 + 50 * below(3);
  if (below(3) == 0) out.device.name = "NVIDIA H100", out.device.multiprocessors = 114;
  out.kernels[0].schedule.tile_n = 32 + 16 * below(4);
  if (below(3) == 0) out.kernels.push_back({"forward_row_post", {64, 64, 8, 2}}), out.variant = "row+post";
  out.run = std::string(32, char('0' + below(3)));
  out.measured_at_unix_ms += below(4);
  out.median_us = 70 + below(50);
  out.verdict = Verdict(1 + below(3));
  if (below(5) == 0) {
    out.outcome = Outcome(1 + below(8));
    out.reason = "it's \"wrong\"; DROP TABLE trial --";
    out.verdict = Verdict::None;
    out.samples = 0;
    out.median_us = out.spread_us = out.cold_median_us = out.relative_error = std::nullopt;
    out.deterministic = std::nullopt;
  }
  return out;
}

inline std::vector<Trial> randomTrials(std::mt19937 &random, int count) {
  std::vector<Trial> out;
  for (int k = 0; k < count; ++k) out.push_back(randomTrial(random));
  return out;
}

} // namespace jvpgen

#endif
