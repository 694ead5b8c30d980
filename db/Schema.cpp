#include "db/Schema.h"

using namespace jvpgen;

static tl::unexpected<SqliteError> foreign(std::string words) {
  return tl::unexpected(SqliteError{SqliteProblem::Foreign, std::move(words)});
}

SqliteResult<SchemaState> jvpgen::schemaState(const Sqlite &connection, const SchemaHistory &history) {
  SqliteResult<int64_t> application = connection.number("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  SqliteResult<int64_t> version = connection.number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  SqliteResult<int64_t> objects = connection.number("SELECT count(*) FROM sqlite_schema");
  if (!objects) return tl::unexpected(objects.error());
  if (!*application && !*version && !*objects) return SchemaState::Empty;
  if (*application != history.application_id) return foreign("it is another program's database");
  if (*version > history.version)
    return foreign("it has schema version " + std::to_string(*version) +
                   " of a newer jvpgen, and this one knows version " + std::to_string(history.version));
  return *version < history.version ? SchemaState::Older : SchemaState::Current;
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
