#include "tuner/Agreement.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

namespace {
constexpr int64_t kRows = 16384, kFeatures = 64;

std::vector<float> numbers() {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> out(kRows * kFeatures);
  for (float &x : out) x = normal(random);
  return out;
}

std::vector<unsigned char> bf16(const std::vector<float> &numbers) {
  std::vector<unsigned char> out(2 * numbers.size());
  for (size_t k = 0; k < numbers.size(); ++k) {
    const uint16_t bits = uint16_t((std::bit_cast<uint32_t>(numbers[k]) + 0x8000) >> 16);
    std::memcpy(&out[2 * k], &bits, 2);
  }
  return out;
}

Agreement compared(const std::vector<float> &a, const std::vector<float> &b) {
  return compare(bf16(a), bf16(b), DType::BF16, kFeatures, DType::BF16);
}
} // namespace

TEST(Agreement, TheSameBitsAgree) { EXPECT_EQ(compared(numbers(), numbers()).complaint, ""); }

TEST(Agreement, RoundingsAgree) {
  std::vector<float> other = numbers();
  for (size_t k = 0; k < other.size(); ++k) other[k] *= k % 2 ? 1.004f : 0.996f;
  const Agreement found = compared(other, numbers());
  EXPECT_EQ(found.complaint, "");
  EXPECT_NEAR(found.relative_error, 0.004, 0.001);
}

TEST(Agreement, EverythingTwiceAsLargeDoesNot) {
  std::vector<float> other = numbers();
  for (float &x : other) x *= 2;
  EXPECT_THAT(compared(other, numbers()).complaint, HasSubstr("differs"));
}

TEST(Agreement, OneRowOfThousandsIsSeen) {
  std::vector<float> other = numbers();
  for (int64_t f = 0; f < kFeatures; ++f) other[size_t(1234 * kFeatures + f)] = 0;
  const Agreement found = compared(other, numbers());
  EXPECT_LT(found.relative_error, 0.01); // the whole tensor hides it
  EXPECT_THAT(found.complaint, HasSubstr("a row"));
}

TEST(Agreement, WhatWasNotWrittenIsSeen) {
  std::vector<float> other = numbers();
  other[77] = NAN;
  EXPECT_THAT(compared(other, numbers()).complaint, HasSubstr("not finite"));
}

TEST(Agreement, InfinitiesAgreeWithThemselves) {
  std::vector<float> masked = numbers();
  masked[5] = -INFINITY;
  EXPECT_EQ(compared(masked, masked).complaint, "");
  std::vector<float> other = masked;
  other[6] *= 1.004f; // so that not all bits are the same
  EXPECT_EQ(compared(other, masked).complaint, "");
  EXPECT_THAT(compared(numbers(), masked).complaint, HasSubstr("not finite"));
}

TEST(Agreement, Float16AndFloat32AreReadAsSuch) {
  const _Float16 a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 5};
  const float c[4] = {1, 2, 3, 4}, d[4] = {1, 2, 3, 5};
  auto bytes = [](const auto &values) {
    return std::span(reinterpret_cast<const unsigned char *>(&values), sizeof values);
  };
  EXPECT_NEAR(compare(bytes(a), bytes(b), DType::F16, 4, DType::F16).relative_error, 1 / std::sqrt(39.), 1e-6);
  EXPECT_NEAR(compare(bytes(c), bytes(d), DType::F32, 4, DType::F32).relative_error, 1 / std::sqrt(39.), 1e-6);
}

TEST(Agreement, SumsThatCancelAreNotHeldToRoundingsOfTheirValue) {
  const float sum[1] = {0.05f}, other[1] = {0.06f}, wrong[1] = {0.15f};
  auto bytes = [](const float (&values)[1]) {
    return std::span(reinterpret_cast<const unsigned char *>(values), sizeof values);
  };
  EXPECT_EQ(compare(bytes(other), bytes(sum), DType::F32, 1, DType::BF16, true).complaint, "");
  EXPECT_NE(compare(bytes(other), bytes(sum), DType::F32, 1, DType::BF16, false).complaint, "");
  EXPECT_NE(compare(bytes(wrong), bytes(sum), DType::F32, 1, DType::BF16, true).complaint, "");
}
