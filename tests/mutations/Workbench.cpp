// Runs on the CPU, replays, and the table.
#include "tests/mutations/Workbench.h"

#include "tools/tensors/Interface.h"
#include <cstdio>
#include <gtest/gtest.h>
#include <set>

using namespace jvpgen;
using namespace jvpgen::reference;

Workbench::Workbench(const AttentionSpec &spec, const Problem &problem, const RandomOptions &inputs) : spec(spec) {
  Result<PlannedSpec> planned = PlannedSpec::create(spec, programsOf(spec));
  Result<Judge> prepared = Judge::prepare(spec, problem, {.seed = 1, .inputs = inputs, .programs = {}});
  if (!planned || !prepared) {
    ADD_FAILURE() << (planned ? prepared.error().text() : planned.error().text());
    return;
  }
  judge = std::move(*prepared);
  Result<std::vector<Record>> records =
      judge->judge([&](std::string_view program, const Problem &at, TensorSet &in, TensorSet &outputs) -> Result<void> {
        auto executable = planned->compileForCpu(std::string(program), "", 1);
        if (!executable) return tl::unexpected(executable.error());
        Result<void> ran = run(**executable, at, in, outputs);
        right[std::string(program)] = outputs;
        return ran;
      });
  EXPECT_TRUE(records && allPassed(*records)) << "the programs themselves must pass";
}

Result<void> Workbench::run(const Executable &executable, const Problem &problem, TensorSet &inputs,
                            TensorSet &outputs) const {
  TensorMap views = viewsOf(spec, inputs);
  for (auto &[name, view] : viewsOf(spec, outputs)) views[name] = view;
  std::vector<unsigned char> memory(executable.workspaceBytes(problem) + 256, 0xff);
  auto address = (reinterpret_cast<uintptr_t>(memory.data()) + 255) & ~uintptr_t(255);
  return executable.launch(problem, views, reinterpret_cast<void *>(address), nullptr);
}

std::vector<std::string> Workbench::refusals(const std::string &mutated, const Executable &mutant) const {
  Result<std::vector<Record>> records = judge->judge(
      [&](std::string_view program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) -> Result<void> {
        if (program == mutated) return run(mutant, problem, inputs, outputs);
        outputs = right.at(std::string(program));
        return {};
      });
  EXPECT_TRUE(records) << records.error().text();
  std::vector<std::string> out;
  if (!records) return out;
  for (const Record &record : *records)
    if (!record.passed) out.push_back(record.program + "." + record.output);
  return out;
}

void Tally::add(const std::string &mutant, const std::vector<std::string> &refusals, const std::string &equivalent) {
  std::string by;
  for (const std::string &name : refusals) by += (by.empty() ? "" : " ") + name;
  if (!equivalent.empty()) by = "(equivalent: " + equivalent + ") " + by;
  std::printf("%-72s %s\n", mutant.c_str(), refusals.empty() && equivalent.empty() ? "NOT CAUGHT" : by.c_str());
  EXPECT_EQ(refusals.empty(), !equivalent.empty()) << mutant << ": " << by;
  caught += !refusals.empty();
}

void Tally::expectCaught(size_t atLeast) const {
  std::printf("%zu mutants caught\n", caught);
  EXPECT_GE(caught, atLeast);
}
