// The final of a search: the best few and the incumbent beside the default, in turns, with nothing compiled meanwhile.
#include "tuner/ProgramSearch.h"
#include "tuner/Statistics.h"

#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// Candidates that were verified by this process's own trials; earlier runs' fastest have none of their kernels here.
void ProgramSearch::nameFinalists() {
  finalists.clear();
  auto enter = [&](const Candidate &candidate) {
    for (const Runnable &runnable : measured)
      if (runnable.candidate == candidate && !(candidate == standard.candidate)) finalists.push_back(runnable);
  };
  for (const Candidate &candidate : record.fastest(measured.size() + outcome.resumed + 1))
    if (finalists.size() < options.finalists) enter(candidate);
  if (incumbent &&
      std::none_of(finalists.begin(), finalists.end(), [&](const Runnable &r) { return r.candidate == *incumbent; }))
    enter(*incumbent);
}

Result<void> ProgramSearch::askFinal(Servant &worker) {
  if (!isOpen) return askOpen(worker);
  phase = Phase::Final;
  asked = Order::Final;
  ++finals;
  const auto extra = std::chrono::milliseconds(int64_t(4000 * options.final_seconds)); // warming up, cold calls
  return worker.ask(orderMessage(Order::Final, toJson(FinalOrder{finalists, options.final_seconds})),
                    patience(600) + extra);
}

/// A final that broke is repeated with the fastest alone, and then without it.
void ProgramSearch::takeInFinal(const Attempt<FinalAnswer> &answer) {
  phase = Phase::Quiet;
  if (answer && answer->entries.size() == finalists.size() + 1) return decide(*answer);
  if (finalists.empty()) {
    finish(Ending::Failed, answer ? "the final had no answer" : answer.error().reason);
    return;
  }
  if (finalists.size() > 1) {
    finalists.resize(1);
    return;
  }
  const Candidate broken = finalists.front().candidate;
  finalists.clear();
  give(broken, answer ? Failure{Outcome::Faulted, "the final had no answer"} : answer.error());
}

/// The fastest that beats the default beyond doubt; the incumbent stays unless it is beaten by the margin.
void ProgramSearch::decide(const FinalAnswer &answer) {
  const FinalAnswer::Entry &standard = answer.entries.front();
  std::vector<Verdict> verdicts;
  std::optional<size_t> best, held;
  auto ratio = [&](size_t k) { return median(pairedRatios(answer.entries[k + 1].samples_us, standard.samples_us)); };
  for (size_t k = 0; k < finalists.size(); ++k) {
    verdicts.push_back(judge(answer.entries[k + 1].samples_us, standard.samples_us, options.margin));
    if (verdicts[k] != Verdict::Better) continue;
    if (!best || ratio(k) < ratio(*best)) best = k;
    if (incumbent && finalists[k].candidate == *incumbent) held = k;
  }
  const bool isDoubtful = !best && std::find(verdicts.begin(), verdicts.end(), Verdict::Ambiguous) != verdicts.end();
  if (isDoubtful && finals == 1) return; // once more
  if (held && best != held && ratio(*best) > ratio(*held) * (1 - options.margin)) {
    for (size_t k = 0; k < finalists.size(); ++k)
      if (k != *held && ratio(k) < ratio(*held)) verdicts[k] = Verdict::Ambiguous;
    best = held;
  }
  // Beside itself it is ambiguous: look-ups know by it that the shape was tuned, whoever took part.
  outcome.standard = writer.final(this->standard.candidate, standard, standard, standard_error, Verdict::Ambiguous);
  outcome.trials.push_back(*outcome.standard);
  for (size_t k = 0; k < finalists.size(); ++k) {
    const Candidate &candidate = finalists[k].candidate;
    Result<KernelVariant> variant = variantOf(*subject.bundle, subject.program, candidate);
    const auto error = variant ? errors.find(candidateName(*variant)) : errors.end();
    Trial trial = writer.final(candidate, answer.entries[k + 1], standard,
                               error == errors.end() ? std::nullopt : std::optional(error->second), verdicts[k]);
    if (best == k) outcome.winner = trial;
    outcome.trials.push_back(std::move(trial));
  }
  finish(best ? Ending::Tuned : isDoubtful ? Ending::Ambiguous : Ending::DefaultStays);
}

SearchResult ProgramSearch::result() const {
  SearchResult out = outcome;
  if (isDone()) return out;
  out.ending = Ending::Interrupted;
  out.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const Candidate *best = record.best();
  for (const Trial &trial : outcome.trials)
    if (best && trial.outcome == Outcome::Measured && writer.candidateOf(trial.variant, trial.kernels) == *best)
      out.winner = trial;
  return out;
}
