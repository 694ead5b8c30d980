#include "tuner/Strategy.h"

#include "schedule/ScheduleFields.h"
#include <algorithm>
#include <random>
#include <set>

using namespace jvpgen;
using namespace jvpgen::tuner;

// ---- what is known

void Record::put(const Candidate &candidate, std::optional<double> ratio) {
  for (Entry &entry : entries)
    if (entry.candidate == candidate) {
      entry.ratio = ratio;
      return;
    }
  entries.push_back({candidate, ratio});
}

bool Record::knows(const Candidate &candidate) const {
  return std::any_of(entries.begin(), entries.end(), [&](const Entry &e) { return e.candidate == candidate; });
}

std::optional<double> Record::ratioOf(const Candidate &candidate) const {
  for (const Entry &entry : entries)
    if (entry.candidate == candidate) return entry.ratio;
  return std::nullopt;
}

std::vector<Candidate> Record::fastest(size_t count) const {
  std::vector<const Entry *> measured;
  for (const Entry &entry : entries)
    if (entry.ratio) measured.push_back(&entry);
  std::sort(measured.begin(), measured.end(), [](const Entry *a, const Entry *b) {
    return *a->ratio != *b->ratio ? *a->ratio < *b->ratio : a < b; // of equals the first
  });
  std::vector<Candidate> out;
  for (const Entry *entry : measured)
    if (out.size() < count) out.push_back(entry->candidate);
  return out;
}

const Candidate *Record::best(const std::string &variant) const {
  const Entry *out = nullptr;
  for (const Entry &entry : entries)
    if (entry.ratio && (variant.empty() || entry.candidate.variant == variant) && (!out || *entry.ratio < *out->ratio))
      out = &entry;
  return out ? &out->candidate : nullptr;
}

const Candidate *Record::best() const { return best(""); }

std::optional<Candidate> Record::combined(const VariantSpace &variant) const {
  const Candidate *best = this->best(variant.standard.variant);
  if (!best) return std::nullopt;
  Candidate out = *best;
  for (const Axis &axis : variant.axes) {
    const Entry *fastest = nullptr; // among those that differ from the emitted ones on this axis alone
    for (const Entry &entry : entries)
      if (entry.ratio && entry.candidate.variant == variant.standard.variant &&
          replaced(variant.standard, axis, entry.candidate.schedules[axis.launch]) == entry.candidate &&
          (!fastest || *entry.ratio < *fastest->ratio))
        fastest = &entry;
    if (fastest) out.schedules[axis.launch] = fastest->candidate.schedules[axis.launch];
  }
  return knows(out) ? std::nullopt : std::optional(out);
}

// ---- strategies

namespace {
/// Gives each candidate once, and none that is known.
class Giving : public Strategy {
public:
  Giving(const SearchSpace &space, const Record &record) : space(space), record(record) {}

protected:
  bool isNew(const Candidate &candidate) const {
    return !record.knows(candidate) && std::find(given.begin(), given.end(), candidate) == given.end();
  }
  std::optional<Candidate> give(const Candidate &candidate) {
    given.push_back(candidate);
    return candidate;
  }
  /// A variant's axes combined, where that is new.
  std::optional<Candidate> giveCombined() {
    for (const VariantSpace &variant : space.variants)
      if (std::optional<Candidate> candidate = record.combined(variant); candidate && isNew(*candidate))
        return give(*candidate);
    return std::nullopt;
  }
  const SearchSpace &space;
  const Record &record;

private:
  std::vector<Candidate> given;
};

/// Points of a list, then combinations.
class Listed : public Giving {
public:
  Listed(const SearchSpace &space, const Record &record, std::vector<Candidate> points)
      : Giving(space, record), points(std::move(points)) {}

  std::optional<Candidate> next() override {
    while (place < points.size())
      if (const Candidate &candidate = points[place++]; isNew(candidate)) return give(candidate);
    return giveCombined();
  }

private:
  std::vector<Candidate> points;
  size_t place = 0;
};

class Local : public Giving {
public:
  Local(const SearchSpace &space, const Record &record, Candidate start)
      : Giving(space, record), start(std::move(start)) {}

  std::optional<Candidate> next() override {
    if (isNew(start)) return give(start);
    if (std::optional<Candidate> candidate = cheapestOfAVariant()) return candidate;
    const Candidate *best = record.best();
    if (!best) best = &start;
    if (std::optional<Candidate> candidate = takeTurns(*best)) return candidate;
    if (std::optional<Candidate> candidate = giveCombined()) return candidate;
    for (const VariantSpace &variant : space.variants) {
      const Candidate *own = record.best(variant.standard.variant);
      if (std::optional<Candidate> candidate = cheapestAround(own ? *own : variant.standard)) return candidate;
    }
    return std::nullopt;
  }

private:
  /// Each variant's cheapest point by the model: where else it could be worth going on.
  std::optional<Candidate> cheapestOfAVariant() {
    for (const VariantSpace &variant : space.variants) {
      Candidate cheapest = variant.standard;
      for (const Axis &axis : variant.axes) cheapest = replaced(cheapest, axis, axis.schedules.front());
      for (const Candidate &candidate : {variant.standard, cheapest})
        if (isNew(candidate)) return give(candidate);
    }
    return std::nullopt;
  }

