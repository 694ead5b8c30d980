// What the commands of jvpgen share: how they are added, how they report.
#ifndef JVPGEN_TOOLS_JVPGEN_COMMAND_H
#define JVPGEN_TOOLS_JVPGEN_COMMAND_H

#include "compiler/spec/AttentionSpec.h"
#include "support/Result.h"
#include "tools/jvpgen/Backend.h"
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace jvpgen {

/// What the command that was called will do; set by its callback, run once the whole command line is known to be right.
using Action = std::function<Result<void>()>;

/// Options that many commands take.
struct SpecOptions {
  std::string file;
  std::string programs; ///< comma separated; empty: all that the specification allows
  bool json = false;
};

/// Adds the positional specification file, --programs and --json.
void addSpecOptions(CLI::App &command, SpecOptions &options);

/// Reads and checks the specification.
Result<AttentionSpec> loadSpec(const SpecOptions &options);

/// The programs that were asked for, in the order of execution; an unknown or impossible one is an error.
Result<std::vector<std::string>> selectPrograms(const AttentionSpec &spec, const SpecOptions &options);

/// Adds --device, --variant, --threads.
void addBackendOptions(CLI::App &command, BackendOptions &options);

void addCheck(CLI::App &app, Action &action);
void addShow(CLI::App &app, Action &action);
void addEmit(CLI::App &app, Action &action);
void addCompile(CLI::App &app, Action &action);
void addRun(CLI::App &app, Action &action);
void addVerify(CLI::App &app, Action &action);
void addBench(CLI::App &app, Action &action);
void addDoctor(CLI::App &app, Action &action);

} // namespace jvpgen

#endif
