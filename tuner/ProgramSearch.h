// The search for one program's best schedule at one shape on one GPU, as steps that never wait.
#ifndef JVPGEN_TUNER_PROGRAMSEARCH_H
#define JVPGEN_TUNER_PROGRAMSEARCH_H

#include "tuner/BuildShelf.h"
#include "tuner/Strategy.h"
#include "tuner/TrialWriter.h"
#include <functional>

namespace jvpgen::tuner {

struct SearchOptions {
  std::string strategy = "local"; ///< of makeStrategy
  uint64_t seed = 1;              ///< of the strategy's order and of the inputs
  double margin = 0.01;           ///< that a schedule has to be faster by, to be taken in another's place
  size_t finalists = 4;
  double final_seconds = 0.7;
  bool resumes = false; ///< trials of this problem that the database has are not repeated
  std::chrono::milliseconds open_patience{120000};
  std::chrono::milliseconds trial_patience{5000}; ///< beside what many calls of the default take
};

/// What is tuned, and on what.
struct Subject {
  const KernelBundle *bundle = nullptr;
  std::filesystem::path folder; ///< that holds the bundle
  std::string program;
  Problem problem;
  DeviceReport device;
  std::string run;
  std::optional<Candidate> start; ///< where the search begins; the default unless given
};

/// Where a search stands.
struct Progress {
  size_t tried = 0, total = 0;
  std::optional<double> best_ratio; ///< of the default's time
  std::string best;                 ///< its candidateName
  std::string phase;                ///< "preparing", "searching", "final", ...
};

enum class Ending { Tuned, DefaultStays, Ambiguous, Interrupted, Failed };
const char *name(Ending ending); ///< "tuned", "default stays", ...

struct SearchResult {
  Ending ending = Ending::Interrupted;
  std::string reason;            ///< of a failure
  std::vector<Trial> trials;     ///< of this run, in their order
  size_t resumed = 0;            ///< candidates that earlier trials answered
  std::optional<Trial> standard; ///< the default's, of the final
  std::optional<Trial> winner;   ///< where tuned; of an interrupted search the best so far
  double seconds = 0;
};

class ProgramSearch {
public:
  using Save = std::function<Result<void>(const Trial &)>;

  /// `known` are trials of earlier runs, `incumbent` what the database takes so far; `save` keeps each trial at once.
  static Result<std::unique_ptr<ProgramSearch>> create(Subject subject, SearchOptions options,
                                                       std::span<const Trial> known,
                                                       const std::optional<Candidate> &incumbent, Save save);

  /// Takes in answers and asks for what comes next. `end` is when the final should begin. An error is none of a
  /// candidate but of the machine: no process starts, nothing can be saved.
  Result<void> step(Servant &worker, BuildShelf &shelf, Clock::time_point end);

  /// Whether nothing should be compiled at the moment.
  bool wantsQuiet() const { return phase == Phase::Quiet || phase == Phase::Final; }
  bool isDone() const { return phase == Phase::Done; }
  Progress progress() const;

  /// The result; of a search that is not done, what is known so far.
  SearchResult result() const;

  /// Orders for the default's kernels, which can be built before the search begins.
  std::vector<BuildOrder> firstOrders() const;

  const Subject subject;

private:
  enum class Phase { Preparing, Opening, Searching, Closing, Quiet, Final, Done };
  ProgramSearch(Subject subject, SearchOptions options, SearchSpace space, Save save);

  std::vector<BuildOrder> ordersOf(const std::string &program, const Candidate &candidate) const;
  Attempt<std::optional<Runnable>> built(const BuildShelf &shelf, const std::string &program,
                                         const Candidate &candidate);
  Attempt<std::optional<Runnable>> runsByItself(BuildShelf &shelf, const std::string &program);
  void want(BuildShelf &shelf, const std::string &program, const Candidate &candidate, bool urgent) const;

  void takeIn(const Attempt<Json> &answer);
  void takeInOpen(const Attempt<OpenAnswer> &answer);
  void takeInTrial(const Attempt<TrialAnswer> &answer);
  void takeInFinal(const Attempt<FinalAnswer> &answer);
  void decide(const FinalAnswer &answer);
  Result<void> advance(Servant &worker, BuildShelf &shelf, Clock::time_point end);
  Result<void> prepare(Servant &worker, BuildShelf &shelf);
  Result<void> search(Servant &worker, BuildShelf &shelf, Clock::time_point end);
  void collect(BuildShelf &shelf);
  void fill(BuildShelf &shelf, Clock::time_point end);
  void close(BuildShelf &shelf);
  Result<void> askOpen(Servant &worker);
  Result<void> askTrial(Servant &worker);
  Result<void> askFinal(Servant &worker);
  std::optional<Candidate> following();
  void nameFinalists();
  void give(const Candidate &candidate, const Failure &failure);
  void finish(Ending ending, std::string reason = "");
  std::chrono::milliseconds patience(double calls) const;

  SearchOptions options;
  SearchSpace space;
  Save save;
  TrialWriter writer;
  Record record;
  std::unique_ptr<Strategy> strategy;
  std::optional<Candidate> incumbent; ///< what the database takes so far, if that is not the default
  std::vector<Candidate> preferred;   ///< the incumbent and the best of earlier runs: tried first, and anew
  size_t preferring = 0;              ///< how many of them were tried
  Phase phase = Phase::Preparing;
  Clock::time_point began = Clock::now();
  bool isOpen = false; ///< whether the worker has this problem's tensors
  int openings = 0;
  std::optional<Order> asked;       ///< of the worker
  std::vector<Runnable> before;     ///< programs whose outputs this one reads
  std::vector<Runnable> references; ///< what judges this one
  Runnable standard;                ///< what runs without tuning: the default, or what takes its place
  double estimate_us = 0, standard_error = 0;
  std::deque<Candidate> building;
  std::deque<Runnable> ready;
  std::map<std::string, double> errors; ///< relative ones, by candidateName
  std::optional<Runnable> trying;
  std::vector<Runnable> measured, finalists;
  int finals = 0;
  SearchResult outcome;
  size_t saved = 0; ///< of its trials
};

} // namespace jvpgen::tuner

#endif
