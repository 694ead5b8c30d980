// Preparing, opening, searching: what a search does until its final (ProgramFinal.cpp).
#include "tuner/ProgramSearch.h"

#include "runtime/abi/References.h"
#include "runtime/jit/CompiledVariant.h"
#include "tuner/Feedback.h"
#include "tuner/RaggedJudge.h"
#include "tuner/Statistics.h"
#include "tuner/Workload.h"
#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

const char *tuner::name(Ending ending) {
  constexpr const char *names[] = {"tuned", "default stays", "ambiguous", "interrupted", "failed"};
  return names[size_t(ending)];
}

ProgramSearch::ProgramSearch(Subject given, SearchOptions options, SearchSpace space, Save save)
    : subject(std::move(given)), options(std::move(options)), space(std::move(space)), save(std::move(save)),
      writer(*subject.bundle, subject.program, subject.problem, subject.device, subject.run) {}

Result<std::unique_ptr<ProgramSearch>> ProgramSearch::create(Subject subject, SearchOptions options,
                                                             std::span<const Trial> known,
                                                             const std::optional<Candidate> &incumbent, Save save) {
  const KernelBundle &bundle = *subject.bundle;
  Result<SearchSpace> space =
      SearchSpace::create(bundle, subject.program, subject.device.target, completed(bundle, subject.problem));
  if (!space) return tl::unexpected(space.error());
  std::unique_ptr<ProgramSearch> out(
      new ProgramSearch(std::move(subject), std::move(options), std::move(*space), std::move(save)));
  const Candidate start = out->subject.start.value_or(out->space.standard());
  Result<std::unique_ptr<Strategy>> strategy =
      makeStrategy(out->options.strategy, out->space, out->record, start, out->options.seed);
  if (!strategy) return tl::unexpected(strategy.error());
  out->strategy = std::move(*strategy);
  out->incumbent = incumbent;
  out->standard = {out->subject.program, out->space.standard(), {}};
  for (const Trial &trial : known) {
    const std::optional<Candidate> candidate = out->writer.candidateOf(trial.variant, trial.kernels);
    const bool passing = trial.outcome == Outcome::Throttled || trial.outcome == Outcome::OutOfMemory;
    if (!candidate || passing || !out->writer.concerns(trial) || *candidate == out->space.standard()) continue;
    const bool hasRatio = trial.median_us && trial.default_median_us;
    if (trial.outcome == Outcome::Measured && !hasRatio) continue;
    out->outcome.resumed += !out->record.knows(*candidate);
    out->record.put(*candidate, hasRatio ? std::optional(*trial.median_us / *trial.default_median_us) : std::nullopt);
  }
  out->preferred = out->record.fastest(out->options.finalists - 1);
  if (incumbent && std::find(out->preferred.begin(), out->preferred.end(), *incumbent) == out->preferred.end())
    out->preferred.insert(out->preferred.begin(), *incumbent);
  return out;
}

// ---- kernels

std::vector<BuildOrder> ProgramSearch::ordersOf(const std::string &program, const Candidate &candidate) const {
  std::vector<BuildOrder> out;
  for (size_t k = 0; k < candidate.schedules.size() && subject.device.needs_kernels; ++k)
    out.push_back({subject.folder, subject.device.target, program, candidate.variant, k, candidate.schedules[k], ""});
  return out;
}

static std::optional<Candidate> defaultOf(const KernelBundle &bundle, const std::string &program) {
  for (const KernelVariant &variant : bundle.variants)
    if (variant.program == program) return candidateOf(variant);
  return std::nullopt;
}

/// What judges a program, as far as the bundle has it.
static std::vector<std::pair<std::string, Candidate>> judging(const KernelBundle &bundle, const std::string &program) {
  std::vector<std::pair<std::string, Candidate>> out;
  for (const auto &[which, way] : referencesFor(program))
    if (const KernelVariant *reference = findReference(bundle, which, way))
      out.push_back({which, candidateOf(*reference)});
  return out;
}

std::vector<BuildOrder> ProgramSearch::firstOrders() const {
  std::vector<BuildOrder> out = ordersOf(subject.program, space.standard());
  for (const std::string &program : programsBefore(subject.program))
    if (std::optional<Candidate> candidate = defaultOf(*subject.bundle, program))
      for (BuildOrder &order : ordersOf(program, *candidate)) out.push_back(std::move(order));
  for (const auto &[program, candidate] : judging(*subject.bundle, subject.program))
    for (BuildOrder &order : ordersOf(program, candidate)) out.push_back(std::move(order));
  return out;
}

