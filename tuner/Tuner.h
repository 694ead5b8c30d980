// Tunes programs for shapes on one or several GPUs: shares the time out, feeds the processes, and keeps what they say.
#ifndef JVPGEN_TUNER_TUNER_H
#define JVPGEN_TUNER_TUNER_H

#include "tuner/ProgramSearch.h"

namespace jvpgen::tuner {

/// A program and a shape to tune it for.
struct Job {
  std::string program;
  Problem problem;
};

struct TunerRequest {
  Clock::time_point began = Clock::now(); ///< since when the first shape's budget counts
  std::function<Result<KernelBundle>(const Target &)> emit;
  std::vector<Job> jobs;           ///< in their order, those of one shape behind one another
  std::vector<int> devices = {0};  ///< none: all that there are
  std::vector<std::string> worker; ///< program and arguments that answer orders
  unsigned builders = 0;           ///< processes that compile; 0: one fewer than there are processors
  double budget_s = 60;            ///< for each shape, all programs together
  SearchOptions search;
  std::chrono::milliseconds build_patience{120000};
  /// Where a program's search begins, if not at the default.
  std::function<std::optional<Candidate>(const KernelBundle &, const std::string &program)> start;
  std::function<bool()> isInterrupted; ///< asked many times a second
};

struct TunedProgram {
  std::string program;
  Problem problem;
  DeviceReport device;
  SearchResult result;
};

struct TuningReport {
  std::string run;
  std::vector<TunedProgram> programs; ///< in the order in which they ended
  bool is_interrupted = false;
  double seconds = 0;
};

/// What is told while tuning goes on.
class Observer {
public:
  virtual ~Observer() = default;
  virtual void began(const Subject &subject) {}
  virtual void tried(const Subject &subject, const Trial &trial) {}
  virtual void stands(const Subject &subject, const Progress &progress, double secondsLeft) {}
  virtual void ended(const TunedProgram &program) {}
};

/// Every trial is in the database before the next one begins. An error: no device answers, nothing can be emitted or
/// saved; what happens to a single program stands in its result.
Result<TuningReport> tune(const TunerRequest &request, Database &database, Observer &observer);

/// The GPUs that a request names, described by processes that are ended again.
Result<std::vector<DeviceReport>> describeDevices(const TunerRequest &request);

} // namespace jvpgen::tuner

#endif
