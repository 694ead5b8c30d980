// The tables: made from schema.sql, brought up to date by migrations, refused where somebody else made them.
#ifndef JVPGEN_DB_SCHEMA_H
#define JVPGEN_DB_SCHEMA_H

#include "db/Sqlite.h"

namespace jvpgen {

struct Migration {
  int version = 0; ///< that it leads to
  std::string statements;
};

struct SchemaHistory {
  std::string statements; ///< what makes the tables in an empty file
  int version = 0;
  int64_t application_id = 0;
  std::vector<Migration> migrations; ///< by version
};

/// schema.sql and migrations/*.sql as they were when the library was built.
const SchemaHistory &schemaHistory();

enum class SchemaState { Empty, Older, Current };

/// Foreign, with words, if the file is another program's or made by a newer jvpgen.
SqliteResult<SchemaState> schemaState(const Sqlite &connection, const SchemaHistory &history = schemaHistory());

/// Makes the tables, or migrates them, in one transaction; nothing is done to current ones.
SqliteResult<void> prepareSchema(const Sqlite &connection, const SchemaHistory &history = schemaHistory());

} // namespace jvpgen

#endif
