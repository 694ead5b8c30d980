// The named variants: how outputs are spread over sweeps.
#include "compiler/plan/Plan.h"
#include "compiler/plan/Variants.h"
#include "compiler/plan/Write.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

namespace {
/// Outputs by the sweep that they ask for.
struct Partition {
  std::vector<NamedTerm> row, column, afterwards;

  explicit Partition(const Program &program) {
    std::vector<NamedTerm> either;
    for (const NamedTerm &output : program.outputs) {
      std::vector<Term> sums = accumulatedSums({output});
      auto inRows = [](Term s) { return !s->is(TermKind::Sum) || s->over.contains(streamedIndices(Axis::Row)); };
      auto inColumns = [](Term s) { return s->is(TermKind::Sum) && s->over.contains(streamedIndices(Axis::Column)); };
      bool rows = llvm::all_of(sums, inRows), columns = llvm::all_of(sums, inColumns);
      (sums.empty() ? afterwards : rows && columns ? either : columns ? column : row).push_back(output);
    }
    llvm::append_range(row.empty() && !column.empty() ? column : row, either);
  }

  std::vector<NamedTerm> all() const {
    std::vector<NamedTerm> out = column;
    llvm::append_range(out, row);
    return out;
  }
};

struct Request {
  std::string variant;
  std::vector<SweepRequest> sweeps;
};
} // namespace

/// The score products that a sweep for these outputs executes.
static TermSet scoresOf(const std::vector<NamedTerm> &outputs) {
  std::vector<Term> tiles;
  for (Term s : accumulatedSums(outputs)) tiles.push_back(tileOf(s));
  return closure(tiles);
}

/// Outputs merged greedily where most score products are saved, at most two in one sweep.
static std::vector<std::vector<NamedTerm>> outputGroups(const std::vector<NamedTerm> &outputs) {
  std::vector<std::vector<NamedTerm>> groups;
  for (const NamedTerm &o : outputs) groups.push_back({o});
  for (;;) {
    size_t best = 0, left = 0, right = 0;
    for (size_t a = 0; a < groups.size(); ++a)
      for (size_t b = a + 1; b < groups.size(); ++b) {
        if (groups[a].size() + groups[b].size() > 2) continue;
        TermSet other = scoresOf(groups[b]);
        size_t saved = llvm::count_if(scoresOf(groups[a]), [&](Term p) { return other.count(p); });
        if (!right || saved > best) best = saved, left = a, right = b;
      }
    if (!right) return groups;
    llvm::append_range(groups[left], groups[right]);
    groups.erase(groups.begin() + long(right));
  }
}

static std::vector<Request> requestsFor(const Partition &outputs) {
  SweepRequest row{"row", Axis::Row, outputs.row};
  if (outputs.column.empty()) return {{"row", {row}}};
  SweepRequest column{"col", Axis::Column, outputs.column}, split = column;
  split.isSplit = true;
  std::vector<Request> out = {{"row+col split", {row, split}}, {"row+col", {row, column}}};
  std::vector<std::vector<NamedTerm>> groups = outputGroups(outputs.column);
  if (groups.size() > 1) {
    out.push_back({"by output group", {row}});
    for (auto [k, group] : llvm::enumerate(groups))
      out.back().sweeps.push_back({"col" + std::to_string(k), Axis::Column, group});
  }
  if (!outputs.row.empty()) out.push_back({"fused", {{"fused", Axis::Column, outputs.all(), false, Reach::Both}}});
  return out;
}

static Result<Variant> build(const Request &request, const Partition &outputs, const std::vector<Centre> &centres) {
  VariantBuilder builder(request.variant, centres);
  for (const SweepRequest &sweep : request.sweeps)
    if (auto added = builder.add(sweep); !added) return tl::unexpected(added.error());
  for (const NamedTerm &output : outputs.afterwards) builder.addPost(output);
  return builder.finish();
}

Result<Plans> jvpgen::planProgram(mlir::ModuleOp module, const Program &program) {
  Partition outputs(program);
  std::vector<Centre> centres = findCentres(program.roots());
  Plans out;
  for (const Request &request : requestsFor(outputs)) {
    Result<Variant> variant = build(request, outputs, centres);
    if (variant)
      out.plans.push_back(writePlan(module, program.name, *variant));
    else
      out.refused.push_back({request.variant, variant.error()});
  }
  if (out.plans.empty()) return tl::unexpected(out.refused.back().second);
  return out;
}

Result<attn::PlanOp> jvpgen::planPasses(mlir::ModuleOp module, llvm::StringRef program,
                                        const std::vector<Program> &passes) {
  VariantBuilder builder("two-pass", {});
  KnownSums known;
  for (auto [k, pass] : llvm::enumerate(passes)) {
    Partition outputs(pass);
    if (!outputs.column.empty())
      return fail(ErrorKind::Unsupported, "passes of row sweeps were asked for; \"" + outputs.column[0].first +
                                              "\" is summed over queries; plan that program by itself");
    SweepRequest request{"pass" + std::to_string(k + 1), Axis::Row, outputs.row, false, Reach::Own, known};
    if (auto added = builder.add(request); !added) return tl::unexpected(added.error());
    learnSums(outputs.row, known);
    for (const NamedTerm &output : outputs.afterwards) builder.addPost(output);
  }
  Result<Variant> variant = builder.finish();
  if (!variant) return tl::unexpected(variant.error());
  return writePlan(module, program, *variant);
}
