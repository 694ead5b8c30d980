#include "db/Verify.h"

#include "db/Schema.h"
#include "db/TrialRows.h"

using namespace jvpgen;

static constexpr auto kWait = std::chrono::seconds(10);

/// What the pragmas that look for faults say, but for "ok".
static SqliteResult<void> askPragmas(const Sqlite &connection, std::vector<std::string> &faults) {
  SqliteResult<std::vector<SqliteRow>> pages = connection.query("PRAGMA integrity_check(10)");
  if (!pages) return tl::unexpected(pages.error());
  for (const SqliteRow &row : *pages)
    if (auto *words = std::get_if<std::string>(&row[0]); words && *words != "ok") faults.push_back(reasonText(*words));
  SqliteResult<std::vector<SqliteRow>> references = connection.query("PRAGMA foreign_key_check");
  if (!references) return tl::unexpected(references.error());
  if (!references->empty())
    faults.push_back(std::to_string(references->size()) + " rows refer to rows that are missing");
  return {};
}

static SqliteResult<void> examine(const Sqlite &connection, FileReport &report) {
  SqliteResult<SchemaState> state = schemaState(connection);
  if (!state) return tl::unexpected(state.error());
  if (SqliteResult<void> asked = askPragmas(connection, report.faults); !asked) return asked;
  if (*state == SchemaState::Empty) return {};
  SqliteResult<std::vector<Trial>> trials = selectTrials(connection);
  if (!trials) return tl::unexpected(trials.error());
  report.trials = std::move(*trials);
  for (const Trial &trial : report.trials)
    if (Result<void> right = checkTrial(trial); !right)
      report.faults.push_back("trial " + contentId(trial) + ": " + right.error().message);
  return {};
}

Result<FileReport> jvpgen::verifyFile(const std::filesystem::path &path) {
  FileReport report;
  SqliteResult<Sqlite> connection = Sqlite::open(path, Sqlite::Access::Read, kWait);
  SqliteResult<void> done = connection ? examine(*connection, report) : tl::unexpected(connection.error());
  if (done) return report;
  if (done.error().problem == SqliteProblem::Damaged || done.error().problem == SqliteProblem::Refused) {
    report.faults.push_back(reasonText(done.error().words));
    return report;
  }
  return fail(ErrorKind::Environment, "the tunings in '" + path.string() + "' were to be verified, but: " +
                                          done.error().words + "; see the path and its permissions");
}
