#include "db/Sqlite.h"

#include <map>
#include <sqlite3.h>

using namespace jvpgen;

static constexpr auto kLongestForeignQuery = std::chrono::seconds(20);

struct Sqlite::Handle {
  sqlite3 *connection = nullptr;
  std::string bytes; ///< of a database in memory
  std::map<std::string, sqlite3_stmt *, std::less<>> statements;
  std::chrono::steady_clock::time_point deadline; ///< of a foreign database
};

void Sqlite::Close::operator()(Handle *handle) const {
  for (auto &[text, statement] : handle->statements) sqlite3_finalize(statement);
  sqlite3_close(handle->connection);
  delete handle;
}

// ---- errors
// ------------------------------------------------------------------------------------------------------------

static SqliteProblem problemOf(int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return SqliteProblem::Busy;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB: return SqliteProblem::Damaged;
  case SQLITE_CONSTRAINT:
  case SQLITE_MISMATCH:
  case SQLITE_TOOBIG: return SqliteProblem::Refused;
  default: return SqliteProblem::Machine;
  }
}

static tl::unexpected<SqliteError> sqliteError(sqlite3 *connection, int code) {
  const char *words = connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  return tl::unexpected(SqliteError{problemOf(code), words});
}

// ---- opening
// -----------------------------------------------------------------------------------------------------------

/// A path as the URI that SQLite takes parameters from; whatever could be read otherwise is escaped.
static std::string uriOf(const std::filesystem::path &path, const char *parameters) {
  constexpr const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
  constexpr const char *digits = "0123456789abcdef";
  std::string out = "file://";
  for (unsigned char c : std::filesystem::absolute(path).string())
    if (std::string_view(plain).find(char(c)) != std::string_view::npos)
      out += char(c);
    else
      out += {'%', digits[c >> 4], digits[c & 15]};
  return out + parameters;
}

/// Settings of every connection.
static int harden(sqlite3 *connection) {
  sqlite3_extended_result_codes(connection, 1);
  for (int option : {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_ENABLE_FKEY})
    if (int code = sqlite3_db_config(connection, option, 1, nullptr)) return code;
  for (int option :
       {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, SQLITE_DBCONFIG_ENABLE_TRIGGER,
        SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL})
    if (int code = sqlite3_db_config(connection, option, 0, nullptr)) return code;
  return sqlite3_exec(connection, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY",
                      nullptr, nullptr, nullptr);
}

SqliteResult<Sqlite> Sqlite::open(const std::filesystem::path &path, Access access, std::chrono::milliseconds wait) {
  std::unique_ptr<Handle, Close> handle(new Handle);
  const std::string uri = uriOf(path, access == Access::Immutable ? "?immutable=1" : "");
  const int flags = access == Access::Write  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                    : access == Access::Read ? SQLITE_OPEN_READWRITE // undoes what a writer that died left half done
                                             : SQLITE_OPEN_READONLY;
  int code = sqlite3_open_v2(uri.c_str(), &handle->connection, flags | SQLITE_OPEN_URI, nullptr);
  if (!code) code = harden(handle->connection);
  if (code) return sqliteError(handle->connection, code);
  sqlite3_busy_timeout(handle->connection, int(wait.count()));
  Sqlite out(std::move(handle));
  const char *mode = access == Access::Write ? "PRAGMA synchronous = EXTRA" : "PRAGMA query_only = ON";
  if (SqliteResult<void> set = out.execute(mode); !set) return tl::unexpected(set.error());
  return out;
}

/// Called every so many steps of SQLite's machine; not zero ends the query.
static int isLate(void *deadline) {
  return std::chrono::steady_clock::now() > *static_cast<std::chrono::steady_clock::time_point *>(deadline);
}

