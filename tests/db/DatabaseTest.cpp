// A database on disk: what goes in comes out, from all layers, and what is broken is set aside or refused.
#include "db/Database.h"
#include "Trials.h"
#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

using namespace jvpgen;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
namespace fs = std::filesystem;

namespace {
struct DatabaseTest : testing::Test {
  Database open(std::vector<fs::path> shipped = {}) {
    return Database({.own = own, .shipped = std::move(shipped), .write_wait = std::chrono::milliseconds(300)},
                    [this](const std::string &message) { warnings.push_back(message); });
  }
  static Database alone(const fs::path &path) {
    DatabaseLayers layers;
    layers.own = path;
    layers.own_is_private = false;
    return Database(layers, nullptr);
  }
  std::vector<Trial> trials() { return open().trials().value(); }

  /// SQL on the file by another connection.
  static void change(const fs::path &file, const std::string &statements) {
    sqlite3 *connection = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(connection, statements.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close(connection);
  }
  std::vector<std::string> filesBeside() {
    std::vector<std::string> out;
    for (auto &entry : fs::directory_iterator(own.parent_path())) out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }

  TemporaryFolder folder;
  const fs::path own = folder.path / "jvpgen" / "tunings.db";
  std::vector<std::string> warnings;
};

Question questionOf(const Trial &trial) {
  return {trial.problem, trial.device, trial.template_digest, trial.default_digest};
}
} // namespace

TEST_F(DatabaseTest, WhatIsRecordedIsFound) {
  EXPECT_TRUE(trials().empty());
  EXPECT_FALSE(fs::exists(own)) << "reading makes no file";
  std::mt19937 random(1);
  std::vector<Trial> all = randomTrials(random, 200);
  ASSERT_TRUE(open().record(all));
  auto order = [](const Trial &a, const Trial &b) {
    return std::pair(a.measured_at_unix_ms, contentId(a)) < std::pair(b.measured_at_unix_ms, contentId(b));
  };
  std::sort(all.begin(), all.end(), order);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(trials(), all);
  ASSERT_TRUE(open().record(all)) << "once more changes nothing";
  EXPECT_EQ(trials(), all);
  EXPECT_THAT(warnings, SizeIs(0));
}

TEST_F(DatabaseTest, FolderAndFileAreTheUsersOwn) {
  ASSERT_TRUE(open().record(plainTrial()));
  EXPECT_EQ(fs::status(own.parent_path()).permissions() & fs::perms::mask, fs::perms::owner_all);
  fs::permissions(own.parent_path(), fs::perms::group_all, fs::perm_options::add);
  Result<void> refused = open().record(plainTrial());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("can be written to by others; `chmod 700` it"));
  EXPECT_FALSE(open().trials());
  EXPECT_EQ(open().best(questionOf(plainTrial())).match, Match::Default);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("can be written to by others")));
}

TEST_F(DatabaseTest, FiltersChoose) {
  Trial other = plainTrial();
  other.problem.program = "backward";
  other.problem.shape.batch = 2;
  other.outcome = Outcome::Wrong;
  other.verdict = Verdict::None;
  other.reason = "off";
  other.run = std::string(32, '2');
  ASSERT_TRUE(open().record(std::vector{plainTrial(), other}));
  auto found = [&](void (*choose)(TrialFilter &)) {
    TrialFilter filter;
    choose(filter);
    return open().trials(filter).value();
  };
  EXPECT_THAT(found([](TrialFilter &) {}), SizeIs(2));
  EXPECT_THAT(found([](TrialFilter &f) { f.id = contentId(plainTrial()).substr(0, 8); }), ElementsAre(plainTrial()));
  EXPECT_THAT(found([](TrialFilter &f) { f.program = "backward"; }), ElementsAre(other));
  EXPECT_THAT(found([](TrialFilter &f) { f.run = std::string(32, '2'); }), ElementsAre(other));
  EXPECT_THAT(found([](TrialFilter &f) { f.shape = plainTrial().problem.shape; }), ElementsAre(plainTrial()));
  EXPECT_THAT(found([](TrialFilter &f) { f.outcome = Outcome::Wrong; }), ElementsAre(other));
  EXPECT_THAT(found([](TrialFilter &f) { f.specification = std::string(64, 'a'), f.arch = "sm_90a"; }), SizeIs(2));
  EXPECT_THAT(found([](TrialFilter &f) { f.device = "' OR 1=1 --"; }), SizeIs(0));
}

