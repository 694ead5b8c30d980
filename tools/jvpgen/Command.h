// What the commands of jvpgen share: how they are added, how they report.
#ifndef JVPGEN_TOOLS_JVPGEN_COMMAND_H
#define JVPGEN_TOOLS_JVPGEN_COMMAND_H

#include "compiler/spec/AttentionSpec.h"
#include "support/Result.h"
#include "tools/jvpgen/Backend.h"
#include "tools/tensors/RandomInputs.h"
#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
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

/// A specification, and the programs of it that were asked for, in the order of execution.
struct Request {
  AttentionSpec spec;
  std::vector<std::string> programs;
};

/// Reads and checks the specification and the list of programs; an unknown or impossible one is an error.
Result<Request> loadRequest(const SpecOptions &options);

/// The programs and those whose outputs they read, in the order of execution.
std::vector<std::string> withEarlier(const AttentionSpec &spec, const std::vector<std::string> &programs);

/// A null where there is nothing.
template <typename T> nlohmann::ordered_json orNull(const std::optional<T> &value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

/// Adds --device, --variant, --threads.
void addBackendOptions(CLI::App &command, BackendOptions &options);

/// Adds --kept-tiles, --tile-size.
void addKeptTiles(CLI::App &command, KeptTiles &tiles);

/// Tiles can only be kept of a boolean tensor; an error where the specification has none.
Result<void> checkKeptTiles(const AttentionSpec &spec, const KeptTiles &tiles);

void addCheck(CLI::App &app, Action &action);
void addShow(CLI::App &app, Action &action);
void addEmit(CLI::App &app, Action &action);
void addBundle(CLI::App &app, Action &action);
void addCompile(CLI::App &app, Action &action);
void addRun(CLI::App &app, Action &action);
void addVerify(CLI::App &app, Action &action);
void addBench(CLI::App &app, Action &action);
void addTune(CLI::App &app, Action &action);
void addDoctor(CLI::App &app, Action &action);
void addDb(CLI::App &app, Action &action);

} // namespace jvpgen

#endif
