// Many processes at one database, and those that die while they write.
#include "Trials.h"
#include "db/Database.h"
#include "db/Schema.h"
#include "tests/runtime/ChildProcess.h"
#include "tests/runtime/TemporaryFolder.h"

#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <thread>

using namespace jvpgen;
namespace fs = std::filesystem;

namespace {
constexpr int kWriters = 16, kTrialsEach = 12;

struct ProcessesTest : testing::Test {
  Database open() {
    DatabaseLayers layers;
    layers.own = own;
    return Database(layers, [this](const std::string &message) { warnings.push_back(message); });
  }
  /// The ids of all trials.
  std::set<std::string> ids() {
    std::set<std::string> out;
    const std::vector<Trial> trials = open().trials().value();
    for (const Trial &trial : trials) out.insert(contentId(trial));
    return out;
  }
  TemporaryFolder folder;
  const fs::path own = folder.path / "jvpgen" / "tunings.db";
  std::vector<std::string> warnings;
};

Trial trialOf(int writer, int number) {
  Trial out = plainTrial();
  out.problem.shape.batch = 1 + writer % 3;
  out.measured_at_unix_ms += 1000 * writer + number;
  return out;
}

/// Whether SQLite finds nothing wrong, references between tables included.
std::string faultsOf(const fs::path &file) {
  SqliteResult<Sqlite> connection = Sqlite::open(file, Sqlite::Access::Read, std::chrono::seconds(5));
  if (!connection) return connection.error().words;
  SqliteResult<std::vector<SqliteRow>> pages = connection->query("PRAGMA integrity_check");
  if (!pages) return pages.error().words;
  if (pages->size() != 1 || pages->front()[0] != SqliteValue(std::string("ok"))) return "pages";
  return connection->query("PRAGMA foreign_key_check")->empty() ? "" : "references";
}
} // namespace

TEST_F(ProcessesTest, SixteenWritersLoseNoTrial) {
  Gate gate;
  std::vector<ChildProcess> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      gate.wait();
      Database database = open(); // the first of all makes the tables
      for (int k = 0; k < kTrialsEach; ++k)
        if (!database.record(trialOf(writer, k))) return 1;
      return int(!warnings.empty());
    });
  gate.open();
  for (ChildProcess &writer : writers) EXPECT_EQ(writer.wait(), 0);
  const std::set<std::string> found = ids();
  EXPECT_EQ(found.size(), size_t(kWriters * kTrialsEach));
  for (int writer = 0; writer < kWriters; ++writer)
    for (int k = 0; k < kTrialsEach; ++k) EXPECT_TRUE(found.contains(contentId(trialOf(writer, k))));
  EXPECT_EQ(faultsOf(own), "");
}

/// Who looks while another makes the tables sees all of them or none, never another program's file.
TEST_F(ProcessesTest, TablesAppearAllAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const fs::path file = folder.path / ("made-" + std::to_string(round));
    const Sqlite reader = *Sqlite::open(file, Sqlite::Access::Write, std::chrono::seconds(5));
    Gate gate;
    ChildProcess maker([&] {
      gate.wait();
      SqliteResult<Sqlite> connection = Sqlite::open(file, Sqlite::Access::Write, std::chrono::seconds(5));
      return int(!connection || !prepareSchema(*connection));
    });
    gate.open();
    SqliteResult<SchemaState> state = SchemaState::Empty;
    while (state && *state == SchemaState::Empty) state = schemaState(reader);
    EXPECT_TRUE(state) << state.error().words;
    EXPECT_EQ(maker.wait(), 0);
  }
}

TEST_F(ProcessesTest, OneOfAllSetsADamagedFileAside) {
  fs::create_directory(own.parent_path());
  fs::permissions(own.parent_path(), fs::perms::owner_all);
  ASSERT_TRUE(std::ofstream(own) << std::string(5000, 'x'));
  Gate gate;
  std::vector<ChildProcess> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      gate.wait();
      if (Result<void> done = open().record(trialOf(writer, 0)); !done) {
        std::fprintf(stderr, "%s\n", done.error().message.c_str());
        return 100;
      }
      return int(warnings.size());
    });
  gate.open();
  int told = 0;
  for (ChildProcess &writer : writers) told += writer.wait();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(open().trials().value().size(), size_t(kWriters));
}

/// A child says each trial that is recorded by a byte; those trials have to be there, and the file has to be sound.
TEST_F(ProcessesTest, KilledWritersLeaveASoundDatabase) {
  std::mt19937 random(1);
  int said = 0, half_written = 0;
  for (int round = 0; round < 40; ++round) {
    int ends[2], batches = 0;
    ASSERT_EQ(pipe(ends), 0);
    char byte;
    auto isOneMoreSaid = [&] { return read(ends[0], &byte, 1) == 1 && ++batches; };
    {
      ChildProcess writer([&] {
        Database database = open();
        for (int k = 0;; ++k) {
          std::vector<Trial> batch;
          for (int part = 0; part < 8; ++part) batch.push_back(trialOf(round, 8 * k + part));
          if (!database.record(batch) || write(ends[1], "x", 1) != 1) return 1;
        }
      });
      close(ends[1]);
      for (const int first = int(random() % 4); batches < first && isOneMoreSaid();) {
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
      writer.kill();
    }
    half_written += fs::exists(own.string() + "-journal");
    while (isOneMoreSaid()) {
    }
    close(ends[0]);
    said += batches;
    const std::set<std::string> found = ids();
    for (int k = 0; k < 8 * batches; ++k)
      EXPECT_TRUE(found.contains(contentId(trialOf(round, k)))) << "round " << round;
    EXPECT_EQ(found.size() % 8, 0u) << "part of a batch";
    if (fs::exists(own)) EXPECT_EQ(faultsOf(own), "") << "round " << round;
  }
  EXPECT_GT(said, 20);
  EXPECT_GT(half_written, 0) << "none died writing";
  EXPECT_TRUE(warnings.empty());
}
