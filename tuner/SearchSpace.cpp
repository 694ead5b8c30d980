#include "tuner/SearchSpace.h"

#include "schedule/Legality.h"
#include "tuner/CostModel.h"
#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// Where blocks can be divided: the emitted schedule and the cheapest by the model in other numbers of parts, too. What
/// a schedule is divided into by itself (0) suits most shapes.
static void addDivided(const Launch &launch, const Target &target, const Problem &problem,
                       std::vector<Schedule> &legal) {
  if (launch.partial_numbers == 0) return;
  auto clocks = [&](const Schedule &s) { return estimateClocks(launch, s, target, problem); };
  const Schedule cheapest = *std::min_element(
      legal.begin(), legal.end(), [&](const Schedule &a, const Schedule &b) { return clocks(a) < clocks(b); });
  for (Schedule schedule : {launch.schedule, cheapest})
    for (int splits : {1, 2, 3, 4, 8}) {
      schedule.splits = splits;
      if (std::find(legal.begin(), legal.end(), schedule) == legal.end()) legal.push_back(schedule);
    }
}

static Axis axisOf(const Launch &launch, size_t place, const Target &target, const Problem &problem) {
  std::vector<Schedule> legal = legalSchedules(launch.resources, target);
  if (std::find(legal.begin(), legal.end(), launch.schedule) == legal.end())
    legal.insert(legal.begin(), launch.schedule);
  addDivided(launch, target, problem, legal);
  std::vector<std::pair<double, size_t>> order;
  for (const Schedule &s : legal) order.emplace_back(estimateClocks(launch, s, target, problem), order.size());
  std::sort(order.begin(), order.end());
  Axis out{place, {}, {}};
  for (const auto &[clocks, k] : order) out.schedules.push_back(legal[k]), out.clocks.push_back(clocks);
  return out;
}

Result<SearchSpace> SearchSpace::create(const KernelBundle &bundle, const std::string &program, const Target &target,
                                        const Problem &problem) {
  SearchSpace out;
  for (const KernelVariant &variant : bundle.variants) {
    if (variant.program != program) continue;
    VariantSpace space{candidateOf(variant), {}};
    for (size_t k = 0; k < variant.launches.size(); ++k)
      if (variant.launches[k].resources.is_sweep) space.axes.push_back(axisOf(variant.launches[k], k, target, problem));
    out.variants.push_back(std::move(space));
  }
  if (out.variants.empty())
    return fail(ErrorKind::Invalid, "tuning " + program + " was asked for, which the bundle '" + bundle.name +
                                        "' does not hold; select it when emitting");
  return out;
}

const VariantSpace *SearchSpace::find(const std::string &variant) const {
  for (const VariantSpace &space : variants)
    if (space.standard.variant == variant) return &space;
  return nullptr;
}

size_t SearchSpace::size() const {
  size_t out = 0;
  for (const VariantSpace &space : variants) {
    out += 1; // as it was emitted
    for (const Axis &axis : space.axes) out += axis.schedules.size() - 1;
  }
  return out;
}

double SearchSpace::clocks(const Candidate &candidate) const {
  const VariantSpace *space = find(candidate.variant);
  double out = 0;
  for (size_t a = 0; space && a < space->axes.size(); ++a) {
    const Axis &axis = space->axes[a];
    for (size_t k = 0; k < axis.schedules.size(); ++k)
      if (axis.schedules[k] == candidate.schedules[axis.launch]) out += axis.clocks[k];
  }
  return out;
}

Candidate tuner::replaced(Candidate candidate, const Axis &axis, const Schedule &schedule) {
  candidate.schedules[axis.launch] = schedule;
  return candidate;
}
