// Field by field; both ends are the same program, so that names need no versions.
#include "tuner/Protocol.h"

#include "schedule/ScheduleFields.h"

using namespace jvpgen;
using namespace jvpgen::tuner;

static constexpr const char *kOrders[] = {"describe", "build", "open", "trial", "final"};

Json tuner::orderMessage(Order order, Json with) {
  return {{"order", kOrders[size_t(order)]}, {"with", std::move(with)}};
}

std::optional<Order> tuner::orderOf(const Json &message) {
  for (size_t k = 0; k < std::size(kOrders); ++k)
    if (message.is_object() && message.value("order", "") == kOrders[k]) return Order(k);
  return std::nullopt;
}

Json tuner::toJson(const Failure &failure) {
  return {{"outcome", int(failure.outcome)}, {"reason", failure.reason}, {"poisoned", failure.poisoned}};
}

Attempt<Json> tuner::answerOf(const Json &message) try {
  if (message.contains("answer")) return message.at("answer");
  const Json &failure = message.at("failure");
  return failed(Outcome(failure.at("outcome").get<int>()), failure.at("reason"), failure.at("poisoned"));
} catch (const Json::exception &) {
  return failed(Outcome::Faulted, "its process sent what is no answer", true);
}

// ---- pieces

static Json textOf(const Schedule &schedule) { return scheduleName(schedule); }

static Schedule scheduleFrom(const Json &json) { return parseSchedule(json.get<std::string>()).value_or(Schedule{}); }

Json tuner::toJson(const Problem &p) {
  return {{"batch", p.batch},         {"heads", p.heads},     {"kv_heads", p.kv_heads}, {"q_length", p.q_length},
          {"kv_length", p.kv_length}, {"q_total", p.q_total}, {"kv_total", p.kv_total}};
}

Problem tuner::problemFrom(const Json &j) {
  return {j.at("batch"),     j.at("heads"),   j.at("kv_heads"), j.at("q_length"),
          j.at("kv_length"), j.at("q_total"), j.at("kv_total")};
}

static Json targetJson(const Target &target) {
  return {{"arch", target.arch},
          {"shared_bytes", target.shared_bytes_per_block},
          {"multiprocessors", target.multiprocessors}};
}

static Target targetFrom(const Json &j) { return {j.at("arch"), j.at("shared_bytes"), j.at("multiprocessors")}; }

static Json kernelJson(const BuiltKernel &k) {
  return {{"cubin", k.cubin},
          {"registers", k.registers},
          {"spill_bytes", k.spill_bytes},
          {"serialised", k.serialised},
          {"shared_bytes", k.shared_bytes},
          {"dynamic_shared_bytes", k.dynamic_shared_bytes},
          {"compile_ms", k.compile_ms},
          {"cached", k.cached}};
}

static BuiltKernel kernelFrom(const Json &j) {
  return {j.at("cubin"),      j.at("registers"),    j.at("spill_bytes"),
          j.at("serialised"), j.at("shared_bytes"), j.at("dynamic_shared_bytes"),
          j.at("compile_ms"), j.at("cached")};
}

static Json runnableJson(const Runnable &r) {
  Json schedules = Json::array(), kernels = Json::array();
  for (const Schedule &schedule : r.candidate.schedules) schedules.push_back(textOf(schedule));
  for (const BuiltKernel &kernel : r.kernels) kernels.push_back(kernelJson(kernel));
  return {{"program", r.program}, {"variant", r.candidate.variant}, {"schedules", schedules}, {"kernels", kernels}};
}

static Runnable runnableFrom(const Json &j) {
  Runnable out{j.at("program"), {j.at("variant"), {}}, {}};
  for (const Json &schedule : j.at("schedules")) out.candidate.schedules.push_back(scheduleFrom(schedule));
  for (const Json &kernel : j.at("kernels")) out.kernels.push_back(kernelFrom(kernel));
  return out;
}

static Json runnablesJson(const std::vector<Runnable> &list) {
  Json out = Json::array();
  for (const Runnable &r : list) out.push_back(runnableJson(r));
  return out;
}

static std::vector<Runnable> runnablesFrom(const Json &j) {
  std::vector<Runnable> out;
  for (const Json &r : j) out.push_back(runnableFrom(r));
  return out;
}

// ---- orders and answers