  /// A neighbour, then the model's next point, and so on: neither a bad model nor a bad start costs more than half.
  std::optional<Candidate> takeTurns(const Candidate &best) {
    for (int k = 0; k < 2; ++k) {
      isNeighboursTurn = !isNeighboursTurn;
      if (std::optional<Candidate> out = isNeighboursTurn ? neighbour(best) : cheapestAround(best)) return out;
    }
    return std::nullopt;
  }

  std::optional<Candidate> neighbour(const Candidate &best) {
    const VariantSpace *variant = space.find(best.variant);
    std::optional<Candidate> cheapest;
    for (const Axis &axis : variant->axes)
      for (const Schedule &schedule : axis.schedules) {
        const Candidate candidate = replaced(best, axis, schedule);
        if (areNeighbours(axis, schedule, best.schedules[axis.launch]) && isNew(candidate) &&
            (!cheapest || space.clocks(candidate) < space.clocks(*cheapest)))
          cheapest = candidate;
      }
    return cheapest ? give(*cheapest) : std::nullopt;
  }

  /// Whether all fields agree but one, between whose values no schedule of the axis has another.
  static bool areNeighbours(const Axis &axis, const Schedule &a, const Schedule &b) {
    const ScheduleField *differing = nullptr;
    for (const ScheduleField &field : kScheduleFields) {
      if (a.*field.value == b.*field.value) continue;
      if (differing) return isSameShape(a, b);
      differing = &field;
    }
    if (!differing) return false;
    const auto [low, high] = std::minmax(a.*differing->value, b.*differing->value);
    return std::none_of(axis.schedules.begin(), axis.schedules.end(), [&, low = low, high = high](const Schedule &s) {
      const int value = s.*differing->value;
      return value > low && value < high;
    });
  }

  /// Rows that a block owns go with its warps: both change in one step.
  static bool isSameShape(const Schedule &a, const Schedule &b) {
    return a.stages == b.stages && a.warps != b.warps &&
           ((a.tile_m * b.warps == b.tile_m * a.warps && a.tile_n == b.tile_n) ||
            (a.tile_n * b.warps == b.tile_n * a.warps && a.tile_m == b.tile_m));
  }

  /// The cheapest by the model that differs on one axis.
  std::optional<Candidate> cheapestAround(const Candidate &centre) {
    const VariantSpace *variant = space.find(centre.variant);
    std::optional<Candidate> cheapest;
    for (const Axis &axis : variant->axes)
      for (const Schedule &schedule : axis.schedules) { // the cheapest first
        const Candidate candidate = replaced(centre, axis, schedule);
        if (!isNew(candidate)) continue;
        if (!cheapest || space.clocks(candidate) < space.clocks(*cheapest)) cheapest = candidate;
        break;
      }
    return cheapest ? give(*cheapest) : std::nullopt;
  }

  Candidate start;
  bool isNeighboursTurn = false;
};
} // namespace

/// Every point, the emitted one of each variant before all others, then by the model's clocks.
static std::vector<Candidate> points(const SearchSpace &space) {
  std::vector<std::pair<double, size_t>> order;
  std::vector<Candidate> all, out;
  for (const VariantSpace &variant : space.variants) {
    out.push_back(variant.standard);
    for (const Axis &axis : variant.axes)
      for (const Schedule &schedule : axis.schedules) {
        all.push_back(replaced(variant.standard, axis, schedule));
        order.emplace_back(space.clocks(all.back()), order.size());
      }
  }
  std::sort(order.begin(), order.end());
  for (const auto &[clocks, k] : order) out.push_back(std::move(all[k]));
  return out;
}

Result<std::unique_ptr<Strategy>> tuner::makeStrategy(const std::string &name, const SearchSpace &space,
                                                      const Record &record, const Candidate &start, uint64_t seed) {
  if (name == "local") return std::make_unique<Local>(space, record, start);
  std::vector<Candidate> all = points(space);
  if (name == "exhaustive") return std::make_unique<Listed>(space, record, std::move(all));
  if (name != "random")
    return fail(ErrorKind::Invalid,
                "the strategy '" + name + "' was asked for; there are exhaustive, random and local");
  std::mt19937_64 random(seed);
  for (size_t k = all.size(); k > 1; --k) std::swap(all[k - 1], all[random() % k]); // the same on every machine
  return std::make_unique<Listed>(space, record, std::move(all));
}
