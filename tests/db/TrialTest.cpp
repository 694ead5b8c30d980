// What a trial may be, and what its ids depend on.
#include "Trials.h"
#include "db/Buckets.h"
#include "db/TrialFields.h"

#include <cmath>
#include <gmock/gmock.h>
#include <set>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
/// Gives a field another value that is right for its type.
struct ChangeField {
  int wanted, at = 0;
  const char *name = nullptr;

  bool isNext(const char *field) {
    if (at++ != wanted) return false;
    name = field;
    return true;
  }
  void operator()(const char *field, std::string &value) {
    if (isNext(field)) value.back() = value.back() == '1' ? '2' : '1';
  }
  void operator()(const char *field, int64_t &value) {
    if (isNext(field)) value *= 2;
  }
  void operator()(const char *field, Outcome &value) {
    if (isNext(field)) value = Outcome::Wrong;
  }
  void operator()(const char *field, Verdict &value) {
    if (isNext(field)) value = Verdict::Ambiguous;
  }
  void operator()(const ScheduleField &field, int &value) {
    if (isNext(field.name)) ++value;
  }
  template <typename T> void operator()(const char *field, std::optional<T> &value) {
    if (isNext(field)) value.reset();
  }
};

void visitAll(Trial &trial, ChangeField &change) {
  visitProblem(trial.problem, change);
  visitDevice(trial.device, change);
  visitTrial(trial, change);
  for (TrialKernel &kernel : trial.kernels) {
    change("kernel", kernel.kernel);
    visitSchedule(kernel.schedule, change);
  }
}

std::string refusal(void (*spoil)(Trial &)) {
  Trial trial = plainTrial();
  spoil(trial);
  Result<void> right = checkTrial(trial);
  return right ? "" : right.error().message;
}
} // namespace

TEST(Trial, IdDependsOnEveryField) {
  std::set<std::string> ids = {contentId(plainTrial())};
  for (int k = 0;; ++k) {
    Trial trial = plainTrial();
    trial.reason = "slow";
    ids.insert(contentId(trial));
    ChangeField change{k};
    visitAll(trial, change);
    if (!change.name) {
      EXPECT_GT(k, 40);
      break;
    }
    EXPECT_TRUE(ids.insert(contentId(trial)).second) << change.name;
  }
}

TEST(Trial, IdIsTheSameWhereTotalsAreNotGiven) {
  Trial trial = plainTrial();
  trial.problem.shape.q_total = trial.problem.shape.kv_total = 0;
  EXPECT_EQ(contentId(trial), contentId(plainTrial()));
  EXPECT_EQ(canonicalKey(trial.problem), canonicalKey(plainTrial().problem));
}

TEST(Trial, IdStaysThroughVersions) {
  EXPECT_EQ(contentId(plainTrial()), "0baf661d0c169aa8bd8383433574cc13da210e201ceac6c80316447aeccdad8f");
}

TEST(Trial, CandidateIsVariantAndSchedules) {
  Trial a = plainTrial(), b = plainTrial();
  b.median_us = 7;
  b.run.back() = '2';
  EXPECT_EQ(candidateDigest(a.variant, a.kernels), candidateDigest(b.variant, b.kernels));
  b.kernels[0].schedule.stages = 4;
  EXPECT_NE(candidateDigest(a.variant, a.kernels), candidateDigest(b.variant, b.kernels));
  EXPECT_NE(candidateDigest("row", a.kernels), candidateDigest("row+col", a.kernels));
}

