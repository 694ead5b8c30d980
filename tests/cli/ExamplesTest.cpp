// `jvpgen run` on tensor files of every example: the outputs in the file are judged by the float64 reference.
#include "reference/Verify.h"
#include "support/AtomicFile.h"
#include "tools/tensors/Safetensors.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

using namespace jvpgen;
namespace fs = std::filesystem;

static std::vector<std::string> exampleNames() {
  std::vector<std::string> out;
  for (const auto &entry : fs::directory_iterator(JVPGEN_SOURCE_DIR "/examples/specs"))
    out.push_back(entry.path().stem().string());
  return out;
}

static std::string quoted(const fs::path &path) { return "'" + path.string() + "'"; }

class Example : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("jvpgen-cli-" + GetParam());
    fs::create_directory(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  TensorSet run(const std::string &options);

  fs::path file = fs::path(JVPGEN_SOURCE_DIR) / "examples/specs" / (GetParam() + ".toml"), folder;
};

/// Calls the program; what it wrote.
TensorSet Example::run(const std::string &options) {
  std::string command = std::string(std::getenv("JVPGEN_PROGRAM")) + " run " + quoted(file) +
                        " --device cpu --inputs " + quoted(folder / "x.safetensors") + " --outputs " +
                        quoted(folder / "y.safetensors") + options;
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return readSafetensors(folder / "y.safetensors").value();
}

TEST_P(Example, RunGivesWhatTheReferenceExpects) {
  AttentionSpec spec = parseSpec(readFile(file).value(), file.string()).value();
  Problem shape{.batch = 3, .heads = 4, .kv_heads = 4 / spec.group, .q_length = 33, .kv_length = 50};
  shape.q_total = 33, shape.kv_total = 50;
  reference::Judge judge = reference::Judge::prepare(spec, shape).value();
  ASSERT_TRUE(writeSafetensors(folder / "x.safetensors", judge.inputs()));
  std::vector<std::string> programs = programsOf(spec);
  bool plainGradients = std::find(programs.begin(), programs.end(), "backward") != programs.end();
  // by default tangent programs alone, since they write what the others do
  TensorSet tangent = run(""), primal = run(plainGradients ? " --programs forward,backward" : " --programs forward");

  auto fromFile = [&](std::string_view program, const Problem &, TensorSet &, TensorSet &outputs) -> Result<void> {
    for (auto &[name, tensor] : outputs) tensor = (program.starts_with("tangent_") ? tangent : primal).at(name);
    return {};
  };
  std::vector<reference::Record> records = judge.judge(fromFile).value();
  EXPECT_EQ(records.size(), tangent.size() + primal.size());
  for (const reference::Record &r : records)
    EXPECT_TRUE(r.passed) << r.program << " " << r.output << ": " << r.relative_error << ", limit " << r.limit
                          << "; worst row " << r.worst_row_error << ", limit " << r.row_limit << " " << r.complaint;
}

INSTANTIATE_TEST_SUITE_P(All, Example, testing::ValuesIn(exampleNames()), [](const auto &info) { return info.param; });
