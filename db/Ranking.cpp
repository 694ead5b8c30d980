#include "db/Ranking.h"

#include "db/Buckets.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

using namespace jvpgen;

const char *jvpgen::name(Match match) {
  switch (match) {
  case Match::Exact: return "exact";
  case Match::Neighbour: return "neighbour";
  case Match::SameArch: return "same arch";
  case Match::Default: return "default";
  }
  return nullptr;
}

static bool isSameModel(const TrialDevice &a, const TrialDevice &b) {
  return a.name == b.name && a.arch == b.arch && a.multiprocessors == b.multiprocessors;
}

bool jvpgen::canAnswer(const Question &question, const TrialProblem &problem) {
  return problem.specification == question.problem.specification && problem.program == question.problem.program &&
         bucketOf(problem.shape) == bucketOf(question.problem.shape);
}

bool jvpgen::canAnswer(const Question &question, const Trial &trial) {
  auto fits = [](const std::string &wanted, const std::string &has) { return wanted.empty() || wanted == has; };
  return canAnswer(question, trial.problem) && trial.device.arch == question.device.arch &&
         fits(question.template_digest, trial.template_digest) && fits(question.default_digest, trial.default_digest);
}

namespace {
/// What is known of one candidate in a group.
struct Evidence {
  int layer = 0;
  bool excluded = false;
  int compared = 0, better = 0;
  std::vector<double> ratios;
  const RankedTrial *trial = nullptr; ///< the compared one with the smallest id

  void add(const RankedTrial &ranked);
  double ratio() const; ///< the median
  bool wins() const { return !excluded && compared > 0 && 2 * better > compared && ratio() < 1; }
};

/// The order in which groups answer; the texts make it total.
struct GroupKey {
  bool other_model = false, other_shape = false;
  double multiprocessors_apart = 0, shapes_apart = 0;
  std::string device, problem;
  auto tied() const { return std::tie(other_model, other_shape, multiprocessors_apart, shapes_apart, device, problem); }
  bool operator<(const GroupKey &other) const { return tied() < other.tied(); }
};

using Group = std::map<std::string, Evidence>; ///< by candidateDigest
} // namespace

void Evidence::add(const RankedTrial &ranked) {
  const Trial &t = ranked.trial;
  excluded |= t.outcome == Outcome::Wrong || t.outcome == Outcome::Faulted || t.outcome == Outcome::TimedOut;
  if (t.outcome != Outcome::Measured || t.verdict == Verdict::None || (compared && ranked.layer > layer)) return;
  if (ranked.layer < layer || !compared) {
    compared = better = 0;
    ratios.clear();
    layer = ranked.layer;
  }
  if (!compared || ranked.id < trial->id) trial = &ranked;
  ++compared;
  better += t.verdict == Verdict::Better;
  ratios.push_back(*t.median_us / *t.default_median_us);
}

double Evidence::ratio() const {
  std::vector<double> sorted = ratios;
  std::sort(sorted.begin(), sorted.end());
  return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
}

static GroupKey keyOf(const Question &question, const Trial &trial) {
  auto apart = [](int64_t a, int64_t b) {
    return std::abs(std::log2(double(std::max<int64_t>(a, 1)) / double(std::max<int64_t>(b, 1))));
  };
  GroupKey out;
  out.other_model = !isSameModel(question.device, trial.device);
  out.other_shape = canonicalKey(question.problem) != canonicalKey(trial.problem);
  out.multiprocessors_apart = apart(question.device.multiprocessors, trial.device.multiprocessors);
  out.shapes_apart = shapeDistance(question.problem.shape, trial.problem.shape);
  out.device = trial.device.name;
  out.problem = canonicalKey(trial.problem);
  return out;
}

static Match matchOf(const GroupKey &key) {
  return key.other_model ? Match::SameArch : key.other_shape ? Match::Neighbour : Match::Exact;
}

static Winner winnerOf(const GroupKey &key, const Group &group) {
  const Evidence *best = nullptr, *any = nullptr;
  for (auto &[digest, evidence] : group) {
    if (evidence.compared && !any) any = &evidence;
    if (evidence.wins() && (!best || evidence.ratio() < best->ratio())) best = &evidence;
  }
  Winner out;
  out.match = matchOf(key);
  out.tuned_for = any->trial->trial.problem;
  out.tuned_on = any->trial->trial.device;
  if (!best) return out;
  const Trial &trial = best->trial->trial;
  out.is_default = false;
  out.variant = trial.variant;
  out.kernels = trial.kernels;
  out.ratio = best->ratio();
  out.tuned_for = trial.problem;
  out.tuned_on = trial.device;
  out.trial = best->trial->id;
  return out;
}

Winner jvpgen::rank(const Question &question, const std::vector<RankedTrial> &trials) {
  std::map<GroupKey, Group> groups;
  for (const RankedTrial &ranked : trials) {
    const Trial &trial = ranked.trial;
    if (!canAnswer(question, trial)) continue;
    groups[keyOf(question, trial)][candidateDigest(trial.variant, trial.kernels)].add(ranked);
  }
  for (auto &[key, group] : groups)
    if (std::any_of(group.begin(), group.end(), [](auto &entry) { return entry.second.compared > 0; }))
      return winnerOf(key, group);
  return {};
}
