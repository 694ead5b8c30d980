// SQLite as far as the database needs it: connections that run no code of the file's, and values with their types.
#ifndef JVPGEN_DB_SQLITE_H
#define JVPGEN_DB_SQLITE_H

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

namespace jvpgen {

/// What one can do about a failure depends on which of these it is.
enum class SqliteProblem {
  Busy,    ///< another process holds it
  Damaged, ///< no database, or one whose pages contradict one another
  Refused, ///< a constraint does not hold, a value has another type
  Foreign, ///< another program's file, or a newer jvpgen's
  Machine, ///< disk, permissions, memory, and all that is not above
};

struct SqliteError {
  SqliteProblem problem = SqliteProblem::Machine;
  std::string words;
};

template <typename T> using SqliteResult = tl::expected<T, SqliteError>;

/// Null, integer, number, text. Blobs are read as null: no table has any.
using SqliteValue = std::variant<std::monostate, int64_t, double, std::string>;
using SqliteRow = std::vector<SqliteValue>;

/// A connection. None loads extensions, trusts functions in a schema, or maps files into memory; defensive mode is on.
class Sqlite {
public:
  enum class Access {
    Read,      ///< waits for writers; a file that is missing is an error
    Immutable, ///< of a file that nobody writes to: no locks, no journal
    Write,     ///< made if missing
  };

  static SqliteResult<Sqlite> open(const std::filesystem::path &path, Access access, std::chrono::milliseconds wait);

  /// A file's bytes from nobody knows where, in memory, read-only: neither triggers nor views, tight limits on lengths,
  /// and a bound on the time that queries take.
  static SqliteResult<Sqlite> fromBytes(std::string bytes);

  /// Several statements without results.
  SqliteResult<void> execute(const std::string &statements) const;

  /// One statement with its parameters ?1, ?2, ...; all its rows.
  SqliteResult<std::vector<SqliteRow>> query(const std::string &statement, const SqliteRow &parameters = {}) const;

  /// The one number of the one row that a statement gives.
  SqliteResult<int64_t> number(const std::string &statement, const SqliteRow &parameters = {}) const;

  int64_t lastRow() const; ///< the rowid that was inserted last
  int64_t changes() const; ///< rows that the last statement inserted, changed or removed

  /// What the library says of itself: "3.40.1".
  static std::string version();

private:
  struct Handle;
  struct Close {
    void operator()(Handle *handle) const;
  };
  explicit Sqlite(std::unique_ptr<Handle, Close> handle) : handle(std::move(handle)) {}
  std::unique_ptr<Handle, Close> handle;
};

/// From BEGIN IMMEDIATE on no other process writes; what is not committed is undone.
class WriteTransaction {
public:
  static SqliteResult<WriteTransaction> begin(const Sqlite &connection);
  ~WriteTransaction();
  WriteTransaction(WriteTransaction &&other) noexcept : connection(std::exchange(other.connection, nullptr)) {}
  WriteTransaction &operator=(WriteTransaction &&) = delete;
  SqliteResult<void> commit();

private:
  explicit WriteTransaction(const Sqlite &connection) : connection(&connection) {}
  const Sqlite *connection;
};

} // namespace jvpgen

#endif