void ProgramSearch::want(BuildShelf &shelf, const std::string &program, const Candidate &candidate, bool urgent) const {
  for (const BuildOrder &order : ordersOf(program, candidate)) shelf.want(order, urgent);
}

/// The candidate with its kernels; nothing while one of them is under way.
Attempt<std::optional<Runnable>> ProgramSearch::built(const BuildShelf &shelf, const std::string &program,
                                                      const Candidate &candidate) {
  Runnable out{program, candidate, {}};
  for (const BuildOrder &order : ordersOf(program, candidate)) {
    const Attempt<BuildAnswer> *result = shelf.find(order);
    if (!result) return std::optional<Runnable>();
    if (!*result) return tl::unexpected(result->error());
    if (!(*result)->nvrtc.empty()) writer.setCompiler((*result)->nvrtc);
    out.kernels.push_back((*result)->kernel);
  }
  return std::optional(std::move(out));
}

static bool isRejected(const Launch &launch, const BuiltKernel &kernel) {
  CompiledKernel made;
  made.spill_bytes = kernel.spill_bytes;
  made.serialised = kernel.serialised;
  return !rejection(launch, made).empty();
}

/// The first of a launch's schedules whose machine code is not rejected, as compileVariant finds it; its own if all
/// are, nothing while one is under way.
static std::optional<Schedule> firstAccepted(BuildShelf &shelf, BuildOrder order, const Launch &launch) {
  const std::vector<Schedule> all = schedulesToTry(launch, order.target);
  for (const Schedule &schedule : all) {
    order.schedule = schedule;
    const Attempt<BuildAnswer> *result = shelf.find(order);
    if (!result) {
      for (const Schedule &next : all) { // in their order, beside one another; the search wants them too
        order.schedule = next;
        shelf.want(order, false);
      }
      return std::nullopt;
    }
    if (*result && !isRejected(launch, (*result)->kernel)) return schedule;
  }
  return launch.schedule;
}

/// What a program runs with where nothing is tuned: its default, or where the machine code of one of its launches is
/// rejected, what takes its place. Nothing while a kernel is under way.
Attempt<std::optional<Runnable>> ProgramSearch::runsByItself(BuildShelf &shelf, const std::string &program) {
  const KernelVariant &variant = *std::find_if(subject.bundle->variants.begin(), subject.bundle->variants.end(),
                                               [&](const KernelVariant &v) { return v.program == program; });
  Candidate candidate = candidateOf(variant);
  want(shelf, program, candidate, true);
  Attempt<std::optional<Runnable>> own = built(shelf, program, candidate);
  if (!own || !*own || !subject.device.needs_kernels) return own;
  const std::vector<BuildOrder> orders = ordersOf(program, candidate);
  for (size_t k = 0; k < orders.size(); ++k) {
    if (!isRejected(variant.launches[k], (**own).kernels[k])) continue;
    std::optional<Schedule> accepted = firstAccepted(shelf, orders[k], variant.launches[k]);
    if (!accepted) return std::optional<Runnable>();
    candidate.schedules[k] = *accepted;
  }
  return built(shelf, program, candidate);
}

// ---- steps

/// Trials are saved once the GPU has something to do again.
Result<void> ProgramSearch::step(Servant &worker, BuildShelf &shelf, Clock::time_point end) {
  Result<void> stepped = advance(worker, shelf, end);
  for (; saved < outcome.trials.size(); ++saved)
    if (Result<void> kept = save(outcome.trials[saved]); !kept) return kept;
  return stepped;
}

Result<void> ProgramSearch::advance(Servant &worker, BuildShelf &shelf, Clock::time_point end) {
  if (asked)
    if (std::optional<Attempt<Json>> answer = worker.poll()) {
      if (!worker.isAlive()) isOpen = false;
      takeIn(*answer);
    }
  if (asked || isDone()) {
    if (phase == Phase::Searching) fill(shelf, end);
    return {};
  }
  switch (phase) {
  case Phase::Preparing: return prepare(worker, shelf);
  case Phase::Opening: return askOpen(worker);
  case Phase::Searching:
  case Phase::Closing: return search(worker, shelf, end);
  case Phase::Quiet: return shelf.isPaused() || !subject.device.needs_kernels ? askFinal(worker) : Result<void>();
  default: return {};
  }
}

