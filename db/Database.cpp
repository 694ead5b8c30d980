// The user's own layer over the shipped ones.
#include "db/Database.h"

#include "db/Buckets.h"
#include "db/OwnDatabase.h"
#include "db/Ranking.h"
#include "db/Schema.h"
#include "db/TrialRows.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

using namespace jvpgen;
namespace fs = std::filesystem;

struct Database::State {
  State(DatabaseLayers given, Warn warn)
      : layers(std::move(given)), warn(warn ? std::move(warn) : [](const std::string &) {}),
        own(layers, [this](const std::string &message) { this->warn(message); }) {}

  /// A message is said once.
  void warnOnce(const std::string &message) {
    if (warned.insert(message).second) warn(message);
  }
  const Sqlite *shippedLayer(const fs::path &path);
  std::vector<StoredTrial> fromShipped(const fs::path &path, const TrialSelection &selection);
  std::vector<RankedTrial> fromAll(const TrialSelection &selection);

  const DatabaseLayers layers;
  const Warn warn;
  std::set<std::string> warned;
  OwnDatabase own;
  std::map<fs::path, std::optional<Sqlite>> shipped; ///< those that were opened; nothing where one could not be
};

Database::Database(DatabaseLayers layers, Warn warn)
    : state(std::make_unique<State>(std::move(layers), std::move(warn))) {}
Database::~Database() = default;
Database::Database(Database &&) noexcept = default;
Database &Database::operator=(Database &&) noexcept = default;

// ---- layers
// -------------------------------------------------------------------------------------------------------------

const Sqlite *Database::State::shippedLayer(const fs::path &path) {
  auto [slot, is_new] = shipped.try_emplace(path);
  std::error_code ignored;
  if (!is_new || !fs::exists(path, ignored)) return slot->second ? &*slot->second : nullptr;
  SqliteResult<Sqlite> connection = Sqlite::open(path, Sqlite::Access::Immutable, layers.read_wait);
  SqliteResult<SchemaState> schema = connection ? schemaState(*connection) : tl::unexpected(connection.error());
  if (schema && *schema != SchemaState::Empty)
    slot->second = std::move(*connection);
  else
    warnOnce("the shipped tunings in '" + path.string() +
             "' are left out: " + (schema ? "they are empty" : schema.error().words) + "; install jvpgen again");
  return slot->second ? &*slot->second : nullptr;
}

std::vector<StoredTrial> Database::State::fromShipped(const fs::path &path, const TrialSelection &selection) {
  const Sqlite *connection = shippedLayer(path);
  if (!connection) return {};
  SqliteResult<std::vector<StoredTrial>> trials = selectStored(*connection, selection);
  if (trials) return std::move(*trials);
  warnOnce("the shipped tunings in '" + path.string() + "' are left out: " + trials.error().words +
           "; install jvpgen again");
  return {};
}

/// What a kernel that is being prepared can wait for.
std::vector<RankedTrial> Database::State::fromAll(const TrialSelection &selection) {
  std::vector<RankedTrial> out;
  int layer = 0;
  auto add = [&](std::vector<StoredTrial> trials) {
    for (StoredTrial &stored : trials) out.push_back({std::move(stored.trial), std::move(stored.id), layer});
    ++layer;
  };
  SqliteResult<std::vector<StoredTrial>> trials = own.read(selection, layers.read_wait);
  if (!trials && trials.error().problem != SqliteProblem::Busy) warnOnce(own.errorOf("read", trials.error()).message);
  add(trials ? std::move(*trials) : std::vector<StoredTrial>());
  for (const fs::path &path : layers.shipped) add(fromShipped(path, selection));
  return out;
}

// ---- questions
// ----------------------------------------------------------------------------------------------------------

