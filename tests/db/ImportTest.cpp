// Files from elsewhere: whole and right they are read, whatever else is refused, and nothing is changed by it.
#include "db/Import.h"
#include "Trials.h"
#include "db/Database.h"
#include "db/T4.h"
#include "db/TrialJson.h"
#include "db/Verify.h"
#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

using namespace jvpgen;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {
DatabaseLayers only(const fs::path &file) {
  DatabaseLayers out;
  out.own = file;
  out.own_is_private = false;
  return out;
}

/// A database file with some trials, and ways to spoil it.
struct ImportTest : testing::Test {
  void SetUp() override {
    std::mt19937 random(3);
    trials = randomTrials(random, 40);
    ASSERT_TRUE(Database(only(file), nullptr).record(trials));
    trials = Database(only(file), nullptr).trials().value();
  }
  /// SQL by a connection that allows everything; the message of the import afterwards.
  std::string refusalAfter(const std::string &statements) {
    const fs::path spoilt = folder.path / "spoilt.db";
    fs::copy_file(file, spoilt, fs::copy_options::overwrite_existing);
    sqlite3 *connection = nullptr;
    EXPECT_EQ(sqlite3_open(spoilt.c_str(), &connection), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection, statements.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection) << " in " << statements;
    sqlite3_close(connection);
    Result<std::vector<Trial>> read = readForeignTrials(spoilt);
    return read ? "read " + std::to_string(read->size()) : read.error().message;
  }

  TemporaryFolder folder;
  const fs::path file = folder.path / "foreign.db";
  std::vector<Trial> trials;
};
} // namespace

TEST_F(ImportTest, WholeFilesAreReadAndNotTouched) {
  const std::string before = readFile(file).value();
  EXPECT_EQ(readForeignTrials(file).value(), trials);
  EXPECT_EQ(readFile(file).value(), before);
  EXPECT_EQ(parseForeignTrials(printTrials(trials), "x.json").value(), trials);
  EXPECT_TRUE(readForeignTrials(folder.path / "missing.db").error().kind == ErrorKind::Invalid);
}

TEST_F(ImportTest, HostileTablesAreRefused) {
  EXPECT_THAT(refusalAfter(""), HasSubstr("read 40"));
  const std::pair<const char *, const char *> cases[] = {
      {"ALTER TABLE trial RENAME TO t; CREATE VIEW trial AS SELECT * FROM t", "no plain table 'trial'"},
      {"DROP TABLE kernel_schedule; CREATE VIRTUAL TABLE kernel_schedule USING fts5(trial_id, position, kernel)",
       "no plain table 'kernel_schedule'"},
      {"ALTER TABLE trial ADD COLUMN more TEXT AS (hex(zeroblob(1000)))", "no plain table 'trial'"},
      {"DROP TABLE device", "no plain table 'device'"},
      {"PRAGMA user_version = 77", "newer jvpgen"},
      {"PRAGMA application_id = 77", "another program's database"},
      {"PRAGMA journal_mode = WAL", "write-ahead log"},
      {"PRAGMA foreign_keys = OFF; DELETE FROM problem", "a problem or a device that is missing"},
      {"DELETE FROM kernel_schedule", "not what its content id says"},
      {"UPDATE kernel_schedule SET tile_n = 31", "not what its content id says"},
      {"UPDATE trial SET driver = 'other'", "not what its content id says"},
      {"UPDATE trial SET content_id = lower(hex(randomblob(32)))", "not what its content id says"},
      {"UPDATE kernel_schedule SET position = position + 32", "a launch of table kernel_schedule is missing"},
      {"ALTER TABLE kernel_schedule RENAME COLUMN warps TO w", "no such column: warps"},
      {"PRAGMA ignore_check_constraints = ON; UPDATE kernel_schedule SET warps = 99",
       "its pages contradict one another"},
  };
  for (auto &[statements, words] : cases) EXPECT_THAT(refusalAfter(statements), HasSubstr(words)) << statements;
}