Result<void> ProgramSearch::prepare(Servant &worker, BuildShelf &shelf) {
  before.clear();
  std::vector<Runnable> all;
  std::vector<std::string> programs = programsBefore(subject.program);
  programs.push_back(subject.program);
  for (const std::string &program : programs) {
    if (!defaultOf(*subject.bundle, program)) {
      finish(Ending::Failed, "the bundle lacks " + program + ", whose outputs are read; emit it too");
      return {};
    }
    Attempt<std::optional<Runnable>> runnable = runsByItself(shelf, program);
    if (!runnable) give(space.standard(), runnable.error());
    if (!runnable || !*runnable) return {};
    all.push_back(std::move(**runnable));
  }
  references.clear();
  for (const auto &[program, candidate] : judging(*subject.bundle, subject.program)) {
    want(shelf, program, candidate, true);
    Attempt<std::optional<Runnable>> runnable = built(shelf, program, candidate);
    if (!runnable) give(space.standard(), runnable.error());
    if (!runnable || !*runnable) return {};
    references.push_back(std::move(**runnable));
  }
  standard = std::move(all.back());
  all.pop_back();
  before = std::move(all);
  phase = Phase::Opening;
  return askOpen(worker);
}

Result<void> ProgramSearch::askOpen(Servant &worker) {
  constexpr int kMostOpenings = 100; // each crash costs two
  if (++openings > kMostOpenings) {
    finish(Ending::Failed, "candidates broke their process " + std::to_string(kMostOpenings / 2) + " times");
    return {};
  }
  if (!worker.isAlive()) { // it has to open its device first; the answer is known
    if (Result<void> sent =
            worker.ask(orderMessage(Order::Describe, {{"ordinal", subject.device.ordinal}}), options.open_patience);
        !sent)
      return sent;
    asked = Order::Describe;
    return {};
  }
  OpenOrder order{subject.folder, subject.problem, options.seed, before, standard, references};
  asked = Order::Open;
  return worker.ask(orderMessage(Order::Open, toJson(order)), options.open_patience);
}

/// What so many calls of the default may take beside the patience for everything else.
std::chrono::milliseconds ProgramSearch::patience(double calls) const {
  return options.trial_patience + std::chrono::milliseconds(int64_t(calls * estimate_us / 1000));
}

Result<void> ProgramSearch::askTrial(Servant &worker) {
  if (!isOpen) return askOpen(worker);
  trying = std::move(ready.front());
  ready.pop_front();
  asked = Order::Trial;
  return worker.ask(orderMessage(Order::Trial, toJson(TrialOrder{*trying})), patience(100));
}

/// The preferred ones, then what the strategy names.
std::optional<Candidate> ProgramSearch::following() {
  while (preferring < preferred.size())
    if (const Candidate &next = preferred[preferring++]; !(next == standard.candidate)) return next;
  std::optional<Candidate> out = strategy->next();
  while (out && std::find(preferred.begin(), preferred.end(), *out) != preferred.end()) out = strategy->next();
  return out;
}

/// What would not be compiled in time is not begun, unless that leaves nothing at all to try.
void ProgramSearch::fill(BuildShelf &shelf, Clock::time_point end) {
  const bool isFirst = record.size() <= 1 && building.empty() && ready.empty() && !trying;
  if (Clock::now() + (isFirst ? std::chrono::milliseconds(0) : shelf.meanTime()) >= end) return;
  const size_t ahead = subject.device.needs_kernels ? 2 * shelf.processCount() + 2 : 2;
  while (building.size() + ready.size() < ahead) {
    std::optional<Candidate> candidate = following();
    if (!candidate) return;
    want(shelf, subject.program, *candidate, false);
    building.push_back(std::move(*candidate));
  }
}

