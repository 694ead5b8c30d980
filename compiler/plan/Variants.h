// A variant made of requested sweeps: online form, accumulators, role cut, coefficients, tiles.
#ifndef JVPGEN_COMPILER_PLAN_VARIANTS_H
#define JVPGEN_COMPILER_PLAN_VARIANTS_H

#include "compiler/plan/Accumulate.h"
#include "compiler/plan/Online.h"
#include "compiler/plan/RoleCut.h"
#include "compiler/plan/Separate.h"

namespace jvpgen {

/// One sweep that a variant asks for.
struct SweepRequest {
  std::string name;
  Axis axis;
  std::vector<NamedTerm> outputs;
  bool isSplit = false;
  Reach reach = Reach::Own;
  KnownSums known = {}; ///< from earlier sweeps
};

/// Builds the sweeps of one variant; statistics and the numbering of accumulators are common to all of them.
class VariantBuilder {
public:
  VariantBuilder(std::string name, std::vector<Centre> centres) : centres(std::move(centres)) {
    variant.name = std::move(name);
  }

  /// Adds a sweep, unless nothing is asked of it.
  Result<void> add(const SweepRequest &request);

  /// An output that needs no sweep.
  void addPost(const NamedTerm &output) { variant.posts.push_back(output); }

  Result<Variant> finish();

private:
  Result<void> makeRoles(Sweep &sweep, std::vector<Contribution> contributions, bool isSplit);
  void arrange(Sweep &sweep);
  Term withStatistics(Term t);

  Variant variant;
  std::vector<Centre> centres;
  Statistics statistics;
  unsigned accumulators = 0;
};

} // namespace jvpgen

#endif
