// In which order candidates are tried: one interface, and the strategies behind it.
#ifndef JVPGEN_TUNER_STRATEGY_H
#define JVPGEN_TUNER_STRATEGY_H

#include "tuner/SearchSpace.h"
#include <memory>
#include <optional>
#include <vector>

namespace jvpgen::tuner {

/// What is known of candidates: each one's time over that of the default, or that it is of no use.
class Record {
public:
  void put(const Candidate &candidate, std::optional<double> ratio);
  bool knows(const Candidate &candidate) const;
  size_t size() const { return entries.size(); }
  std::optional<double> ratioOf(const Candidate &candidate) const;

  /// The fastest of all, or of a variant; null if none was measured.
  const Candidate *best() const;
  const Candidate *best(const std::string &variant) const;

  /// The variant's best with each axis at the schedule that was fastest on it; nothing where that is no other
  /// candidate.
  std::optional<Candidate> combined(const VariantSpace &variant) const;

  /// Up to `count` measured ones, the fastest first.
  std::vector<Candidate> fastest(size_t count) const;

private:
  struct Entry {
    Candidate candidate;
    std::optional<double> ratio;
  };
  std::vector<Entry> entries;
};

class Strategy {
public:
  virtual ~Strategy() = default;

  /// What to try next, or nothing: the search has ended, unless candidates are under way whose results may change that.
  /// No candidate is given twice, nor one that the record knows.
  virtual std::optional<Candidate> next() = 0;
};

/// "exhaustive": every point, in the model's order, and each variant's axes combined. "random": the same in random
/// order. "local": from `start`, neighbours of the best so far, which differ by one step of one field; where it has
/// none left, the model's next point around it. The record is the caller's, who enters results as they come.
Result<std::unique_ptr<Strategy>> makeStrategy(const std::string &name, const SearchSpace &space, const Record &record,
                                               const Candidate &start, uint64_t seed);

} // namespace jvpgen::tuner

#endif