Winner Database::best(const Question &question) {
  TrialSelection selection;
  selection.checks_ids = false;
  selection.condition = "(verdict <> 'none' OR outcome IN ('wrong', 'faulted', 'timed_out'))"; // what rank() looks at
  for (auto &[column, wanted] :
       {std::pair("template_digest", &question.template_digest), std::pair("default_digest", &question.default_digest)})
    if (!wanted->empty()) {
      selection.parameters.emplace_back(*wanted);
      selection.condition += " AND " + std::string(column) + " = ?" + std::to_string(selection.parameters.size());
    }
  // This shape first, which is the common case and the smallest part of the tables.
  const std::string key = canonicalKey(question.problem);
  selection.problem = [&](const TrialProblem &problem) { return canonicalKey(problem) == key; };
  selection.device = [&](const TrialDevice &device) { return device.arch == question.device.arch; };
  if (Winner exact = rank(question, state->fromAll(selection)); exact.match == Match::Exact) return exact;
  selection.problem = [&](const TrialProblem &problem) { return canAnswer(question, problem); };
  return rank(question, state->fromAll(selection));
}

static TrialSelection selectionOf(const TrialFilter &filter) {
  auto fits = [](const std::string &wanted, const std::string &has) { return wanted.empty() || wanted == has; };
  TrialSelection out;
  out.problem = [=](const TrialProblem &problem) {
    return fits(filter.specification, problem.specification) && fits(filter.program, problem.program) &&
           (!filter.shape || canonicalShape(*filter.shape) == canonicalShape(problem.shape));
  };
  out.device = [=](const TrialDevice &device) {
    return fits(filter.device, device.name) && fits(filter.arch, device.arch);
  };
  auto require = [&](const std::string &condition, const std::string &value) {
    if (value.empty()) return;
    out.parameters.emplace_back(value);
    out.condition += (out.condition.empty() ? "" : " AND ") + condition + " ?" + std::to_string(out.parameters.size());
  };
  require("run =", filter.run);
  require("template_digest =", filter.template_digest);
  require("outcome =", filter.outcome ? name(*filter.outcome) : "");
  return out;
}

Result<std::vector<Trial>> Database::trials(const TrialFilter &filter) {
  const TrialSelection selection = selectionOf(filter);
  std::map<std::pair<int64_t, std::string>, Trial> found; // by time and id
  auto add = [&](std::vector<StoredTrial> trials) {
    for (auto &[trial, id] : trials)
      if (id.starts_with(filter.id))
        found.emplace(std::pair(trial.measured_at_unix_ms, std::move(id)), std::move(trial));
  };
  SqliteResult<std::vector<StoredTrial>> own = state->own.read(selection, state->layers.write_wait);
  if (!own) return tl::unexpected(state->own.errorOf("read", own.error()));
  add(std::move(*own));
  for (const fs::path &path : state->layers.shipped) add(state->fromShipped(path, selection));
  std::vector<Trial> out;
  for (auto &[key, trial] : found) out.push_back(std::move(trial));
  return out;
}

// ---- recording
// ----------------------------------------------------------------------------------------------------------

Result<void> Database::prepareOwn() {
  return state->own.write([](const Sqlite &) { return SqliteResult<void>(); });
}

Result<void> Database::record(std::span<const Trial> trials) {
  for (const Trial &trial : trials)
    if (Result<void> right = checkTrial(trial); !right) return right;
  return state->own.write([&](const Sqlite &connection) -> SqliteResult<void> {
    SqliteResult<int64_t> count = insertTrials(connection, trials);
    return count ? SqliteResult<void>() : tl::unexpected(count.error());
  });
}

Result<int64_t> Database::remove(std::span<const std::string> ids) {
  int64_t count = 0;
  Result<void> done = state->own.write([&](const Sqlite &connection) -> SqliteResult<void> {
    count = 0;
    for (const std::string &id : ids) {
      SqliteResult<std::vector<SqliteRow>> removed = connection.query("DELETE FROM trial WHERE content_id = ?1", {id});
      if (!removed) return tl::unexpected(removed.error());
      count += connection.changes();
    }
    return connection.execute("DELETE FROM problem WHERE id NOT IN (SELECT problem_id FROM trial);"
                              "DELETE FROM device WHERE id NOT IN (SELECT device_id FROM trial)");
  });
  if (done) done = state->own.maintain([](const Sqlite &connection) { return connection.execute("VACUUM"); });
  if (!done) return tl::unexpected(done.error());
  return count;
}
