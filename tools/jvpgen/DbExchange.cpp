// jvpgen db export, import, merge: trials from one database to another.
#include "tools/jvpgen/Db.h"

#include "db/Buckets.h"
#include "db/Import.h"
#include "db/T4.h"
#include "db/TrialJson.h"
#include "support/AtomicFile.h"
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

using namespace jvpgen;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {
struct ExportOptions : FilterOptions {
  std::string format = "json", output;
  bool to_ship = false;
};

struct ImportOptions : DbOptions {
  std::vector<std::string> files;
};

struct MergeOptions {
  std::vector<std::string> files;
  std::string output;
  bool json = false;
};
} // namespace

// ---- out
// ----------------------------------------------------------------------------------------------------------------

/// A new database with these trials; a file that is there already is replaced when all is done.
static Result<void> writeDatabase(const std::vector<Trial> &trials, const std::string &file) {
  const std::string aside = file + ".new";
  std::error_code ignored;
  for (const char *suffix : {"", "-journal", "-lock"}) fs::remove(aside + suffix, ignored);
  {
    Database database = openUserDatabase(aside);
    if (Result<void> done = database.record(trials); !done) return done;
  }
  fs::remove(aside + "-lock", ignored);
  std::error_code failed;
  fs::rename(aside, file, failed);
  if (!failed) return {};
  return fail(ErrorKind::Environment, "cannot rename '" + aside + "' to '" + file + "': " + failed.message() +
                                          "; see the permissions of its folder");
}

static std::string keyOf(const Trial &trial) {
  return trial.device.name + "|" + canonicalKey(trial.problem) + "|" + candidateDigest(trial.variant, trial.kernels);
}

/// What answers look-ups: compared with the default in a final, of this jvpgen's templates, never found wrong.
static void keepAnswers(std::vector<Trial> &trials) {
  std::set<std::string> wrong;
  for (const Trial &t : trials)
    if (t.outcome == Outcome::Wrong || t.outcome == Outcome::Faulted || t.outcome == Outcome::TimedOut)
      wrong.insert(keyOf(t));
  std::erase_if(trials, [&, now = currentTemplates()](const Trial &t) {
    return t.verdict == Verdict::None || t.template_digest != now || wrong.contains(keyOf(t));
  });
}

static Result<void> exportTrials(const ExportOptions &options) {
  Result<std::vector<Trial>> trials = selectTrials(options);
  if (!trials) return tl::unexpected(trials.error());
  if (options.to_ship) keepAnswers(*trials);
  if (options.to_ship && trials->empty())
    return fail(ErrorKind::Invalid, "tunings to ship were asked for, and no final was measured with this jvpgen's "
                                    "templates; run `jvpgen tune` first");
  if (options.format == "sqlite") {
    if (!options.output.empty()) return writeDatabase(*trials, options.output);
    return fail(ErrorKind::Invalid, "a database was asked for on standard output; name a file with --output");
  }
  Result<std::string> text = options.format == "t4" ? printT4(*trials) : printTrials(*trials);
  if (!text) return tl::unexpected(text.error());
  if (!options.output.empty()) return writeFile(options.output, *text);
  std::fputs(text->c_str(), stdout);
  return {};
}

// ---- in
// -----------------------------------------------------------------------------------------------------------------

static Result<std::vector<Trial>> readAll(const std::vector<std::string> &files) {
  std::vector<Trial> out;
  for (const std::string &file : files) {
    Result<std::vector<Trial>> trials = readForeignTrials(file);
    if (!trials) return trials;
    out.insert(out.end(), trials->begin(), trials->end());
  }
  return out;
}

/// All files or none; how many trials each side had is said.
static Result<void> add(const std::vector<std::string> &files, const DbOptions &options) {
  Result<std::vector<Trial>> trials = readAll(files);
  if (!trials) return tl::unexpected(trials.error());
  Database database = openUserDatabase(options.database);
  Result<std::vector<Trial>> before = database.trials();
  if (!before) return tl::unexpected(before.error());
  if (Result<void> done = database.record(*trials); !done) return done;
  Result<std::vector<Trial>> after = database.trials();
  if (!after) return tl::unexpected(after.error());
  const size_t is_new = after->size() - before->size();
  if (options.json)
    std::puts(ordered_json{{"read", trials->size()}, {"new", is_new}, {"trials", after->size()}}.dump(2).c_str());
  else
    std::printf("%zu trials read, %zu of them new, %zu now\n", trials->size(), is_new, after->size());
  return {};
}

static void addExport(CLI::App &db, Action &action) {
  CLI::App *command =
      db.add_subcommand("export", "write trials as JSON, in the T4 auto-tuning format, or as a database");
  auto options = std::make_shared<ExportOptions>();
  addFilterOptions(*command, *options);
  command->add_option("--format", options->format, "json, t4, sqlite")
      ->check(CLI::IsMember({"json", "t4", "sqlite"}))
      ->capture_default_str();
  command->add_option("-o,--output", options->output, "file to write; default: standard output");
  command->add_flag(
      "--to-ship", options->to_ship,
      "only what answers look-ups: finals of this jvpgen's templates, without candidates that were wrong");
  command->callback([=, &action] { action = [=] { return exportTrials(*options); }; });
}

static void addImport(CLI::App &db, Action &action) {
  CLI::App *command =
      db.add_subcommand("import", "add the trials of databases or of exported JSON; nothing in them is run");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("files", options->files, "databases, JSON")->required();
  addDbOptions(*command, *options);
  command->callback([=, &action] { action = [=] { return add(options->files, *options); }; });
}

static void addMerge(CLI::App &db, Action &action) {
  CLI::App *command = db.add_subcommand("merge", "add the trials of several databases to a file of their own");
  auto options = std::make_shared<MergeOptions>();
  command->add_option("files", options->files, "databases, JSON")->required();
  command->add_option("-o,--output", options->output, "database to add them to; made if missing")->required();
  command->add_flag("--json", options->json, "print JSON");
  command->callback([=, &action] { action = [=] { return add(options->files, {options->output, options->json}); }; });
}

void jvpgen::addDbExchange(CLI::App &db, Action &action) {
  addExport(db, action);
  addImport(db, action);
  addMerge(db, action);
}