Json tuner::toJson(const DeviceReport &r) {
  return {{"ordinal", r.ordinal},
          {"name", r.device.name},
          {"arch", r.device.arch},
          {"multiprocessors", r.device.multiprocessors},
          {"memory_bytes", r.device.memory_bytes},
          {"shared_bytes_per_block", r.device.shared_bytes_per_block},
          {"sm_clock_mhz", r.device.sm_clock_mhz},
          {"memory_clock_mhz", r.device.memory_clock_mhz},
          {"power_cap_w", r.device.power_cap_w},
          {"driver", r.driver},
          {"target", targetJson(r.target)},
          {"devices", r.devices},
          {"needs_kernels", r.needs_kernels}};
}

template <> DeviceReport tuner::fromJson(const Json &j) {
  return {j.at("ordinal"),
          {j.at("name"), j.at("arch"), j.at("multiprocessors"), j.at("memory_bytes"), j.at("shared_bytes_per_block"),
           j.at("sm_clock_mhz"), j.at("memory_clock_mhz"), j.at("power_cap_w")},
          j.at("driver"),
          targetFrom(j.at("target")),
          j.at("devices"),
          j.at("needs_kernels")};
}

Json tuner::toJson(const BuildOrder &o) {
  return {{"bundle", o.bundle}, {"target", targetJson(o.target)}, {"program", o.program}, {"variant", o.variant},
          {"launch", o.launch}, {"schedule", textOf(o.schedule)}, {"cubin", o.cubin}};
}

template <> BuildOrder tuner::fromJson(const Json &j) {
  return {j.at("bundle"), targetFrom(j.at("target")),     j.at("program"), j.at("variant"),
          j.at("launch"), scheduleFrom(j.at("schedule")), j.at("cubin")};
}

Json tuner::toJson(const BuildAnswer &a) { return {{"kernel", kernelJson(a.kernel)}, {"nvrtc", a.nvrtc}}; }

template <> BuildAnswer tuner::fromJson(const Json &j) { return {kernelFrom(j.at("kernel")), j.at("nvrtc")}; }

Json tuner::toJson(const OpenOrder &o) {
  return {{"bundle", o.bundle},
          {"problem", toJson(o.problem)},
          {"seed", o.seed},
          {"before", runnablesJson(o.before)},
          {"standard", runnableJson(o.standard)},
          {"references", runnablesJson(o.references)}};
}

template <> OpenOrder tuner::fromJson(const Json &j) {
  return {j.at("bundle"),
          problemFrom(j.at("problem")),
          j.at("seed"),
          runnablesFrom(j.at("before")),
          runnableFrom(j.at("standard")),
          runnablesFrom(j.at("references"))};
}

Json tuner::toJson(const OpenAnswer &a) {
  return {{"relative_error", a.relative_error}, {"estimate_us", a.estimate_us}};
}

template <> OpenAnswer tuner::fromJson(const Json &j) { return {j.at("relative_error"), j.at("estimate_us")}; }

Json tuner::toJson(const TrialOrder &o) {
  return {{"candidate", runnableJson(o.candidate)}, {"rounds", o.rounds}, {"hopeless_ratio", o.hopeless_ratio}};
}

template <> TrialOrder tuner::fromJson(const Json &j) {
  return {runnableFrom(j.at("candidate")), j.at("rounds"), j.at("hopeless_ratio")};
}

Json tuner::toJson(const TrialAnswer &a) {
  return {{"samples_us", a.samples_us},
          {"default_samples_us", a.default_samples_us},
          {"relative_error", a.relative_error},
          {"workspace_bytes", a.workspace_bytes}};
}

template <> TrialAnswer tuner::fromJson(const Json &j) {
  return {j.at("samples_us"), j.at("default_samples_us"), j.at("relative_error"), j.at("workspace_bytes")};
}

Json tuner::toJson(const FinalOrder &o) {
  return {{"candidates", runnablesJson(o.candidates)}, {"seconds", o.seconds}};
}

template <> FinalOrder tuner::fromJson(const Json &j) { return {runnablesFrom(j.at("candidates")), j.at("seconds")}; }

Json tuner::toJson(const FinalAnswer &a) {
  Json entries = Json::array();
  for (const FinalAnswer::Entry &e : a.entries)
    entries.push_back({{"samples_us", e.samples_us},
                       {"cold_us", e.cold_us},
                       {"deterministic", e.deterministic},
                       {"workspace_bytes", e.workspace_bytes}});
  return {{"entries", entries}};
}

template <> FinalAnswer tuner::fromJson(const Json &j) {
  FinalAnswer out;
  for (const Json &e : j.at("entries"))
    out.entries.push_back({e.at("samples_us"), e.at("cold_us"), e.at("deterministic"), e.at("workspace_bytes")});
  return out;
}
