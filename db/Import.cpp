#include "db/Import.h"

#include "db/Schema.h"
#include "db/TrialJson.h"
#include "db/TrialRows.h"
#include "support/AtomicFile.h"

using namespace jvpgen;
namespace fs = std::filesystem;

static constexpr size_t kLargestFile = size_t(1) << 28, kLargestText = size_t(1) << 26; // text takes ten times that
static constexpr std::string_view kSqliteOpening("SQLite format 3\0", 16);

static tl::unexpected<Error> refuse(const std::string &file, const std::string &obstacle, const std::string &remedy) {
  return fail(ErrorKind::Invalid,
              "trials were to be read from '" + file + "', but " + reasonText(obstacle) + "; " + remedy);
}

/// All trials of a connection that nothing is believed of.
static SqliteResult<std::vector<Trial>> readAll(const Sqlite &connection) {
  SqliteResult<SchemaState> state = schemaState(connection);
  if (!state) return tl::unexpected(state.error());
  if (*state == SchemaState::Empty) return std::vector<Trial>();
  if (SqliteResult<void> plain = checkTables(connection); !plain) return tl::unexpected(plain.error());
  SqliteResult<std::vector<SqliteRow>> pages = connection.query("PRAGMA quick_check(1)");
  if (!pages) return tl::unexpected(pages.error());
  if (pages->size() != 1 || pages->front()[0] != SqliteValue(std::string("ok")))
    return tl::unexpected(SqliteError{SqliteProblem::Damaged, "its pages contradict one another"});
  return selectTrials(connection);
}

static Result<std::vector<Trial>> parseDatabase(std::string bytes, const std::string &file) {
  constexpr size_t header = 100, write_version = 18, read_version = 19; // of the SQLite file format
  if (bytes.size() < header) return refuse(file, "it is cut short", "copy it again");
  if (bytes[write_version] != 1 || bytes[read_version] != 1)
    return refuse(file, "it has a write-ahead log", "turn that off with `PRAGMA journal_mode = DELETE`");
  SqliteResult<Sqlite> connection = Sqlite::fromBytes(std::move(bytes));
  if (!connection) return refuse(file, connection.error().words, "copy it again");
  SqliteResult<std::vector<Trial>> trials = readAll(*connection);
  if (!trials) return refuse(file, trials.error().words, "`jvpgen db export` where it was made, and import that");
  for (const Trial &trial : *trials)
    if (Result<void> right = checkTrial(trial); !right) return tl::unexpected(right.error());
  return std::move(*trials);
}

Result<std::vector<Trial>> jvpgen::parseForeignTrials(std::string bytes, const std::string &file) {
  if (std::string_view(bytes).starts_with(kSqliteOpening)) return parseDatabase(std::move(bytes), file);
  if (bytes.size() > kLargestText)
    return refuse(file, "it has " + std::to_string(bytes.size()) + " bytes of text",
                  "export a database (--format sqlite)");
  Result<std::vector<Trial>> trials = parseTrials(bytes);
  if (!trials) trials.error().where = file;
  return trials;
}

Result<std::vector<Trial>> jvpgen::readForeignTrials(const fs::path &path) {
  std::error_code ignored;
  if (const fs::path journal = path.string() + "-journal";
      fs::exists(journal, ignored) && !fs::is_empty(journal, ignored))
    return refuse(path.string(), "somebody is writing to it, or died doing so",
                  "`jvpgen db verify --database` it, then try again");
  Result<std::string> bytes = readFile(path, kLargestFile);
  if (!bytes) return tl::unexpected(bytes.error());
  return parseForeignTrials(std::move(*bytes), path.string());
}