TEST_F(DatabaseTest, ShippedLayersAnswerBeneath) {
  const fs::path shipped = folder.path / "shipped.db";
  Trial known = plainTrial();
  ASSERT_TRUE(alone(shipped).record(known));
  fs::permissions(shipped, fs::perms::owner_read);
  const std::string before = readFile(shipped).value();
  const Question question = questionOf(known);
  EXPECT_EQ(open().best(question).match, Match::Default);
  EXPECT_EQ(open({shipped, folder.path / "missing.db"}).best(question).match, Match::Exact);
  Trial own_trial = known;
  own_trial.median_us = 120;
  own_trial.verdict = Verdict::Worse;
  Database both = open({shipped});
  ASSERT_TRUE(both.record(own_trial));
  EXPECT_TRUE(both.best(question).is_default);
  EXPECT_THAT(both.trials().value(), SizeIs(2));
  EXPECT_EQ(readFile(shipped).value(), before);
  EXPECT_THAT(filesBeside(), ElementsAre("tunings.db", "tunings.db-lock"));
  EXPECT_THAT(warnings, SizeIs(0));
}

TEST_F(DatabaseTest, BrokenShippedLayerIsSaidOnce) {
  const fs::path shipped = folder.path / "shipped.db";
  ASSERT_TRUE(writeFile(shipped, std::string(5000, 'x')));
  Database database = open({shipped});
  EXPECT_EQ(database.best(questionOf(plainTrial())).match, Match::Default);
  EXPECT_EQ(database.best(questionOf(plainTrial())).match, Match::Default);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("install jvpgen again")));
  EXPECT_EQ(readFile(shipped).value(), std::string(5000, 'x'));
}

TEST_F(DatabaseTest, ReaderDoesNotWaitForAWriter) {
  Trial trial = plainTrial();
  const fs::path shipped = folder.path / "shipped.db";
  ASSERT_TRUE(alone(shipped).record(trial));
  Trial better = trial;
  better.kernels[0].schedule.tile_n = 112;
  better.median_us = 50;
  ASSERT_TRUE(open().record(better));
  sqlite3 *writer = nullptr;
  ASSERT_EQ(sqlite3_open(own.c_str(), &writer), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(writer, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  DatabaseLayers layers;
  layers.own = own;
  layers.shipped = {shipped};
  layers.write_wait = std::chrono::seconds(60);
  const auto begun = std::chrono::steady_clock::now();
  Winner winner = Database(layers, nullptr).best(questionOf(trial));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << "50 ms, and what a busy machine adds";
  EXPECT_EQ(winner.match, Match::Exact);
  EXPECT_EQ(winner.kernels, trial.kernels);
  Result<void> recorded = open().record(plainTrial());
  ASSERT_FALSE(recorded);
  EXPECT_THAT(recorded.error().message, HasSubstr("see which process holds it"));
  ASSERT_EQ(sqlite3_exec(writer, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(writer);
  EXPECT_EQ(open({shipped}).best(questionOf(trial)).kernels, better.kernels);
  EXPECT_THAT(warnings, SizeIs(0));
}

TEST_F(DatabaseTest, NoDatabaseIsSetAside) {
  fs::create_directory(own.parent_path());
  fs::permissions(own.parent_path(), fs::perms::owner_all);
  ASSERT_TRUE(writeFile(own, std::string(5000, 'x')));
  const std::string journal = std::string(1, '\0') + "that SQLite does not play back";
  ASSERT_TRUE(writeFile(own.string() + "-journal", journal));
  ASSERT_TRUE(open().record(plainTrial()));
  EXPECT_THAT(trials(), ElementsAre(plainTrial()));
  EXPECT_THAT(filesBeside(),
              ElementsAre("tunings.db", "tunings.db-lock", "tunings.db.damaged-1", "tunings.db.damaged-1-journal"));
  EXPECT_EQ(readFile(own.string() + ".damaged-1").value(), std::string(5000, 'x'));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("were damaged; the file is now")));
}

TEST_F(DatabaseTest, ContradictoryPagesAreSetAside) {
  std::mt19937 random(2);
  ASSERT_TRUE(open().record(randomTrials(random, 300)));
  std::string bytes = readFile(own).value();
  for (size_t k = 4096; k < bytes.size(); ++k) bytes[k] = char(bytes[k] ^ 0x5a);
  ASSERT_TRUE(writeFile(own, bytes));
  ASSERT_TRUE(open().record(plainTrial()));
  EXPECT_THAT(trials(), ElementsAre(plainTrial()));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("were damaged")));
}