TEST(Trial, RangesAreChecked) {
  EXPECT_EQ(refusal([](Trial &) {}), "");
  EXPECT_THAT(refusal([](Trial &t) { t.problem.specification = "x'; DROP TABLE trial; --"; }),
              HasSubstr("specification is not 64 hexadecimal digits"));
  EXPECT_THAT(refusal([](Trial &t) { t.problem.program = "for ward"; }), HasSubstr("program is not an identifier"));
  EXPECT_THAT(refusal([](Trial &t) { t.problem.shape.heads = 3, t.problem.shape.kv_heads = 2; }),
              HasSubstr("heads is not a multiple of kv_heads"));
  EXPECT_THAT(refusal([](Trial &t) { t.problem.shape.q_length = -1; }), HasSubstr("q_length is out of range"));
  EXPECT_THAT(refusal([](Trial &t) { t.device.arch = "sm_90a "; }), HasSubstr("arch is not like sm_90a"));
  EXPECT_THAT(refusal([](Trial &t) { t.device.arch = "sm_a"; }), HasSubstr("arch is not like sm_90a"));
  EXPECT_THAT(refusal([](Trial &t) { t.device.name = "a\nb"; }), HasSubstr("device name is not a printable text"));
  EXPECT_THAT(refusal([](Trial &t) { t.kernels.clear(); }), HasSubstr("the number of kernels is not from 1 to 64"));
  EXPECT_THAT(refusal([](Trial &t) { t.kernels[0].schedule.warps = 33; }), HasSubstr("warps of kernel"));
  EXPECT_THAT(refusal([](Trial &t) { t.kernels[0].kernel = "a b"; }), HasSubstr("kernel's name is not an identifier"));
  EXPECT_THAT(refusal([](Trial &t) { t.median_us.reset(); }), HasSubstr("a measured trial has no time"));
  EXPECT_THAT(refusal([](Trial &t) { t.median_us = NAN; }), HasSubstr("median_us is not a finite number"));
  EXPECT_THAT(refusal([](Trial &t) { t.relative_error = INFINITY; }), HasSubstr("relative_error is not a finite"));
  EXPECT_THAT(refusal([](Trial &t) { t.default_median_us.reset(); }),
              HasSubstr("without a measurement of the default"));
  EXPECT_THAT(refusal([](Trial &t) { t.outcome = Outcome::TimedOut, t.verdict = Verdict::None; }),
              HasSubstr("gives no reason"));
}

TEST(Trial, ReasonsBecomeOneLine) {
  EXPECT_EQ(reasonText("error:\n  line \x1b[31m2\xc3\xa9\n"), "error: line [31m2");
  EXPECT_EQ(reasonText(std::string(1000, 'x')).size(), 500u);
  Trial trial = plainTrial();
  trial.reason = reasonText("a\tb \x7f");
  EXPECT_EQ(trial.reason, "a b");
  EXPECT_TRUE(checkTrial(trial));
}

TEST(Trial, NamesLeadBack) {
  for (int k = 0; name(Outcome(k)); ++k) EXPECT_EQ(named<Outcome>(name(Outcome(k))), Outcome(k));
  for (int k = 0; name(Verdict(k)); ++k) EXPECT_EQ(named<Verdict>(name(Verdict(k))), Verdict(k));
  EXPECT_EQ(named<Outcome>("Measured"), std::nullopt);
}

TEST(Buckets, JoinShapesOfAKind) {
  const Problem shape = plainTrial().problem.shape;
  EXPECT_EQ(bucketOf(shape), "rows 2^14 q 2^11 kv 2^11");
  Problem near = shape;
  near.q_length = near.q_total = 1500;
  EXPECT_EQ(bucketOf(near), bucketOf(shape));
  EXPECT_LT(shapeDistance(near, shape), shapeDistance({1, 8, 8, 1100, 1100}, shape));
  Problem far = shape;
  far.q_length = far.q_total = 2049;
  EXPECT_NE(bucketOf(far), bucketOf(shape));
  EXPECT_NE(bucketOf({4, 8, 8, 2048, 2048}), bucketOf(shape));
  EXPECT_EQ(bucketOf({1, 1, 1, 0, 0}), bucketOf({1, 1, 1, 64, 1}));
  const Problem packed = {8, 8, 8, 2048, 2048, 2048 * 4, 2048 * 4};
  EXPECT_EQ(bucketOf(packed), bucketOf({4, 8, 8, 2048, 2048}));
}
