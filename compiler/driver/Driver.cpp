// From a specification to derived programs as text.
#include "compiler/driver/Driver.h"

#include "compiler/derive/Cost.h"
#include "compiler/derive/Derive.h"

using namespace jvpgen;

static std::vector<std::string> savedInputs(const Program &program) {
  std::vector<std::string> names;
  for (Term t : topologicalOrder(program.roots()))
    if (t->is(TermKind::Input) && t->inputKind == InputKind::Saved) names.push_back(t->name);
  return names;
}

static std::string textOf(const Program &program) {
  std::string out = program.name + "\n";
  for (const auto &[name, term] : program.outputs) out += "  " + name + " = " + print(term) + "\n";
  return out;
}

Result<std::vector<DerivedProgram>> jvpgen::derivePrograms(const AttentionSpec &spec,
                                                           const std::vector<std::string> &programs, Stage stage) {
  TermContext terms;
  std::vector<DerivedProgram> out;
  for (const std::string &name : programs) {
    Result<Program> program =
        stage == Stage::Derive ? deriveProgram(terms, spec, name) : deriveUnsimplified(terms, spec, name);
    if (!program) return tl::unexpected<Error>(program.error());
    Cost cost = costOf(*program);
    out.push_back({name, textOf(*program), matmulsOf(*program), cost.executed, cost.sweeps, cost.pointwise,
                   savedInputs(*program)});
  }
  return out;
}
