// A wrong entry in the table of derivative rules is noticed.
#include "tests/mutations/Workbench.h"
#include "tests/mutations/WrongRules.h"

#include "compiler/derive/Rules.h"
#include "tests/reference/Specs.h"

using namespace jvpgen;

namespace {
/// Every function that has a derivative; both sides of each selection carry weight.
const char *const kScore =
    "name = \"functions\"\ndtype = \"bf16\"\nhead_dim_qk = 16\nscalars = [\"a\"]\n"
    "tangents = [\"q\", \"k\", \"v\", \"a\"]\n"
    "score = \"where(z < 0, 3 * sqrt(1 + z * z), 2 * log(1 + exp(z)) + a) + min(z, a) / 2 - max(a, 2 * z) / 2 "
    "+ tanh(z * a) + abs(z - a) / a\"\n";

std::string planText(const AttentionSpec &spec, const std::string &program) {
  Result<PlannedSpec> planned = PlannedSpec::create(spec, {program});
  return planned ? planned->text() : planned.error().text();
}

/// (rule, argument) of every partial derivative that is not 0 everywhere.
std::vector<std::pair<std::string, size_t>> entries() {
  std::vector<std::pair<std::string, size_t>> out = {{"lin", 0}, {"lin", 1},  {"mul", 0},
                                                     {"mul", 1}, {"mexp", 0}, {"lse", 0}};
  for (const Rule &rule : ruleTable()) {
    TermContext terms;
    std::vector<Term> arguments;
    for (unsigned k = 0; k < rule.arity; ++k)
      arguments.push_back(terms.input(std::string(1, char('x' + k)), IndexSet()));
    std::vector<Term> partials = rule.partials(terms.apply(rule.function, arguments), arguments);
    for (size_t k = 0; k < partials.size(); ++k)
      if (!partials[k]->isZero()) out.push_back({rule.function, k});
  }
  return out;
}
} // namespace

TEST(Mutations, OfRules) {
  plant({});
  Workbench bench(specFrom(kScore), {2, 4, 4, 24, 30, 24, 30});
  Tally tally;
  const std::pair<WrongRule::How, const char *> ways[] = {
      {WrongRule::How::Negated, "negated"}, {WrongRule::How::Dropped, "dropped"}, {WrongRule::How::Doubled, "doubled"}};
  for (const std::string program : {"tangent_forward", "backward"}) {
    plant({});
    const std::string right = planText(bench.spec, program);
    for (const auto &[rule, argument] : entries())
      for (const auto &[how, word] : ways) {
        plant({rule, argument, how});
        Result<PlannedSpec> planned = PlannedSpec::create(bench.spec, {program});
        std::string mutant = program + ": d " + rule + ", argument " + std::to_string(argument) + ", " + word;
        if (planned && planned->text() == right) continue; // the rule is not asked for
        auto executable = planned.and_then([&](PlannedSpec &p) { return p.compileForCpu(program, "", 1); });
        ASSERT_TRUE(executable) << mutant << ": " << executable.error().text();
        tally.add(mutant, bench.refusals(program, **executable));
      }
  }
  plant({});
  tally.expectCaught(100);
}
