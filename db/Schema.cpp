#include "db/Schema.h"

using namespace jvpgen;

static tl::unexpected<SqliteError> foreign(std::string words) {
  return tl::unexpected(SqliteError{SqliteProblem::Foreign, std::move(words)});
}

/// In one statement, which sees the file as it is at one moment: another process may be making the tables.
SqliteResult<SchemaState> jvpgen::schemaState(const Sqlite &connection, const SchemaHistory &history) {
  SqliteResult<std::vector<SqliteRow>> rows =
      connection.query("SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) "
                       "FROM pragma_application_id, pragma_user_version");
  if (!rows) return tl::unexpected(rows.error());
  const auto number = [&](int column) { return std::get<int64_t>(rows->at(0).at(column)); };
  const int64_t application = number(0), version = number(1), objects = number(2);
  if (!application && !version && !objects) return SchemaState::Empty;
  if (application != history.application_id) return foreign("it is another program's database");
  if (version > history.version)
    return foreign("it has schema version " + std::to_string(version) +
                   " of a newer jvpgen, and this one knows version " + std::to_string(history.version));
  return version < history.version ? SchemaState::Older : SchemaState::Current;
}

SqliteResult<void> jvpgen::prepareSchema(const Sqlite &connection, const SchemaHistory &history) {
  SqliteResult<SchemaState> state = schemaState(connection, history);
  if (!state) return tl::unexpected(state.error());
  if (*state == SchemaState::Current) return {};
  SqliteResult<WriteTransaction> transaction = WriteTransaction::begin(connection);
  if (!transaction) return tl::unexpected(transaction.error());
  state = schemaState(connection, history); // another may have been first
  if (!state) return tl::unexpected(state.error());
  if (*state == SchemaState::Empty)
    if (SqliteResult<void> made = connection.execute(history.statements); !made) return made;
  if (*state == SchemaState::Older) {
    SqliteResult<int64_t> version = connection.number("PRAGMA user_version");
    if (!version) return tl::unexpected(version.error());
    for (const Migration &migration : history.migrations)
      if (migration.version > *version)
        if (SqliteResult<void> done = connection.execute(
                migration.statements + "\nPRAGMA user_version = " + std::to_string(migration.version));
            !done)
          return done;
  }
  return transaction->commit();
}