TEST_F(DatabaseTest, ReaderSetsADamagedFileAsideToo) {
  ASSERT_TRUE(open().record(plainTrial()));
  ASSERT_TRUE(writeFile(own, "SQLite format 3"));
  EXPECT_EQ(open().best(questionOf(plainTrial())).match, Match::Default);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("were damaged")));
  EXPECT_FALSE(fs::exists(own));
  ASSERT_TRUE(open().record(plainTrial()));
  EXPECT_THAT(warnings, SizeIs(1));
}

TEST_F(DatabaseTest, BrokenConstraintsAreNoDamage) {
  ASSERT_TRUE(open().record(plainTrial()));
  change(own, "PRAGMA ignore_check_constraints = ON; UPDATE trial SET samples = -1");
  Trial other = plainTrial();
  other.median_us = 81;
  ASSERT_TRUE(open().record(other));
  EXPECT_THAT(open().trials().error().message, HasSubstr("not what its content id says; `jvpgen db verify` says more"));
  EXPECT_THAT(filesBeside(), ElementsAre("tunings.db", "tunings.db-lock"));
}

TEST_F(DatabaseTest, OtherTroubleSetsNothingAside) {
  ASSERT_TRUE(open().record(plainTrial()));
  if (geteuid()) { // root may read anything
    fs::permissions(own, fs::perms::none);
    EXPECT_FALSE(open().record(plainTrial()));
    EXPECT_EQ(open().best(questionOf(plainTrial())).match, Match::Default);
    fs::permissions(own, fs::perms::owner_read);
  }
  fs::remove(own);
  fs::create_directory(own);
  EXPECT_FALSE(open().record(plainTrial()));
  EXPECT_THAT(filesBeside(), ElementsAre("tunings.db", "tunings.db-lock"));
}

TEST_F(DatabaseTest, NewerSchemaIsRefusedInWords) {
  ASSERT_TRUE(open().record(plainTrial()));
  change(own, "PRAGMA user_version = 9999");
  const std::string before = readFile(own).value();
  Result<void> refused = open().record(plainTrial());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("schema version 9999 of a newer jvpgen"));
  EXPECT_FALSE(open().prepareOwn());
  EXPECT_EQ(open().best(questionOf(plainTrial())).match, Match::Default);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("of a newer jvpgen")));
  EXPECT_EQ(readFile(own).value(), before);
}

TEST_F(DatabaseTest, OtherProgramsDatabaseIsRefused) {
  fs::create_directory(own.parent_path());
  fs::permissions(own.parent_path(), fs::perms::owner_all);
  change(own, "CREATE TABLE bookmarks (url TEXT)");
  const std::string before = readFile(own).value();
  Result<void> refused = open().record(plainTrial());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("another program's database"));
  EXPECT_EQ(readFile(own).value(), before);
}

TEST_F(DatabaseTest, AllOrNoneIsRecorded) {
  Trial wrong = plainTrial();
  wrong.problem.program = "x'); DROP TABLE trial; --";
  EXPECT_FALSE(open().record(std::vector{plainTrial(), wrong}));
  EXPECT_TRUE(trials().empty());
}

TEST_F(DatabaseTest, NoHomeIsSaid) {
  Database nowhere({}, nullptr);
  Result<void> refused = nowhere.record(plainTrial());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("neither XDG_DATA_HOME nor HOME"));
  EXPECT_TRUE(nowhere.trials()->empty());
  EXPECT_EQ(nowhere.best(questionOf(plainTrial())).match, Match::Default);
}
