#include "db/TrialRows.h"

#include "db/Buckets.h"
#include "db/TrialFields.h"

#include <map>
#include <set>

using namespace jvpgen;

namespace {
tl::unexpected<SqliteError> refused(std::string words) {
  return tl::unexpected(SqliteError{SqliteProblem::Refused, std::move(words)});
}

// ---- values
// -------------------------------------------------------------------------------------------------------------

SqliteValue toValue(const std::string &text) { return text; }
SqliteValue toValue(int64_t number) { return number; }
SqliteValue toValue(int number) { return int64_t(number); }
SqliteValue toValue(double number) { return number; }
SqliteValue toValue(bool flag) { return int64_t(flag); }
SqliteValue toValue(Outcome outcome) { return std::string(name(outcome)); }
SqliteValue toValue(Verdict verdict) { return std::string(name(verdict)); }
template <typename T> SqliteValue toValue(const std::optional<T> &value) {
  return value ? toValue(*value) : SqliteValue();
}

template <typename Stored, typename T> bool take(const SqliteValue &value, T &out) {
  if (auto *stored = std::get_if<Stored>(&value)) return out = *stored, true;
  return false;
}
bool fromValue(const SqliteValue &value, std::string &out) { return take<std::string>(value, out); }
bool fromValue(const SqliteValue &value, int64_t &out) { return take<int64_t>(value, out); }
bool fromValue(const SqliteValue &value, double &out) { return take<double>(value, out); }
bool fromValue(const SqliteValue &value, bool &out) {
  int64_t number = 0;
  return fromValue(value, number) && (number == 0 || number == 1) && (out = number, true);
}
template <typename Enumeration>
  requires std::is_enum_v<Enumeration>
bool fromValue(const SqliteValue &value, Enumeration &out) {
  auto *text = std::get_if<std::string>(&value);
  std::optional<Enumeration> known = text ? named<Enumeration>(*text) : std::nullopt;
  return known && (out = *known, true);
}
template <typename T> bool fromValue(const SqliteValue &value, std::optional<T> &out) {
  if (std::holds_alternative<std::monostate>(value)) return out.reset(), true;
  return fromValue(value, out.emplace());
}

// ---- statements
// ---------------------------------------------------------------------------------------------------------

/// The names of a table's columns and the values for them, in the same order.
struct ColumnValues {
  std::string names;
  SqliteRow values;

  void add(const char *name, SqliteValue value) {
    names += (names.empty() ? "" : ", ") + std::string(name);
    values.push_back(std::move(value));
  }
  template <typename T> void operator()(const char *name, const T &value) { add(name, toValue(value)); }
  void operator()(const ScheduleField &field, int value) { add(field.name, toValue(value)); }