SqliteResult<Sqlite> Sqlite::fromBytes(std::string bytes) {
  constexpr std::pair<int, int> limits[] = {{SQLITE_LIMIT_LENGTH, 1 << 20},     {SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
                                            {SQLITE_LIMIT_COLUMN, 128},         {SQLITE_LIMIT_EXPR_DEPTH, 32},
                                            {SQLITE_LIMIT_COMPOUND_SELECT, 4},  {SQLITE_LIMIT_VDBE_OP, 25000},
                                            {SQLITE_LIMIT_FUNCTION_ARG, 16},    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64},
                                            {SQLITE_LIMIT_VARIABLE_NUMBER, 64}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                                            {SQLITE_LIMIT_ATTACHED, 0}};
  std::unique_ptr<Handle, Close> handle(new Handle);
  handle->bytes = std::move(bytes);
  int code = sqlite3_open_v2(":memory:", &handle->connection, SQLITE_OPEN_READWRITE, nullptr);
  if (!code) code = harden(handle->connection);
  for (auto [limit, value] : limits)
    if (!code) sqlite3_limit(handle->connection, limit, value);
  if (!code) {
    auto *data = reinterpret_cast<unsigned char *>(handle->bytes.data());
    const auto size = sqlite3_int64(handle->bytes.size());
    code = sqlite3_deserialize(handle->connection, "main", data, size, size, SQLITE_DESERIALIZE_READONLY);
  }
  if (code) return sqliteError(handle->connection, code);
  handle->deadline = std::chrono::steady_clock::now() + kLongestForeignQuery;
  sqlite3_progress_handler(handle->connection, 10000, isLate, &handle->deadline);
  return Sqlite(std::move(handle));
}

// ---- statements
// --------------------------------------------------------------------------------------------------------

SqliteResult<void> Sqlite::execute(const std::string &statements) const {
  if (int code = sqlite3_exec(handle->connection, statements.c_str(), nullptr, nullptr, nullptr))
    return sqliteError(handle->connection, code);
  return {};
}

static int bind(sqlite3_stmt *statement, int index, const SqliteValue &value) {
  if (auto *integer = std::get_if<int64_t>(&value)) return sqlite3_bind_int64(statement, index, *integer);
  if (auto *number = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *number);
  if (auto *text = std::get_if<std::string>(&value))
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return sqlite3_bind_null(statement, index);
}

static SqliteValue columnOf(sqlite3_stmt *statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_INTEGER: return int64_t(sqlite3_column_int64(statement, column));
  case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
  case SQLITE_TEXT: {
    auto *text = reinterpret_cast<const char *>(sqlite3_column_text(statement, column));
    return std::string(text ? text : "", text ? size_t(sqlite3_column_bytes(statement, column)) : 0);
  }
  default: return std::monostate();
  }
}

SqliteResult<std::vector<SqliteRow>> Sqlite::query(const std::string &text, const SqliteRow &parameters) const {
  auto kept = handle->statements.find(text);
  if (kept == handle->statements.end()) {
    sqlite3_stmt *made = nullptr;
    if (int code = sqlite3_prepare_v3(handle->connection, text.c_str(), int(text.size()), SQLITE_PREPARE_PERSISTENT,
                                      &made, nullptr))
      return sqliteError(handle->connection, code);
    kept = handle->statements.emplace(text, made).first;
  }
  sqlite3_stmt *statement = kept->second;
  int code = SQLITE_OK;
  for (size_t k = 0; k < parameters.size() && !code; ++k) code = bind(statement, int(k) + 1, parameters[k]);
  std::vector<SqliteRow> rows;
  while (!code && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    SqliteRow &row = rows.emplace_back();
    for (int column = 0; column < sqlite3_column_count(statement); ++column) row.push_back(columnOf(statement, column));
    code = SQLITE_OK;
  }
  tl::unexpected<SqliteError> error = sqliteError(handle->connection, code); // before a reset changes it
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (code != SQLITE_DONE) return error;
  return rows;
}

SqliteResult<int64_t> Sqlite::number(const std::string &statement, const SqliteRow &parameters) const {
  SqliteResult<std::vector<SqliteRow>> rows = query(statement, parameters);
  if (!rows) return tl::unexpected(rows.error());
  const int64_t *value =
      rows->size() == 1 && rows->front().size() == 1 ? std::get_if<int64_t>(&rows->front()[0]) : nullptr;
  if (value) return *value;
  return tl::unexpected(SqliteError{SqliteProblem::Machine, "'" + statement + "' gave no number"});
}

int64_t Sqlite::lastRow() const { return sqlite3_last_insert_rowid(handle->connection); }
int64_t Sqlite::changes() const { return sqlite3_changes64(handle->connection); }
std::string Sqlite::version() { return sqlite3_libversion(); }

SqliteResult<WriteTransaction> WriteTransaction::begin(const Sqlite &connection) {
  if (SqliteResult<void> begun = connection.execute("BEGIN IMMEDIATE"); !begun) return tl::unexpected(begun.error());
  return WriteTransaction(connection);
}

WriteTransaction::~WriteTransaction() {
  if (connection) connection->execute("ROLLBACK"); // fails only where SQLite has done so itself
}

SqliteResult<void> WriteTransaction::commit() {
  if (SqliteResult<void> done = connection->execute("COMMIT"); !done) return done;
  connection = nullptr;
  return {};
}
