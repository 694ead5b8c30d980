#include "db/Lookup.h"

#include "db/Buckets.h"
#include "db/BundleTrials.h"

#include <algorithm>
#include <set>

using namespace jvpgen;

/// A word of a shell's command line.
static std::string quoted(const std::string &word) {
  constexpr const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,=@";
  if (!word.empty() && word.find_first_not_of(plain) == word.npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string jvpgen::tuneCommand(const std::string &source, const std::string &program, const Problem &shape) {
  return "jvpgen tune " + quoted(source) + " --programs " + program + " --shapes " + shapeText(shape);
}

/// What was found, where it is not exactly what was asked for.
static std::string noticeOf(const Winner &winner, const Question &question, const std::string &command) {
  const std::string asked = question.problem.program + " for " + shapeText(question.problem.shape) + " on " +
                            (question.device.name.empty() ? "this GPU" : question.device.name);
  const std::string advice = "; run: " + command;
  switch (winner.match) {
  case Match::Exact: return "";
  case Match::Neighbour:
    return asked + " runs with the schedule of the neighbouring shape " + shapeText(winner.tuned_for.shape) + advice;
  case Match::SameArch: return asked + " runs with the schedule of " + winner.tuned_on.name + advice;
  case Match::Default: break;
  }
  return asked + " is not tuned and runs with the default schedule" + advice;
}

Result<TunedVariant> jvpgen::tunedVariant(Database &database, const KernelBundle &bundle, const std::string &program,
                                          const Problem &shape, const TrialDevice &device, const Target &target,
                                          const std::string &source) {
  auto standard = std::find_if(bundle.variants.begin(), bundle.variants.end(),
                               [&](const KernelVariant &variant) { return variant.program == program; });
  if (standard == bundle.variants.end())
    return fail(ErrorKind::Invalid, "'" + program + "' was asked for, which the bundle '" + bundle.name +
                                        "' does not have; emit it with that program");
  const Question question{
      {bundle.digest, program, shape}, device, templateDigest(bundle), defaultDigest(bundle, program)};
  const std::string command = tuneCommand(source, program, shape);
  const Winner winner = database.best(question);
  TunedVariant out{*standard, winner.match, true, 1, noticeOf(winner, question, command)};
  if (winner.is_default) return out;
  Result<KernelVariant> tuned = applied(bundle, program, winner.variant, winner.kernels, target);
  if (!tuned) {
    out.match = Match::Default;
    out.notice = "a tuned schedule of " + program + " does not fit: " + tuned.error().message +
                 " The default schedule runs; run: " + command;
    return out;
  }
  out.variant = std::move(*tuned);
  out.is_default = false;
  out.ratio = winner.ratio;
  return out;
}

Result<std::vector<KernelVariant>> jvpgen::tunedVariants(Database &database, const KernelBundle &bundle,
                                                         const std::string &program, const std::string &arch) {
  TrialFilter filter;
  filter.specification = bundle.digest;
  filter.program = program;
  filter.arch = arch;
  filter.template_digest = templateDigest(bundle);
  Result<std::vector<Trial>> trials = database.trials(filter);
  if (!trials) return tl::unexpected(trials.error());
  std::vector<KernelVariant> out;
  std::set<std::string> asked, found;
  for (const Trial &trial : *trials) {
    const Question question{trial.problem, trial.device, filter.template_digest, defaultDigest(bundle, program)};
    if (!asked.insert(canonicalKey(trial.problem) + "|" + trial.device.name).second) continue;
    const Winner winner = database.best(question);
    if (winner.is_default || !found.insert(candidateDigest(winner.variant, winner.kernels)).second) continue;
    if (Result<KernelVariant> fits = applied(bundle, program, winner.variant, winner.kernels, {.arch = arch}))
      out.push_back(std::move(*fits));
  }
  return out;
}