  std::string insertInto(const std::string &table) const {
    std::string places;
    for (size_t k = 1; k <= values.size(); ++k) places += (k > 1 ? ", ?" : "?") + std::to_string(k);
    return "INSERT INTO " + table + " (" + names + ") VALUES (" + places + ") ON CONFLICT DO NOTHING";
  }
};

/// The id of the row that holds these values; made if missing. `same` finds it again.
SqliteResult<int64_t> rowId(const Sqlite &connection, const std::string &table, const ColumnValues &columns,
                            const std::string &same, const SqliteRow &parameters) {
  SqliteResult<std::vector<SqliteRow>> inserted = connection.query(columns.insertInto(table), columns.values);
  if (!inserted) return tl::unexpected(inserted.error());
  if (connection.changes()) return connection.lastRow();
  return connection.number("SELECT id FROM " + table + " WHERE " + same, parameters);
}

SqliteResult<int64_t> problemId(const Sqlite &connection, TrialProblem problem) {
  ColumnValues columns;
  problem.shape = canonicalShape(problem.shape);
  visitProblem(std::as_const(problem), columns);
  columns.add("canonical_key", canonicalKey(problem));
  columns.add("bucket_version", int64_t(kBucketVersion));
  columns.add("bucket", bucketOf(problem.shape));
  return rowId(connection, "problem", columns, "canonical_key = ?1", {canonicalKey(problem)});
}

SqliteResult<int64_t> deviceId(const Sqlite &connection, const TrialDevice &device) {
  ColumnValues columns;
  std::string same;
  visitDevice(device, [&](const char *name, const auto &value) {
    columns(name, value);
    same += (same.empty() ? "" : " AND ") + std::string(name) + " = ?" + std::to_string(columns.values.size());
  });
  return rowId(connection, "device", columns, same, columns.values);
}

/// Whether the trial is new.
SqliteResult<bool> insertTrial(const Sqlite &connection, const Trial &trial) {
  SqliteResult<int64_t> problem = problemId(connection, trial.problem);
  if (!problem) return tl::unexpected(problem.error());
  SqliteResult<int64_t> device = deviceId(connection, trial.device);
  if (!device) return tl::unexpected(device.error());
  ColumnValues columns;
  columns.add("content_id", contentId(trial));
  columns.add("problem_id", *problem);
  columns.add("device_id", *device);
  visitTrial(trial, columns);
  SqliteResult<std::vector<SqliteRow>> inserted = connection.query(columns.insertInto("trial"), columns.values);
  if (!inserted) return tl::unexpected(inserted.error());
  if (!connection.changes()) return false;
  const int64_t id = connection.lastRow();
  for (size_t k = 0; k < trial.kernels.size(); ++k) {
    ColumnValues kernel;
    kernel.add("trial_id", id);
    kernel.add("position", int64_t(k));
    kernel.add("kernel", trial.kernels[k].kernel);
    visitSchedule(trial.kernels[k].schedule, kernel);
    inserted = connection.query(kernel.insertInto("kernel_schedule"), kernel.values);
    if (!inserted) return tl::unexpected(inserted.error());
  }
  return true;
}

// ---- reading
// -----------------------------------------------------------------------------------------------------------

/// The columns of a table that exist, joined by commas in the order of the fields that are visited.
class ColumnList {
public:
  static SqliteResult<ColumnList> of(const Sqlite &connection, const std::string &table) {
    SqliteResult<std::vector<SqliteRow>> rows = connection.query("PRAGMA table_xinfo(" + table + ")");
    if (!rows) return tl::unexpected(rows.error());
    ColumnList out;
    for (const SqliteRow &row : *rows) {
      if (auto *name = std::get_if<std::string>(&row.at(1))) out.present.insert(*name);
      out.computed |= row.at(6) != SqliteValue(int64_t(0));
    }
    return out;
  }
  void add(const std::string &name) { names += ", " + name; }
  template <typename T> void operator()(const char *name, const T &) { add(name); }
  void operator()(const ScheduleField &field, int) {
    add(present.contains(field.name) || !field.before ? field.name : std::to_string(*field.before));
  }
  std::string names;
  bool computed = false; ///< whether some are computed or hidden

private:
  std::set<std::string, std::less<>> present;
};

/// Takes the values of a row one after the other.
class RowReader {
public:
  RowReader(const SqliteRow &row, size_t first) : row(row), at(first) {}
  std::string wrong; ///< the first column whose value is of another type