/// Tables without STRICT and without constraints, so that they hold whatever one wants.
TEST_F(ImportTest, WrongTypesAndGiantValuesAreRefused) {
  std::string rebuild;
  for (const std::string table : {"problem", "device", "trial", "kernel_schedule"})
    rebuild += "CREATE TABLE loose AS SELECT * FROM " + table + "; DROP TABLE " + table +
               "; ALTER TABLE loose RENAME TO " + table + ";";
  EXPECT_EQ(refusalAfter(rebuild), "read 40") << "loose tables with right values are read";
  for (const char *change : {
           "UPDATE trial SET median_us = 'fast' WHERE id = 1",
           "UPDATE trial SET median_us = 1e999 WHERE id = 1",
           "UPDATE trial SET samples = 1.5 WHERE id = 1",
           "UPDATE trial SET reason = x'414243' WHERE id = 1",
           "UPDATE trial SET reason = hex(zeroblob(400)) WHERE id = 1",
           "UPDATE trial SET reason = hex(zeroblob(4000000)) WHERE id = 1",
           "UPDATE trial SET variant = zeroblob(100000000) WHERE id = 1",
           "UPDATE trial SET outcome = 'perfect' WHERE id = 1",
           "UPDATE problem SET program = 'x''); DROP TABLE trial; --'",
           "UPDATE device SET name = 'NVIDIA' || char(27) || '[31m'",
           "UPDATE device SET name = NULL",
           "UPDATE kernel_schedule SET tile_m = 9000000000000000000",
           "UPDATE kernel_schedule SET tile_m = '128 rows'",
           "INSERT INTO kernel_schedule SELECT * FROM kernel_schedule",
       })
    EXPECT_THAT(refusalAfter(rebuild + change), HasSubstr("trials were to be read from")) << change;
}

TEST_F(ImportTest, CutAndSpoiltFilesChangeNothing) {
  const std::string whole = readFile(file).value();
  const fs::path own = folder.path / "own.db";
  ASSERT_TRUE(Database(only(own), nullptr).record(plainTrial()));
  const std::string before = readFile(own).value();
  std::mt19937 random(5);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    if (round % 3 == 0)
      bytes.resize(random() % bytes.size());
    else
      for (unsigned k = 0; k < 1 + random() % 20; ++k)
        bytes[random() % (round % 3 == 1 ? bytes.size() : 4096)] = char(random());
    Result<std::vector<Trial>> read = parseForeignTrials(bytes, "spoilt.db");
    refused += !read;
    if (read)
      EXPECT_TRUE(std::all_of(read->begin(), read->end(), [](const Trial &t) { return checkTrial(t).has_value(); }));
    if (read) EXPECT_LE(read->size(), trials.size());
  }
  EXPECT_GT(refused, 150);
  EXPECT_EQ(readFile(own).value(), before);
}

TEST_F(ImportTest, UnfinishedWritesAreNotRead) {
  ASSERT_TRUE(writeFile(file.string() + "-journal", "what was there before"));
  EXPECT_THAT(readForeignTrials(file).error().message, HasSubstr("somebody is writing to it, or died doing so"));
}

TEST_F(ImportTest, JsonIsReadStrictly) {
  const std::string text = printTrials({plainTrial()});
  EXPECT_THAT(parseTrials(text).value(), ElementsAre(plainTrial()));
  const std::tuple<const char *, const char *, const char *> cases[] = {
      {"jvpgen trials", "jvpgen bundle", "it is not 'jvpgen trials' of version 1"},
      {"\"version\": 1", "\"version\": 2", "it is not 'jvpgen trials' of version 1"},
      {"\"samples\": 20", "\"samples\": 20.5", "trials[0].samples is not a whole number"},
      {"\"samples\": 20", "\"samples\": 99999999999999999999", "trials[0].samples is not a whole number"},
      {"\"samples\": 20", "\"samples\": 21", "trials[0].id is not the content id of its trial"},
      {"\"median_us\": 80.0", "\"median_us\": \"80\"", "trials[0].median_us is not a number"},
      {"\"median_us\": 80.0", "\"median_us\": 1e999", "the text is none"},
      {"\"median_us\": 80.0", "\"median_us\": -80.0", "median_us is not a finite number above zero"},
      {"\"outcome\": \"measured\"", "\"outcome\": \"fine\"", "trials[0].outcome is not a known word"},
      {"\"warps\": 12", "\"warps\": 33", "trials[0].kernels[0].warps is out of range"},
      {"\"warps\": 12,", "", "trials[0].kernels[0].warps is missing"},
      {"\"warps\": 12", "\"warps\": 12, \"more\": 1", "trials[0].kernels[0] has a member that is not known"},
      {"\"program\": \"forward\"", "\"program\": \"x'); DROP TABLE trial\"", "program is not an identifier"},
      {"\"program\": \"forward\"", "\"program\": [\"forward\"]", "trials[0].problem.program is not a text"},
      {"\"kernels\": [", "\"kernels\": {}, \"k\": [", "trials[0].kernels is not a list"},
      {"\"reason\": \"\"", "\"reason\": \"\xff\"", "the text is none"},
      {"\"deterministic\": true", "\"deterministic\": 1", "trials[0].deterministic is not true or false"},
  };
  for (auto &[from, to, words] : cases) {
    std::string spoilt = text;
    ASSERT_NE(spoilt.find(from), spoilt.npos) << from;
    spoilt.replace(spoilt.find(from), std::string(from).size(), to);
    Result<std::vector<Trial>> read = parseTrials(spoilt);
    ASSERT_FALSE(read) << to;
    EXPECT_THAT(read.error().message, HasSubstr(words)) << to;
  }
  EXPECT_FALSE(parseTrials(std::string(200000, '[')));
  EXPECT_FALSE(parseTrials("{\"format\": \"jvpgen trials\", \"version\": 1, \"trials\": null}"));
}

