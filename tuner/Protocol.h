// What the tuner asks of its processes and what they answer, as values and as messages.
#ifndef JVPGEN_TUNER_PROTOCOL_H
#define JVPGEN_TUNER_PROTOCOL_H

#include "runtime/abi/Problem.h"
#include "runtime/abi/Target.h"
#include "tuner/Attempt.h"
#include "tuner/Candidate.h"
#include "tuner/Message.h"
#include <map>
#include <optional>

namespace jvpgen::tuner {

/// A GPU as the process that owns it sees it.
struct DeviceReport {
  int ordinal = 0;
  TrialDevice device;
  std::string driver;        ///< version
  Target target;             ///< what bundles are emitted for
  int devices = 1;           ///< that the process sees, this one among them
  bool needs_kernels = true; ///< whether candidates have to be compiled before they are measured
};

/// One launch's machine code, in a file that the processes share.
struct BuiltKernel {
  std::string cubin; ///< path
  int registers = 0, spill_bytes = 0, serialised = 0, shared_bytes = 0, dynamic_shared_bytes = 0;
  double compile_ms = 0;
  bool cached = false;
};

/// Compile one launch with one schedule.
struct BuildOrder {
  std::string bundle; ///< folder
  Target target;
  std::string program, variant;
  size_t launch = 0;
  Schedule schedule;
  std::string cubin; ///< where the machine code goes
};

struct BuildAnswer {
  BuiltKernel kernel;
  std::string nvrtc; ///< version of the compiler
};

/// A candidate with all that it takes to run it.
struct Runnable {
  std::string program;
  Candidate candidate;
  std::vector<BuiltKernel> kernels; ///< one for each launch; none where kernels are not needed
};

/// Make tensors for a program and a shape. `before` are the programs whose outputs it reads, in the order of their
/// execution; then the default, whose outputs are what candidates are compared with.
struct OpenOrder {
  std::string bundle; ///< folder
  Problem problem;
  uint64_t seed = 1;
  std::vector<Runnable> before;
  Runnable standard;
  std::vector<Runnable> references; ///< of the bundle's, those that judge the program
};

/// What the default showed: its verification, and how long it takes about.
struct OpenAnswer {
  double relative_error = 0;
  double estimate_us = 0;
};

/// Verify a candidate, then time it in turns with the default.
struct TrialOrder {
  Runnable candidate;
  int rounds = 5;
  double hopeless_ratio = 3; ///< one that is slower than the default by this after the first rounds is timed no further
};

struct TrialAnswer {
  std::vector<double> samples_us, default_samples_us; ///< of one call; the k-th of both were neighbours in time
  double relative_error = 0;
  int64_t workspace_bytes = 0;
};

/// Time several candidates and the default, all in turns.
struct FinalOrder {
  std::vector<Runnable> candidates; ///< the default is not among them
  double seconds = 1;               ///< to spend, about
};

struct FinalAnswer {
  struct Entry {
    std::vector<double> samples_us, cold_us;
    bool deterministic = true;
    int64_t workspace_bytes = 0;
  };
  std::vector<Entry> entries; ///< of the default, then of the candidates
};

/// What a process can be asked; each has one answer. A failure can come in the place of any.
enum class Order { Describe, Build, Open, Trial, Final };

Json toJson(const Problem &problem);
Problem problemFrom(const Json &json);

// The writers; the readers throw nlohmann::json::exception where a message lacks a field or has another type in it.
Json toJson(const DeviceReport &report);
Json toJson(const BuildOrder &order);
Json toJson(const BuildAnswer &answer);
Json toJson(const OpenOrder &order);
Json toJson(const OpenAnswer &answer);
Json toJson(const TrialOrder &order);
Json toJson(const TrialAnswer &answer);
Json toJson(const FinalOrder &order);
Json toJson(const FinalAnswer &answer);
Json toJson(const Failure &failure);

template <typename T> T fromJson(const Json &json);
template <> DeviceReport fromJson(const Json &json);
template <> BuildOrder fromJson(const Json &json);
template <> BuildAnswer fromJson(const Json &json);
template <> OpenOrder fromJson(const Json &json);
template <> OpenAnswer fromJson(const Json &json);
template <> TrialOrder fromJson(const Json &json);
template <> TrialAnswer fromJson(const Json &json);
template <> FinalOrder fromJson(const Json &json);
template <> FinalAnswer fromJson(const Json &json);

/// {"order": "trial", "with": ...}
Json orderMessage(Order order, Json with);
std::optional<Order> orderOf(const Json &message);

/// {"answer": ...} or {"failure": ...}
template <typename T> Json answerMessage(const Attempt<T> &answer) {
  return answer ? Json{{"answer", toJson(*answer)}} : Json{{"failure", toJson(answer.error())}};
}

/// The answer or the failure in a message; what is neither is a fault of the process that sent it.
Attempt<Json> answerOf(const Json &message);

/// An answer as the value that it stands for.
template <typename T> Attempt<T> readAs(const Attempt<Json> &answer) try {
  if (!answer) return tl::unexpected(answer.error());
  return fromJson<T>(*answer);
} catch (const Json::exception &) {
  return failed(Outcome::Faulted, "its process sent an answer of another form", true);
}

} // namespace jvpgen::tuner

#endif
