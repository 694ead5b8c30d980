// The fields of a trial by name: columns of SQL, members of JSON and the content id are made from these lists.
#ifndef JVPGEN_DB_TRIALFIELDS_H
#define JVPGEN_DB_TRIALFIELDS_H

#include "db/Trial.h"
#include "schedule/ScheduleFields.h"

namespace jvpgen {

/// Each function below calls visit(name, value) for every field, in the order in which they are stored. `T` is the type
/// or its const form.
template <typename T, typename Visit> void visitProblem(T &problem, Visit &&visit) {
  visit("specification", problem.specification);
  visit("program", problem.program);
  visit("batch", problem.shape.batch);
  visit("heads", problem.shape.heads);
  visit("kv_heads", problem.shape.kv_heads);
  visit("q_length", problem.shape.q_length);
  visit("kv_length", problem.shape.kv_length);
  visit("q_total", problem.shape.q_total);
  visit("kv_total", problem.shape.kv_total);
}

template <typename T, typename Visit> void visitDevice(T &device, Visit &&visit) {
  visit("name", device.name);
  visit("arch", device.arch);
  visit("multiprocessors", device.multiprocessors);
  visit("memory_bytes", device.memory_bytes);
  visit("shared_bytes_per_block", device.shared_bytes_per_block);
  visit("sm_clock_mhz", device.sm_clock_mhz);
  visit("memory_clock_mhz", device.memory_clock_mhz);
  visit("power_cap_w", device.power_cap_w);
}

/// What is neither of the problem, nor of the device, nor of the kernels.
template <typename T, typename Visit> void visitTrial(T &trial, Visit &&visit) {
  visit("variant", trial.variant);
  visit("skeleton", trial.skeleton);
  visit("default_digest", trial.default_digest);
  visit("driver", trial.driver);
  visit("nvrtc", trial.nvrtc);
  visit("template_digest", trial.template_digest);
  visit("jvpgen_version", trial.jvpgen_version);
  visit("run", trial.run);
  visit("measured_at_unix_ms", trial.measured_at_unix_ms);
  visit("outcome", trial.outcome);
  visit("reason", trial.reason);
  visit("verdict", trial.verdict);
  visit("samples", trial.samples);
  visit("median_us", trial.median_us);
  visit("spread_us", trial.spread_us);
  visit("default_median_us", trial.default_median_us);
  visit("default_spread_us", trial.default_spread_us);
  visit("cold_median_us", trial.cold_median_us);
  visit("relative_error", trial.relative_error);
  visit("workspace_bytes", trial.workspace_bytes);
  visit("deterministic", trial.deterministic);
}

template <typename T, typename Visit> void visitSchedule(T &schedule, Visit &&visit) {
  for (const ScheduleField &field : kScheduleFields) visit(field, schedule.*field.value);
}

/// The value that a name stands for; nothing if it stands for none.
template <typename Enumeration> std::optional<Enumeration> named(std::string_view text) {
  constexpr int most = 16; // both enumerations are shorter
  for (int k = 0; k < most; ++k)
    if (const char *known = name(Enumeration(k)); known && text == known) return Enumeration(k);
  return std::nullopt;
}

} // namespace jvpgen

#endif