TEST_F(ImportTest, GiantTextsAreNotParsed) {
  EXPECT_THAT(parseForeignTrials(std::string((size_t(1) << 26) + 1, ' '), "x.json").error().message,
              HasSubstr("67108865 bytes of text"));
}

TEST_F(ImportTest, VerifyNamesWhatIsWrong) {
  EXPECT_TRUE(verifyFile(file)->faults.empty());
  EXPECT_EQ(verifyFile(file)->trials.size(), trials.size());
  sqlite3 *connection = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(connection, "UPDATE trial SET driver = 'x' WHERE id = 1", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(connection);
  EXPECT_THAT(verifyFile(file)->faults, ElementsAre(HasSubstr("not what its content id says")));
  std::string bytes = readFile(file).value();
  for (size_t k = 5000; k < bytes.size(); k += 97) bytes[k] = char(bytes[k] ^ 1);
  ASSERT_TRUE(writeFile(file, bytes));
  EXPECT_FALSE(verifyFile(file)->faults.empty());
  EXPECT_FALSE(verifyFile(folder.path / "missing.db"));
}

TEST(T4, HasTheMembersOfItsSchema) {
  Trial wrong = plainTrial(), slow = plainTrial();
  wrong.outcome = Outcome::Wrong;
  wrong.verdict = Verdict::None;
  wrong.reason = "off";
  wrong.median_us.reset();
  slow.kernels[0].schedule.tile_n = 32;
  const auto json = nlohmann::json::parse(printT4({plainTrial(), wrong, slow}).value());
  EXPECT_EQ(json["schema_version"], "1.1.0");
  EXPECT_EQ(json["metadata"]["compute_api"], "CUDA");
  EXPECT_EQ(json["metadata"]["device"], "NVIDIA H200");
  EXPECT_EQ(json["metadata"]["timeunit"], "microseconds");
  EXPECT_EQ(json["metadata"]["timestamp"], "2023-11-14T22:13:20.000Z");
  ASSERT_EQ(json["results"].size(), 3u);
  for (const auto &result : json["results"])
    for (const char *member :
         {"timestamp", "configuration", "objectives", "times", "invalidity", "correctness", "measurements"})
      EXPECT_TRUE(result.contains(member)) << member;
  EXPECT_EQ(json["results"][0]["configuration"]["forward_row_row.tile_n"], 96);
  EXPECT_EQ(json["results"][0]["times"]["runtimes"], nlohmann::json({80.0}));
  EXPECT_EQ(json["results"][0]["invalidity"], "correct");
  EXPECT_EQ(json["results"][0]["correctness"], 1);
  EXPECT_EQ(json["results"][1]["invalidity"], "correctness");
  EXPECT_EQ(json["results"][1]["times"]["runtimes"], nlohmann::json::array());
  EXPECT_EQ(json["results"][1]["correctness"], 0);
}

TEST(T4, IsAboutOneKernelOnOneGpu) {
  Trial other = plainTrial();
  other.device.name = "NVIDIA H100";
  EXPECT_THAT(printT4({plainTrial(), other}).error().message, HasSubstr("several programs, shapes or GPUs"));
  EXPECT_THAT(printT4({}).error().message, HasSubstr("no trial is chosen"));
}