  template <typename T> void operator()(const char *name, T &value) {
    if (at < row.size() && fromValue(row[at++], value)) return;
    if (wrong.empty()) wrong = name;
  }
  void operator()(const ScheduleField &field, int &value) {
    int64_t number = 0;
    (*this)(field.name, number);
    if (wrong.empty() && (number < field.least || number > field.greatest)) wrong = field.name;
    value = int(number);
  }

private:
  const SqliteRow &row;
  size_t at;
};

template <typename T> using ById = std::map<int64_t, T>;

/// A dimension's rows that are wanted; `visit` is visitProblem or visitDevice.
template <typename T, typename Visit>
SqliteResult<ById<T>> readById(const Sqlite &connection, const std::string &table,
                               const std::function<bool(const T &)> &wanted, Visit visit) {
  SqliteResult<ColumnList> columns = ColumnList::of(connection, table);
  if (!columns) return tl::unexpected(columns.error());
  const T any;
  visit(any, *columns);
  SqliteResult<std::vector<SqliteRow>> rows = connection.query("SELECT id" + columns->names + " FROM " + table);
  if (!rows) return tl::unexpected(rows.error());
  ById<T> out;
  for (const SqliteRow &row : *rows) {
    int64_t id = 0;
    T value;
    RowReader reader(row, 0);
    reader("id", id);
    visit(value, reader);
    if (!reader.wrong.empty()) return refused(reader.wrong + " of table " + table + " is not of its type");
    if (!wanted || wanted(value)) out.emplace(id, std::move(value));
  }
  return out;
}

/// " AND column IN (1, 2, ...)"
template <typename T> std::string among(const char *column, const ById<T> &rows) {
  std::string list;
  for (auto &[id, value] : rows) list += (list.empty() ? "" : ", ") + std::to_string(id);
  return " AND " + std::string(column) + " IN (" + list + ")";
}

/// What trials are selected by, as the text behind FROM trial.
struct Chosen {
  ById<TrialProblem> problems;
  ById<TrialDevice> devices;
  std::string condition;
};

SqliteResult<Chosen> choose(const Sqlite &connection, const TrialSelection &selection) {
  auto problems = readById<TrialProblem>(connection, "problem", selection.problem,
                                         [](auto &problem, auto &visit) { visitProblem(problem, visit); });
  if (!problems) return tl::unexpected(problems.error());
  auto devices = readById<TrialDevice>(connection, "device", selection.device,
                                       [](auto &device, auto &visit) { visitDevice(device, visit); });
  if (!devices) return tl::unexpected(devices.error());
  Chosen out{std::move(*problems), std::move(*devices), ""};
  out.condition = " WHERE " + (selection.condition.empty() ? "TRUE" : "(" + selection.condition + ")");
  if (selection.problem) out.condition += among("problem_id", out.problems);
  if (selection.device) out.condition += among("device_id", out.devices);
  return out;
}

SqliteResult<ById<std::vector<TrialKernel>>> readKernels(const Sqlite &connection, const Chosen &chosen,
                                                         const SqliteRow &parameters) {
  SqliteResult<ColumnList> columns = ColumnList::of(connection, "kernel_schedule");
  if (!columns) return tl::unexpected(columns.error());
  const Schedule any;
  visitSchedule(any, *columns);
  SqliteResult<std::vector<SqliteRow>> rows =
      connection.query("SELECT trial_id, position, kernel" + columns->names +
                           " FROM kernel_schedule WHERE trial_id IN (SELECT id FROM trial" + chosen.condition +
                           ") ORDER BY trial_id, position",
                       parameters);
  if (!rows) return tl::unexpected(rows.error());
  ById<std::vector<TrialKernel>> out;
  for (const SqliteRow &row : *rows) {
    int64_t id = 0, position = 0;
    TrialKernel kernel;
    RowReader reader(row, 0);
    reader("trial_id", id);
    reader("position", position);
    reader("kernel", kernel.kernel);
    visitSchedule(kernel.schedule, reader);
    if (!reader.wrong.empty()) return refused(reader.wrong + " of table kernel_schedule is not of its type or range");
    if (position != int64_t(out[id].size())) return refused("a launch of table kernel_schedule is missing");
    out[id].push_back(std::move(kernel));
  }
  return out;
}

SqliteResult<std::vector<StoredTrial>> readTrials(const Sqlite &connection, const Chosen &chosen,
                                                  ById<std::vector<TrialKernel>> &kernels,
                                                  const TrialSelection &selection) {
  SqliteResult<ColumnList> columns = ColumnList::of(connection, "trial");
  if (!columns) return tl::unexpected(columns.error());
  const Trial any;
  visitTrial(any, *columns);
  SqliteResult<std::vector<SqliteRow>> rows =
      connection.query("SELECT id, problem_id, device_id, content_id" + columns->names + " FROM trial" +
                           chosen.condition + " ORDER BY measured_at_unix_ms, content_id",
                       selection.parameters);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<StoredTrial> out;
  for (const SqliteRow &row : *rows) {
    int64_t id = 0, problem = 0, device = 0;
    std::string content;
    Trial trial;
    RowReader reader(row, 0);
    reader("id", id);
    reader("problem_id", problem);
    reader("device_id", device);
    reader("content_id", content);
    visitTrial(trial, reader);
    if (!reader.wrong.empty()) return refused(reader.wrong + " of table trial is not of its type");
    auto its_problem = chosen.problems.find(problem);
    auto its_device = chosen.devices.find(device);
    if (its_problem == chosen.problems.end() || its_device == chosen.devices.end())
      return refused("a trial refers to a problem or a device that is missing");
    trial.problem = its_problem->second;
    trial.device = its_device->second;
    trial.kernels = std::move(kernels[id]);
    if (selection.checks_ids && contentId(trial) != content) return refused("a trial is not what its content id says");
    out.push_back({std::move(trial), std::move(content)});
  }
  return out;
}

/// What is read between these two belongs to one moment.
struct ReadTransaction {
  explicit ReadTransaction(const Sqlite &connection) : connection(connection), begun(connection.execute("BEGIN")) {}
  ~ReadTransaction() {
    if (begun) connection.execute("ROLLBACK"); // nothing was written
  }
  const Sqlite &connection;
  SqliteResult<void> begun;
};
} // namespace

