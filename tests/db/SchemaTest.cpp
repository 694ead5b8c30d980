// schema.sql is what the code stores, its constraints hold by themselves, and older files are brought up to it.
#include "db/Schema.h"
#include "Trials.h"
#include "db/Database.h"
#include "db/TrialFields.h"
#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {
Sqlite opened(const fs::path &file) { return *Sqlite::open(file, Sqlite::Access::Write, std::chrono::seconds(1)); }

/// Names, types and constraints of all columns, tables and indexes.
std::vector<SqliteRow> shapeOf(const Sqlite &connection) {
  return *connection.query("SELECT s.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema s, "
                           "pragma_table_xinfo(s.name) c ORDER BY s.name, c.name");
}

std::vector<std::string> columnsOf(const Sqlite &connection, const std::string &table) {
  std::vector<std::string> out;
  const std::vector<SqliteRow> rows = *connection.query("PRAGMA table_xinfo(" + table + ")");
  for (const SqliteRow &row : rows) out.push_back(std::get<std::string>(row[1]));
  return out;
}

struct Names {
  std::vector<std::string> names;
  template <typename T> void operator()(const char *name, const T &) { names.emplace_back(name); }
  void operator()(const ScheduleField &field, int) { names.emplace_back(field.name); }
};
} // namespace

TEST(Schema, HasAColumnForEachFieldAndNoOther) {
  TemporaryFolder folder;
  Sqlite connection = opened(folder.path / "new.db");
  ASSERT_TRUE(prepareSchema(connection));
  const Trial trial;
  Names problem{{"id", "canonical_key"}}, device{{"id"}}, rest{{"id", "content_id", "problem_id", "device_id"}},
      kernel{{"trial_id", "position", "kernel"}};
  visitProblem(trial.problem, problem);
  problem.names.insert(problem.names.end(), {"bucket_version", "bucket"});
  visitDevice(trial.device, device);
  visitTrial(trial, rest);
  const Schedule schedule;
  visitSchedule(schedule, kernel);
  EXPECT_EQ(columnsOf(connection, "problem"), problem.names);
  EXPECT_EQ(columnsOf(connection, "device"), device.names);
  EXPECT_EQ(columnsOf(connection, "trial"), rest.names);
  EXPECT_EQ(columnsOf(connection, "kernel_schedule"), kernel.names);
}

TEST(Schema, ConstraintsHoldByThemselves) {
  TemporaryFolder folder;
  const fs::path file = folder.path / "new.db";
  DatabaseLayers layers;
  layers.own = file;
  layers.own_is_private = false;
  ASSERT_TRUE(Database(layers, nullptr).record(plainTrial()));
  Sqlite connection = opened(file);
  EXPECT_TRUE(connection.execute("UPDATE trial SET median_us = 3.5"));
  for (const char *change : {
           "UPDATE problem SET batch = 0",
           "UPDATE problem SET heads = 7, kv_heads = 2",
           "UPDATE problem SET q_length = 'long'",
           "UPDATE problem SET specification = 'short'",
           "UPDATE device SET arch = 'gfx90a'",
           "UPDATE device SET memory_bytes = -1",
           "UPDATE trial SET median_us = NULL",
           "UPDATE trial SET median_us = -1",
           "UPDATE trial SET median_us = x'00'",
           "UPDATE trial SET samples = 0",
           "UPDATE trial SET outcome = 'fine'",
           "UPDATE trial SET outcome = 'wrong', verdict = 'none'",
           "UPDATE trial SET outcome = 'wrong', reason = 'off'",
           "UPDATE trial SET default_median_us = NULL",
           "UPDATE trial SET verdict = NULL",
           "UPDATE trial SET deterministic = 2",
           "UPDATE trial SET problem_id = 99",
           "UPDATE kernel_schedule SET tile_m = 0",
           "UPDATE kernel_schedule SET stages = 65",
           "UPDATE kernel_schedule SET position = 64",
           "INSERT INTO kernel_schedule SELECT * FROM kernel_schedule",
       }) {
    SqliteResult<void> done = connection.execute(change);
    ASSERT_FALSE(done) << change;
    EXPECT_EQ(done.error().problem, SqliteProblem::Refused) << change << ": " << done.error().words;
  }
  ASSERT_TRUE(connection.execute("DELETE FROM trial"));
  EXPECT_EQ(connection.number("SELECT count(*) FROM kernel_schedule"), 0) << "schedules go with their trial";
}

