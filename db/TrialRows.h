// Trials as rows of the tables.
#ifndef JVPGEN_DB_TRIALROWS_H
#define JVPGEN_DB_TRIALROWS_H

#include "db/Sqlite.h"
#include "db/Trial.h"

#include <functional>
#include <span>

namespace jvpgen {

/// Which rows are wanted; what is empty wants all.
struct TrialSelection {
  std::function<bool(const TrialProblem &)> problem;
  std::function<bool(const TrialDevice &)> device;
  std::string condition; ///< over the columns of trial and ?1, ?2, ...: fixed text, never a user's
  SqliteRow parameters;
  bool checks_ids = true; ///< whether a row has to be what its content id says
};

struct StoredTrial {
  Trial trial;
  std::string id; ///< content id as stored
};

/// Inside a transaction of the caller's: rows that are there already stay. How many are new.
SqliteResult<int64_t> insertTrials(const Sqlite &connection, std::span<const Trial> trials);

/// A table may lack a column for a schedule's field that says what was before it. A value of another type than its
/// column's is Refused, and so is a row whose content id is not that of its values.
SqliteResult<std::vector<StoredTrial>> selectStored(const Sqlite &connection, const TrialSelection &selection);

/// The same without the ids.
SqliteResult<std::vector<Trial>> selectTrials(const Sqlite &connection, const TrialSelection &selection = {});

/// Refused unless the tables of trials are plain ones without computed columns: no view, no virtual table.
SqliteResult<void> checkTables(const Sqlite &connection);

} // namespace jvpgen

#endif
