#include "db/OwnDatabase.h"

#include "db/Schema.h"
#include "support/FileLock.h"
#include "support/PrivateFolder.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace jvpgen;
namespace fs = std::filesystem;

static const FolderWords kFolderWords = {"the folder of tunings", "set JVPGEN_DATABASE to a file in a folder of yours"};

OwnDatabase::OwnDatabase(const DatabaseLayers &layers, Warn warn)
    : path(layers.own), write_wait(layers.write_wait), is_private(layers.own_is_private), warn(std::move(warn)) {}

Error OwnDatabase::errorOf(const char *asked, const SqliteError &error) const {
  const char *remedy = "; see its permissions, and whether the disk is full";
  if (error.problem == SqliteProblem::Busy) remedy = "; see which process holds it";
  if (error.problem == SqliteProblem::Damaged) remedy = "; move it and the files beside it away";
  if (error.problem == SqliteProblem::Refused) remedy = "; `jvpgen db verify` says more";
  if (error.problem == SqliteProblem::Foreign)
    remedy = "; name another file in JVPGEN_DATABASE, or use the jvpgen that made it";
  return {ErrorKind::Environment,
          "the tunings in '" + path.string() + "' cannot be " + asked + ": " + reasonText(error.words) + remedy, ""};
}

// ---- file and folder
// ----------------------------------------------------------------------------------------------------

static fs::path besides(const fs::path &path, const char *suffix) { return path.string() + suffix; }

/// Device and inode: what a path is the name of.
static std::pair<uint64_t, uint64_t> identityOf(const fs::path &path) {
  struct stat info;
  if (stat(path.c_str(), &info)) return {0, 0};
  return {uint64_t(info.st_dev), uint64_t(info.st_ino)};
}

Result<void> OwnDatabase::checkFolder() const {
  if (path.empty())
    return fail(ErrorKind::Environment,
                "the tunings have no file: neither XDG_DATA_HOME nor HOME is an absolute path; set "
                "one of them, or JVPGEN_DATABASE");
  return is_private ? checkPrivate(path.parent_path(), kFolderWords) : Result<void>();
}

Result<void> OwnDatabase::makeFolder() const {
  if (Result<void> right = checkFolder(); !right) return right;
  if (Result<void> made = makePrivate(path.parent_path(), kFolderWords); !made) return made;
  return checkFolder();
}

bool OwnDatabase::isNamed() const { return writer && identityOf(path) == opened; }

/// Whether SQLite finds the file's pages in order. Rows that break a constraint are no damage: what it says of pages
/// begins with asterisks.
static SqliteResult<void> checkPages(const Sqlite &connection) {
  SqliteResult<std::vector<SqliteRow>> rows = connection.query("PRAGMA quick_check(1)");
  if (!rows) return tl::unexpected(rows.error());
  const std::string *words = rows->empty() ? nullptr : std::get_if<std::string>(&rows->front()[0]);
  if (words && !words->starts_with("***")) return {};
  return tl::unexpected(SqliteError{SqliteProblem::Damaged, "its pages contradict one another"});
}

/// A file that cannot be asked now is not known to be damaged.
static bool isDamaged(const fs::path &path, std::chrono::milliseconds wait) {
  SqliteResult<Sqlite> connection = Sqlite::open(path, Sqlite::Access::Read, wait);
  if (!connection) return connection.error().problem == SqliteProblem::Damaged;
  if (SqliteResult<SchemaState> state = schemaState(*connection); !state)
    return state.error().problem == SqliteProblem::Damaged;
  SqliteResult<void> pages = checkPages(*connection);
  return !pages && pages.error().problem == SqliteProblem::Damaged;
}

/// Gives the file and its journal other names, unless another process was first. The journal goes first: behind a new
/// file of the old name it would be played back into that.
bool OwnDatabase::setAside(std::chrono::milliseconds wait) {
  writer.reset();
  FileLock lock(besides(path, "-lock"), wait);
  if (!lock.held()) return false;
  if (!isDamaged(path, wait)) return true;
  fs::path aside;
  for (int k = 1; aside.empty() || fs::exists(aside); ++k) aside = besides(path, ".damaged-") += std::to_string(k);
  std::error_code failed;
  fs::rename(besides(path, "-journal"), besides(aside, "-journal"), failed);
  if (failed && failed != std::errc::no_such_file_or_directory) return false;
  fs::rename(path, aside, failed);
  if (failed) return false;
  warn("the tunings in '" + path.string() + "' were damaged; the file is now '" + aside.string() +
       "' and a new one is begun");
  return true;
}

// ---- writing
// ------------------------------------------------------------------------------------------------------------

SqliteResult<void> OwnDatabase::openForWriting() {
  if (isNamed()) return {};
  SqliteResult<Sqlite> connection = Sqlite::open(path, Sqlite::Access::Write, write_wait);
  if (!connection) return tl::unexpected(connection.error());
  if (SqliteResult<void> prepared = prepareSchema(*connection); !prepared) return prepared;
  if (SqliteResult<void> right = checkPages(*connection); !right) return right;
  opened = identityOf(path);
  writer = std::move(*connection);
  return {};
}

SqliteResult<void> OwnDatabase::attempt(const Work &work, bool in_transaction) {
  FileLock lock(besides(path, "-lock"), write_wait, FileLock::Kind::Shared);
  if (SqliteResult<void> ready = openForWriting(); !ready) return ready;
  if (!in_transaction) return work(*writer);
  SqliteResult<WriteTransaction> transaction = WriteTransaction::begin(*writer);
  if (!transaction) return tl::unexpected(transaction.error());
  if (SqliteResult<void> done = work(*writer); !done) return done;
  return transaction->commit();
}

Result<void> OwnDatabase::perform(const Work &work, bool in_transaction) {
  if (Result<void> made = makeFolder(); !made) return made;
  SqliteResult<void> done = attempt(work, in_transaction);
  if (!done && done.error().problem == SqliteProblem::Damaged && setAside(write_wait))
    done = attempt(work, in_transaction);
  if (done) return {};
  writer.reset();
  return tl::unexpected(errorOf("written to", done.error()));
}

Result<void> OwnDatabase::write(const Work &work) { return perform(work, true); }
Result<void> OwnDatabase::maintain(const Work &work) { return perform(work, false); }

// ---- reading
// ------------------------------------------------------------------------------------------------------------

static SqliteResult<std::vector<StoredTrial>> readOnce(const fs::path &path, const TrialSelection &selection,
                                                       std::chrono::milliseconds wait) {
  SqliteResult<Sqlite> connection = Sqlite::open(path, Sqlite::Access::Read, wait);
  if (!connection) return tl::unexpected(connection.error());
  SqliteResult<SchemaState> state = schemaState(*connection);
  if (!state) return tl::unexpected(state.error());
  if (*state == SchemaState::Empty) return std::vector<StoredTrial>();
  return selectStored(*connection, selection);
}

SqliteResult<std::vector<StoredTrial>> OwnDatabase::read(const TrialSelection &selection,
                                                         std::chrono::milliseconds wait) {
  struct stat info;
  if (path.empty() || (stat(path.c_str(), &info) && errno == ENOENT)) return std::vector<StoredTrial>();
  if (Result<void> right = checkFolder(); !right)
    return tl::unexpected(SqliteError{SqliteProblem::Machine, right.error().message});
  SqliteResult<std::vector<StoredTrial>> trials = readOnce(path, selection, wait);
  if (!trials && trials.error().problem == SqliteProblem::Damaged && setAside(wait)) return std::vector<StoredTrial>();
  return trials;
}