TEST(Schema, EveryOlderVersionMigrates) {
  const fs::path stored = fs::path(JVPGEN_SOURCE_DIR) / "tests/db/schemas";
  TemporaryFolder folder;
  Sqlite current = opened(folder.path / "new.db");
  ASSERT_TRUE(prepareSchema(current));
  for (int version = 1; version <= schemaHistory().version; ++version) {
    const fs::path file = folder.path / (std::to_string(version) + ".db");
    Result<std::string> dump = readFile(stored / (std::to_string(version) + ".sql"));
    ASSERT_TRUE(dump) << dump.error().message;
    {
      Sqlite old = opened(file);
      SqliteResult<void> made = old.execute(*dump);
      ASSERT_TRUE(made) << made.error().words;
      EXPECT_EQ(old.number("PRAGMA user_version"), version);
    }
    DatabaseLayers layers;
    layers.shipped = {file}; // what cannot be written to is read as it is
    EXPECT_THAT(Database(layers, nullptr).trials().value(), testing::ElementsAre(plainTrial())) << version;
    layers = {};
    layers.own = file;
    layers.own_is_private = false;
    Database database(layers, [](const std::string &message) { ADD_FAILURE() << message; });
    ASSERT_TRUE(database.prepareOwn());
    EXPECT_THAT(database.trials().value(), testing::ElementsAre(plainTrial())) << version;
    EXPECT_EQ(shapeOf(opened(file)), shapeOf(current)) << version;
  }
}

TEST(Schema, MigrationsRunInOrderAndOnce) {
  const SchemaHistory first{
      "CREATE TABLE a (x INTEGER) STRICT; PRAGMA application_id = 7; PRAGMA user_version = 1;", 1, 7, {}};
  SchemaHistory third = first;
  third.statements = "CREATE TABLE a (x INTEGER, y INTEGER) STRICT; CREATE TABLE b (z TEXT) STRICT;"
                     "PRAGMA application_id = 7; PRAGMA user_version = 3;";
  third.version = 3;
  third.migrations = {{2, "ALTER TABLE a ADD COLUMN y INTEGER;"}, {3, "CREATE TABLE b (z TEXT) STRICT;"}};
  TemporaryFolder folder;
  Sqlite old = opened(folder.path / "old.db"), fresh = opened(folder.path / "fresh.db");
  ASSERT_TRUE(prepareSchema(old, first));
  ASSERT_TRUE(old.execute("INSERT INTO a VALUES (5)"));
  ASSERT_TRUE(prepareSchema(fresh, third));
  for (int time = 0; time < 2; ++time) {
    SqliteResult<void> done = prepareSchema(old, third);
    ASSERT_TRUE(done) << done.error().words;
    EXPECT_EQ(shapeOf(old), shapeOf(fresh));
    EXPECT_EQ(old.number("SELECT x FROM a"), 5);
    EXPECT_EQ(old.number("PRAGMA user_version"), 3);
  }
  EXPECT_EQ(prepareSchema(old, first).error().problem, SqliteProblem::Foreign);
}

TEST(Schema, FailedMigrationChangesNothing) {
  SchemaHistory history{
      "CREATE TABLE a (x INTEGER) STRICT; PRAGMA application_id = 7; PRAGMA user_version = 1;", 1, 7, {}};
  TemporaryFolder folder;
  Sqlite connection = opened(folder.path / "old.db");
  ASSERT_TRUE(prepareSchema(connection, history));
  history.version = 2;
  history.migrations = {{2, "ALTER TABLE a ADD COLUMN y INTEGER; CREATE TABLE a (again INTEGER);"}};
  EXPECT_FALSE(prepareSchema(connection, history));
  EXPECT_EQ(columnsOf(connection, "a"), std::vector<std::string>{"x"});
  EXPECT_EQ(connection.number("PRAGMA user_version"), 1);
}

TEST(Schema, NoExtensionsNoTriggersNoTrust) {
  TemporaryFolder folder;
  Sqlite connection = opened(folder.path / "new.db");
  EXPECT_EQ(connection.number("PRAGMA trusted_schema"), 0);
  EXPECT_EQ(connection.number("PRAGMA cell_size_check"), 1);
  EXPECT_EQ(connection.number("PRAGMA foreign_keys"), 1);
  EXPECT_FALSE(connection.query("SELECT load_extension('libm.so.6')"));
  EXPECT_FALSE(connection.execute("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = 'x'"));
  ASSERT_TRUE(connection.execute(
      "CREATE TABLE a (x INTEGER); CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO a VALUES (2); END;"
      "INSERT INTO a VALUES (1)"));
  EXPECT_EQ(connection.number("SELECT count(*) FROM a"), 1);
  EXPECT_EQ(std::get<std::string>(connection.query("PRAGMA journal_mode")->front()[0]), "delete");
}
