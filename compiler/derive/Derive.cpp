// The four programs, by forward and reverse mode from the forward mathematics.
#include "compiler/derive/Derive.h"

#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Directions.h"
#include "compiler/derive/Simplify.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Import.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace jvpgen;

Program jvpgen::addTangents(const Program &forward, const std::vector<std::string> &tangents,
                            const std::string &direction) {
  Program out = forward;
  out.name = "tangent_forward";
  std::map<Term, Term> seed;
  for (const std::string &x : tangents) {
    Term primal = forward.input(x);
    Term tangent = primal->context->input(direction + x, primal->indices, InputKind::Tangent);
    seed[primal] = tangent;
    out.inputs.push_back({direction + x, tangent});
  }
  std::vector<Term> t = tangentOf({forward.output("o"), forward.output("lse")}, seed);
  out.outputs.push_back({direction + "o", t[0]});
  out.outputs.push_back({"mu" + direction.substr(1), t[1]});
  return out;
}

Program jvpgen::gradientProgram(const Program &p, const std::vector<std::string> &cotangents,
                                const std::vector<std::string> &wanted) {
  Program out = p;
  out.name = p.name == "forward" ? "backward" : "tangent_backward";
  std::vector<std::pair<Term, Term>> roots;
  for (const std::string &name : cotangents) {
    Term y = p.output(name);
    if (!y || y->isZero()) continue;
    Term cotangent = y->context->input("d" + name, y->indices, InputKind::Cotangent);
    roots.push_back({y, cotangent});
    out.inputs.push_back({"d" + name, cotangent});
  }
  std::vector<Term> inputs;
  for (const std::string &x : wanted) inputs.push_back(p.input(x));
  out.outputs.clear();
  for (auto [x, gradient] : llvm::zip(wanted, adjointOf(roots, inputs))) out.outputs.push_back({"d" + x, gradient});
  return out;
}

std::vector<std::string> jvpgen::savedOrder(const Program &forward) {
  std::vector<std::string> statistics, values;
  for (const auto &[name, t] : forward.outputs) (t->indices.meets(kFeature) ? values : statistics).push_back(name);
  statistics.insert(statistics.end(), values.begin(), values.end());
  return statistics;
}

namespace {
/// A derived program, and the forward program whose outputs it may read.
struct Derivation {
  Program program;
  std::optional<Program> forward;
};
} // namespace

/// The members of `names` that `p` has as outputs, inputs respectively.
static std::vector<std::string> knownInputs(const Program &p, const std::vector<std::string> &names) {
  std::vector<std::string> out;
  llvm::copy_if(names, std::back_inserter(out), [&](const std::string &n) { return p.input(n) != nullptr; });
  return out;
}

static Program keepOutputs(const Program &p, const std::vector<std::string> &names) {
  Program out = p;
  llvm::erase_if(out.outputs, [&](const auto &entry) { return !llvm::is_contained(names, entry.first); });
  return out;
}

static Result<void> checkRequest(const AttentionSpec &spec, const std::string &program,
                                 const std::vector<std::string> &directions) {
  if (!llvm::is_contained(programsOf(spec), program))
    return fail(ErrorKind::Invalid,
                "program \"" + program + "\" of " + spec.name +
                    ": the specification does not allow it; ask for one that it allows, or widen its "
                    "tangents and gradients",
                spec.file);
  for (const std::string &direction : directions) {
    bool isNumbered = direction.starts_with("t") && llvm::all_of(direction.substr(1), llvm::isDigit);
    if (!isNumbered || llvm::count(directions, direction) > 1)
      return fail(ErrorKind::Invalid, "tangents along \"" + direction +
                                          "\" were asked for; directions are distinct, and each is \"t\" or \"t\" "
                                          "with a number");
    std::vector<std::string> names = {"to", "mu"};
    for (const std::string &x : spec.tangents) names.push_back("t" + x);
    for (const std::string &x : alongAll(spec, names, {direction}))
      if (spec.input(x))
        return fail(ErrorKind::Invalid,
                    "tangents along \"" + direction + "\" were asked for; " + spec.name + " has an input \"" + x +
                        "\" of its own; rename it, or take another number",
                    spec.file);
  }
  return {};
}

static Result<Derivation> derive(TermContext &terms, const AttentionSpec &spec, const std::string &name,
                                 const std::vector<std::string> &directions = {"t"}) {
  if (auto checked = checkRequest(spec, name, directions); !checked) return tl::unexpected(checked.error());
  Result<Program> forward = importForward(terms, spec);
  if (!forward) return tl::unexpected(forward.error());
  Program p = *forward;
  if (name == "tangent_forward" || name == "tangent_backward")
    for (const std::string &direction : directions) p = addTangents(p, spec.tangents, direction);
  auto everywhere = [&](const std::vector<std::string> &names) { return alongAll(spec, names, directions); };
  if (name == "forward" || name == "tangent_forward")
    return Derivation{keepOutputs(p, everywhere(outputsOf(spec, name))), std::nullopt};
  Program gradients = gradientProgram(p, everywhere(spec.cotangents), knownInputs(p, everywhere(spec.gradients)));
  for (const std::string &saved : savedOrder(p))
    gradients.inputs.push_back({saved, terms.input(saved, p.output(saved)->indices, InputKind::Saved)});
  return Derivation{std::move(gradients), std::move(p)};
}

static Program simplified(Derivation d) {
  if (!d.forward) return simplify(d.program);
  SavedEquations saved(*d.forward, savedOrder(*d.forward));
  return simplify(d.program, &saved);
}

Result<Program> jvpgen::deriveUnsimplified(TermContext &terms, const AttentionSpec &spec, const std::string &program) {
  Result<Derivation> d = derive(terms, spec, program);
  if (!d) return tl::unexpected(d.error());
  return std::move(d->program);
}

Result<Program> jvpgen::deriveProgram(TermContext &terms, const AttentionSpec &spec, const std::string &program) {
  return deriveAlong(terms, spec, program, {"t"});
}

Result<Program> jvpgen::deriveAlong(TermContext &terms, const AttentionSpec &spec, const std::string &program,
                                    const std::vector<std::string> &directions) {
  Result<Derivation> d = derive(terms, spec, program, directions);
  if (!d) return tl::unexpected(d.error());
  return simplified(std::move(*d));
}

Result<std::vector<Program>> jvpgen::deriveTwoPasses(TermContext &terms, const AttentionSpec &spec) {
  Result<Derivation> d = derive(terms, spec, "tangent_forward");
  if (!d) return tl::unexpected(d.error());
  const Program whole = addTangents(*importForward(terms, spec), spec.tangents);
  Program first = keepOutputs(d->program, {"o", "lse"}), second = keepOutputs(d->program, {"to", "mu"});
  first.name = "forward";
  // what the second pass reads
  for (const char *given : {"o", "lse"})
    if (!first.output(given)) first.outputs.push_back({given, whole.output(given)});
  SavedEquations saved(whole, {"lse", "o"});
  return std::vector<Program>{simplify(first), simplify(second, &saved)};
}