SqliteResult<int64_t> jvpgen::insertTrials(const Sqlite &connection, std::span<const Trial> trials) {
  int64_t count = 0;
  for (const Trial &trial : trials) {
    SqliteResult<bool> is_new = insertTrial(connection, trial);
    if (!is_new) return tl::unexpected(is_new.error());
    count += *is_new;
  }
  return count;
}

SqliteResult<std::vector<StoredTrial>> jvpgen::selectStored(const Sqlite &connection, const TrialSelection &selection) {
  ReadTransaction transaction(connection);
  if (!transaction.begun) return tl::unexpected(transaction.begun.error());
  SqliteResult<Chosen> chosen = choose(connection, selection);
  if (!chosen) return tl::unexpected(chosen.error());
  SqliteResult<ById<std::vector<TrialKernel>>> kernels = readKernels(connection, *chosen, selection.parameters);
  if (!kernels) return tl::unexpected(kernels.error());
  return readTrials(connection, *chosen, *kernels, selection);
}

SqliteResult<std::vector<Trial>> jvpgen::selectTrials(const Sqlite &connection, const TrialSelection &selection) {
  SqliteResult<std::vector<StoredTrial>> stored = selectStored(connection, selection);
  if (!stored) return tl::unexpected(stored.error());
  std::vector<Trial> out;
  for (StoredTrial &one : *stored) out.push_back(std::move(one.trial));
  return out;
}

SqliteResult<void> jvpgen::checkTables(const Sqlite &connection) {
  for (const std::string table : {"problem", "device", "trial", "kernel_schedule"}) {
    SqliteResult<int64_t> plain =
        connection.number("SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = 'table' AND rootpage > 0 AND "
                          "sql LIKE 'CREATE TABLE %'",
                          {table});
    if (!plain) return tl::unexpected(plain.error());
    SqliteResult<ColumnList> columns = ColumnList::of(connection, table);
    if (!columns) return tl::unexpected(columns.error());
    if (*plain != 1 || columns->computed) return refused("it has no plain table '" + table + "'");
  }
  return {};
}
