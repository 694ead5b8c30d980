// Merging is a union of sets: idempotent, commutative, associative, on random databases; removal is its inverse.
#include "Trials.h"
#include "db/Database.h"
#include "db/Import.h"
#include "db/Ranking.h"
#include "tests/runtime/TemporaryFolder.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

using namespace jvpgen;
namespace fs = std::filesystem;

namespace {
constexpr int kRounds = 12;

struct MergeTest : testing::Test {
  static Database opened(const fs::path &file) {
    DatabaseLayers layers;
    layers.own = file;
    layers.own_is_private = false;
    return Database(layers, [](const std::string &message) { ADD_FAILURE() << message; });
  }
  fs::path next() { return folder.path / (std::to_string(++count) + ".db"); }

  /// A database of random trials, some of which others have too.
  fs::path draw() {
    const fs::path file = next();
    EXPECT_TRUE(opened(file).record(randomTrials(random, int(random() % 30))));
    return file;
  }
  /// Through files, as `jvpgen db merge` does it.
  fs::path merge(const fs::path &a, const fs::path &b) {
    const fs::path file = next();
    for (const fs::path &part : {a, b}) EXPECT_TRUE(opened(file).record(readForeignTrials(part).value()));
    return file;
  }
  static std::vector<Trial> trialsOf(const fs::path &file) { return opened(file).trials().value(); }

  TemporaryFolder folder;
  std::mt19937 random{7};
  int count = 0;
};
} // namespace

TEST_F(MergeTest, IsIdempotent) {
  for (int round = 0; round < kRounds; ++round) {
    const fs::path a = draw();
    EXPECT_EQ(trialsOf(merge(a, a)), trialsOf(a));
    EXPECT_EQ(trialsOf(merge(merge(a, a), a)), trialsOf(a));
  }
}

TEST_F(MergeTest, IsCommutative) {
  for (int round = 0; round < kRounds; ++round) {
    const fs::path a = draw(), b = draw();
    EXPECT_EQ(trialsOf(merge(a, b)), trialsOf(merge(b, a)));
  }
}

TEST_F(MergeTest, IsAssociative) {
  for (int round = 0; round < kRounds; ++round) {
    const fs::path a = draw(), b = draw(), c = draw();
    EXPECT_EQ(trialsOf(merge(merge(a, b), c)), trialsOf(merge(a, merge(b, c))));
  }
}

TEST_F(MergeTest, OneWinnerWhateverTheOrder) {
  int tuned = 0;
  for (int round = 0; round < kRounds; ++round) {
    const fs::path a = draw(), b = draw(), c = draw();
    const fs::path left = merge(merge(a, b), c), right = merge(c, merge(b, a));
    const std::vector<Trial> trials = trialsOf(left);
    for (const Trial &trial : trials) {
      const Question question{trial.problem, trial.device, trial.template_digest, trial.default_digest};
      const Winner one = opened(left).best(question), other = opened(right).best(question);
      tuned += !one.is_default;
      EXPECT_EQ(one.trial, other.trial);
      EXPECT_EQ(one.kernels, other.kernels);
      EXPECT_EQ(one.match, other.match);
    }
  }
  EXPECT_GT(tuned, kRounds);
}

TEST_F(MergeTest, RemovalLeavesTheOthersAndNoRest) {
  const fs::path a = draw(), b = draw(), both = merge(a, b);
  const std::vector<Trial> of_b = trialsOf(b);
  std::vector<std::string> ids;
  for (const Trial &trial : of_b) ids.push_back(contentId(trial));
  EXPECT_EQ(opened(both).remove(ids).value(), int64_t(ids.size()));
  EXPECT_EQ(opened(both).remove(ids).value(), 0);
  std::vector<Trial> rest = trialsOf(a);
  std::erase_if(rest, [&](const Trial &t) { return std::count(ids.begin(), ids.end(), contentId(t)); });
  EXPECT_EQ(trialsOf(both), rest);
  std::vector<std::string> all;
  for (const Trial &trial : rest) all.push_back(contentId(trial));
  EXPECT_TRUE(opened(both).remove(all));
  sqlite3 *connection = nullptr;
  ASSERT_EQ(sqlite3_open(both.c_str(), &connection), SQLITE_OK);
  sqlite3_stmt *statement = nullptr;
  const char *count_all = "SELECT (SELECT count(*) FROM trial) + (SELECT count(*) FROM kernel_schedule) + "
                          "(SELECT count(*) FROM problem) + (SELECT count(*) FROM device)";
  ASSERT_EQ(sqlite3_prepare_v2(connection, count_all, -1, &statement, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 0);
  sqlite3_finalize(statement);
  sqlite3_close(connection);
}
