// The user's own database file: written to by many processes, survives their deaths, begun anew where it is damaged.
#ifndef JVPGEN_DB_OWNDATABASE_H
#define JVPGEN_DB_OWNDATABASE_H

#include "db/Database.h"
#include "db/Sqlite.h"
#include "db/TrialRows.h"

#include <optional>
#include <set>

namespace jvpgen {

/// Beside the file lies one for locks, FILE-lock. Who writes holds it shared, who sets a damaged file aside holds it
/// alone: nobody writes to a file that has lost its name.
class OwnDatabase {
public:
  using Warn = Database::Warn;
  using Work = std::function<SqliteResult<void>(const Sqlite &)>;

  OwnDatabase(const DatabaseLayers &layers, Warn warn);

  /// In one transaction, on current tables, committed to disk; makes folder, file and tables that are missing.
  Result<void> write(const Work &work);

  /// On a connection without a transaction, for what has to be outside of one.
  Result<void> maintain(const Work &work);

  /// No trials where there is no file. `wait` is for others' locks.
  SqliteResult<std::vector<StoredTrial>> read(const TrialSelection &selection, std::chrono::milliseconds wait);

  /// What was asked of this file, what stood in the way, what to do.
  Error errorOf(const char *asked, const SqliteError &error) const;

  const std::filesystem::path path;

private:
  Result<void> makeFolder() const;
  Result<void> checkFolder() const;
  SqliteResult<void> openForWriting();
  SqliteResult<void> attempt(const Work &work, bool in_transaction);
  Result<void> perform(const Work &work, bool in_transaction);
  bool isNamed() const;
  bool setAside(std::chrono::milliseconds wait);

  const std::chrono::milliseconds write_wait;
  const bool is_private;
  Warn warn;
  std::optional<Sqlite> writer;
  std::pair<uint64_t, uint64_t> opened; ///< device and inode of the writer's file
};

} // namespace jvpgen

#endif