/// Moves what is built to what can be measured, and drops what machine code speaks against.
void ProgramSearch::collect(BuildShelf &shelf) {
  for (size_t k = building.size(); k-- > 0;) {
    const Candidate candidate = building[building.size() - 1 - k];
    want(shelf, subject.program, candidate, false); // another search may have dropped it
    Attempt<std::optional<Runnable>> runnable = built(shelf, subject.program, candidate);
    if (runnable && !*runnable) continue;
    building.erase(building.end() - 1 - ptrdiff_t(k));
    std::string objected = runnable ? objection(**runnable, standard) : "";
    if (runnable && objected.empty())
      ready.push_back(std::move(**runnable));
    else
      give(candidate, runnable ? Failure{Outcome::Rejected, std::move(objected)} : runnable.error());
  }
}

Result<void> ProgramSearch::search(Servant &worker, BuildShelf &shelf, Clock::time_point end) {
  if (phase == Phase::Searching) fill(shelf, end);
  collect(shelf);
  if (phase == Phase::Searching && Clock::now() >= end) close(shelf);
  if (!ready.empty()) return askTrial(worker);
  if (!building.empty()) return {};
  phase = Phase::Quiet;
  nameFinalists();
  return {};
}

/// Time is up: what is not built is left, and of the rest only each variant's best axes together are tried yet.
void ProgramSearch::close(BuildShelf &shelf) {
  phase = Phase::Closing;
  shelf.forget([&](const BuildOrder &order) { return order.program != subject.program; });
  building.clear();
  ready.clear();
  for (const VariantSpace &variant : space.variants)
    if (std::optional<Candidate> candidate = record.combined(variant))
      if (Attempt<std::optional<Runnable>> runnable = built(shelf, subject.program, *candidate); runnable && *runnable)
        if (objection(**runnable, standard).empty()) ready.push_back(std::move(**runnable));
}

// ---- answers

void ProgramSearch::takeIn(const Attempt<Json> &answer) {
  const Order order = *asked;
  asked.reset();
  if (order == Order::Open) return takeInOpen(readAs<OpenAnswer>(answer));
  if (order == Order::Trial) return takeInTrial(readAs<TrialAnswer>(answer));
  if (order == Order::Final) return takeInFinal(readAs<FinalAnswer>(answer));
  if (!answer) finish(Ending::Failed, answer.error().reason);
}

void ProgramSearch::takeInOpen(const Attempt<OpenAnswer> &answer) {
  if (!answer) return give(standard.candidate, answer.error());
  isOpen = true;
  estimate_us = answer->estimate_us;
  standard_error = answer->relative_error;
  if (phase == Phase::Opening) {
    record.put(standard.candidate, 1.0);
    phase = Phase::Searching;
  }
}

void ProgramSearch::takeInTrial(const Attempt<TrialAnswer> &answer) {
  const Runnable tried = std::move(*trying);
  trying.reset();
  if (!answer) return give(tried.candidate, answer.error());
  record.put(tried.candidate, median(pairedRatios(answer->samples_us, answer->default_samples_us)));
  measured.push_back(tried);
  measured.back().kernels = tried.kernels;
  if (Result<KernelVariant> variant = variantOf(*subject.bundle, subject.program, tried.candidate))
    errors[candidateName(*variant)] = answer->relative_error;
  outcome.trials.push_back(writer.measured(tried.candidate, *answer));
}

/// A candidate that could not be measured. Where it is the default, there is nothing to compare with.
void ProgramSearch::give(const Candidate &candidate, const Failure &failure) {
  record.put(candidate, std::nullopt);
  if (candidate == standard.candidate) finish(Ending::Failed, "the default: " + failure.reason);
  outcome.trials.push_back(writer.failed(candidate, failure));
}

void ProgramSearch::finish(Ending ending, std::string reason) {
  phase = Phase::Done;
  outcome.ending = ending;
  outcome.reason = std::move(reason);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - began).count();
}

// ---- what is shown

Progress ProgramSearch::progress() const {
  constexpr const char *phases[] = {"preparing", "preparing", "searching", "searching", "final", "final", "done"};
  Progress out;
  out.tried = record.size();
  out.total = std::max(space.size(), out.tried); // combinations of axes come on top
  out.phase = phases[size_t(phase)];
  if (const Candidate *best = record.best())
    if (Result<KernelVariant> variant = variantOf(*subject.bundle, subject.program, *best)) {
      out.best = candidateName(*variant);
      out.best_ratio = record.ratioOf(*best);
    }
  return out;
}
