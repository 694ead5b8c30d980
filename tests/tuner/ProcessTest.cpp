// Messages in pieces, and processes that end in every way.
#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"
#include "tuner/BuildShelf.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

namespace {
struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends), 0); }
  ~Pipe() { closeEnd(0), closeEnd(1); }
  void closeEnd(int k) {
    if (ends[k] >= 0) close(ends[k]);
    ends[k] = -1;
  }
  int ends[2];
};

std::string frameOf(const Json &message) {
  Pipe pipe;
  EXPECT_TRUE(writeMessage(pipe.ends[1], message));
  char bytes[4096];
  const ssize_t count = read(pipe.ends[0], bytes, sizeof bytes);
  return std::string(bytes, size_t(std::max<ssize_t>(count, 0)));
}
} // namespace

TEST(Messages, ArriveInPieces) {
  Pipe pipe;
  fcntl(pipe.ends[0], F_SETFL, O_NONBLOCK);
  MessageReader reader(pipe.ends[0]);
  const std::string both = frameOf({{"a", 1}}) + frameOf({{"b", "two"}});
  std::vector<Json> got;
  for (char byte : both) {
    ASSERT_EQ(write(pipe.ends[1], &byte, 1), 1);
    Result<std::optional<Json>> message = reader.read();
    ASSERT_TRUE(message);
    if (*message) got.push_back(**message);
  }
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0]["a"], 1);
  EXPECT_EQ(got[1]["b"], "two");
  EXPECT_FALSE(*reader.read()); // nothing more, and no waiting for it
}

TEST(Messages, AnEndInAFrameIsAnError) {
  Pipe pipe;
  const std::string frame = frameOf({{"a", 1}});
  ASSERT_EQ(write(pipe.ends[1], frame.data(), 6), 6);
  pipe.closeEnd(1);
  EXPECT_THAT(MessageReader(pipe.ends[0]).wait().error().message, HasSubstr("it has ended"));
}

TEST(Messages, NonsenseIsAnError) {
  for (const std::string &bytes : {std::string("\xff\xff\xff\xff????"), std::string("\x03\0\0\0{{{", 7)}) {
    Pipe pipe;
    ASSERT_EQ(write(pipe.ends[1], bytes.data(), bytes.size()), ssize_t(bytes.size()));
    pipe.closeEnd(1);
    EXPECT_THAT(MessageReader(pipe.ends[0]).wait().error().message, HasSubstr("no message"));
  }
}

namespace {
class Servants : public testing::Test {
protected:
  std::unique_ptr<Servant> make(const Json &plan) {
    EXPECT_TRUE(writeFile(folder.path / "plan", plan.dump()));
    return std::make_unique<Servant>(std::vector<std::string>{JVPGEN_SIMULATED_WORKER, folder.path / "plan"},
                                     folder.path / "log");
  }

  Attempt<Json> answered(Servant &servant, const Json &question, int longest_ms = 5000) {
    EXPECT_TRUE(servant.ask(question, std::chrono::milliseconds(longest_ms)));
    for (;;) {
      if (std::optional<Attempt<Json>> answer = servant.poll()) return *answer;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  Json describe(int ordinal = 0) { return orderMessage(Order::Describe, {{"ordinal", ordinal}}); }
  Json build(const std::string &variant) {
    return orderMessage(Order::Build, toJson(BuildOrder{"", {}, "forward", variant, 0, {}, "file"}));
  }

  TemporaryFolder folder;
};
} // namespace

TEST_F(Servants, Answer) {
  auto servant = make({{"name", "GPU of tests"}});
  EXPECT_FALSE(servant->isAlive()); // started by the first question
  Attempt<DeviceReport> report = readAs<DeviceReport>(answered(*servant, describe()));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->device.name, "GPU of tests");
  EXPECT_TRUE(servant->isAlive());
}

TEST_F(Servants, AreStartedAgainAfterACrash) {
  auto servant = make({{"plants", {{{"when", "bad"}, {"do", "abort builder"}}}}});
  Attempt<Json> crashed = answered(*servant, build("bad"));
  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().outcome, Outcome::Faulted);
  EXPECT_THAT(crashed.error().reason, HasSubstr("signal 6"));
  EXPECT_FALSE(servant->isAlive());
  EXPECT_TRUE(answered(*servant, build("good")));
}

TEST_F(Servants, AreEndedAfterTheirDeadline) {
  auto servant = make({{"plants", {{{"when", "bad"}, {"do", "hang builder"}}}}});
  Attempt<Json> late = answered(*servant, build("bad"), 100);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().outcome, Outcome::TimedOut);
  EXPECT_THAT(late.error().reason, HasSubstr("did not end within 0.1 s"));
  EXPECT_FALSE(servant->isAlive());
}

TEST_F(Servants, TimeDoesNotCountWhileTheyArePaused) {
  auto servant = make({{"build_ms", 100}});
  EXPECT_TRUE(answered(*servant, describe()));
  ASSERT_TRUE(servant->ask(build("good"), std::chrono::milliseconds(1000)));
  servant->pause();
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_FALSE(servant->poll());
  servant->resume();
  std::optional<Attempt<Json>> answer;
  while (!(answer = servant->poll())) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(*answer);
}

TEST_F(Servants, LastWordsAreTheReason) {
  Servant servant({JVPGEN_SIMULATED_WORKER, "/no/such/plan"}, folder.path / "log");
  Attempt<Json> answer = answered(servant, describe());
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().reason, HasSubstr("exit status 2: no plan can be read"));
}

TEST_F(Servants, AProgramThatIsNotThereIsOneThatEnds) {
  Servant servant({"/no/such/program"}, folder.path / "log");
  EXPECT_THAT(answered(servant, describe()).error().reason, HasSubstr("exit status 127"));
}
