// Each primitive against its definition, and each fault that the machine is to find.
#include "Machine.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <random>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
constexpr uint32_t kBase = 1024;

uint16_t toBf16(float x) { return uint16_t((std::bit_cast<uint32_t>(x) + 0x8000u) >> 16); }
float fromBf16(uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); }

std::string faultOf(int threads, const std::function<void(Machine &)> &body) {
  Machine machine;
  Result<void> result = machine.run("k", 1, threads, 256, [&] { body(machine); });
  return result ? "" : result.error().message;
}
} // namespace

TEST(Machine, ThreadsKnowTheirPlace) {
  Machine machine;
  std::vector<int> seen(3 * 64);
  ASSERT_TRUE(machine.run("k", 3, 64, 0, [&] { seen[size_t(64 * machine.block + machine.thread)]++; }));
  EXPECT_EQ(seen, std::vector<int>(3 * 64, 1));
}

TEST(Machine, ShuffleAndVoteStayInsideTheWarp) {
  Machine machine;
  std::vector<float> got(64);
  std::vector<int> vote(64);
  ASSERT_TRUE(machine.run("k", 1, 64, 0, [&] {
    int own = machine.thread;
    got[size_t(own)] = machine.shuffleXor(float(own), 5);
    vote[size_t(own)] = machine.any(own == 33);
  }));
  for (int t = 0; t < 64; ++t) {
    EXPECT_EQ(got[size_t(t)], float(t ^ 5));
    EXPECT_EQ(vote[size_t(t)], t >= 32);
  }
}

TEST(Machine, BarrierLetsEveryThreadSeeWhatOthersWrote) {
  Machine machine;
  std::vector<float> got(128);
  ASSERT_TRUE(machine.run("k", 1, 128, 512, [&] {
    uint32_t own = uint32_t(machine.thread);
    for (int round = 0; round < 3; ++round) {
      float x = float(own) + float(1000 * round);
      std::memcpy(machine.shared(kBase + 4 * own, 4), &x, 4);
      machine.barrier();
      std::memcpy(&got[own], machine.shared(kBase + 4 * (127 - own), 4), 4);
      machine.barrier();
    }
  }));
  for (int t = 0; t < 128; ++t) EXPECT_EQ(got[size_t(t)], float(2127 - t));
}

TEST(Machine, BarrierCountsOnlyThreadsThatHaveNotEnded) {
  EXPECT_EQ(faultOf(64,
                    [](Machine &m) {
                      if (m.thread >= 32) m.barrier();
                    }),
            "");
}

/// D = A B + C for random A (16 x 16), B (16 x 8), C: fragments by ldmatrix from rows in shared memory, B from its
/// transpose and, by the transposing load, from B itself.
static void checkProduct(bool transposed) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  uint16_t a[16][16], b[16][8];
  float c[16][8], d[16][8];
  for (auto &row : a)
    for (uint16_t &x : row) x = toBf16(normal(generator));
  for (auto &row : b)
    for (uint16_t &x : row) x = toBf16(normal(generator));
  for (auto &row : c)
    for (float &x : row) x = normal(generator);
  Machine machine;
  Result<void> ran = machine.run("k", 1, 32, 1024, [&] {
    int l = machine.thread;
    if (l == 0) {
      std::memcpy(machine.shared(kBase, 16), a, sizeof a);
      unsigned char *right = machine.shared(kBase + 512, 16);
      for (int k = 0; k < 16; ++k)
        for (int n = 0; n < 8; ++n) std::memcpy(right + 2 * (transposed ? 8 * k + n : 16 * n + k), &b[k][n], 2);
    }
    machine.barrier();
    uint32_t left[4], right[4];
    machine.loadMatrices(left, kBase + 32 * uint32_t(l % 16) + 16 * uint32_t(l / 16), false);
    uint32_t row = transposed ? 16 * uint32_t(l % 16) : 32 * uint32_t(l % 8) + 16 * uint32_t(l / 8 % 2);
    machine.loadMatrices(right, kBase + 512 + row, transposed);
    float x[4];
    for (int e = 0; e < 4; ++e) x[e] = c[l / 4 + 8 * (e / 2)][2 * (l % 4) + e % 2];
    machine.multiply(HostMachine::Element::BF16, x, left, right[0], right[1]);
    for (int e = 0; e < 4; ++e) d[l / 4 + 8 * (e / 2)][2 * (l % 4) + e % 2] = x[e];
  });
  ASSERT_TRUE(ran) << ran.error().message;
  for (int i = 0; i < 16; ++i)
    for (int n = 0; n < 8; ++n) {
      double sum = c[i][n];
      for (int k = 0; k < 16; ++k) sum += double(fromBf16(a[i][k])) * fromBf16(b[k][n]);
      EXPECT_EQ(d[i][n], float(sum)) << i << "," << n;
    }
}

TEST(Machine, ProductOfLoadedMatrices) { checkProduct(false); }
TEST(Machine, ProductOfMatricesLoadedTransposed) { checkProduct(true); }

TEST(Machine, Tf32ProductDropsTheLast13Bits) {
  Machine machine;
  float got = 0;
  ASSERT_TRUE(machine.run("k", 1, 32, 0, [&] {
    bool first = machine.thread == 0;
    uint32_t word = first ? std::bit_cast<uint32_t>(1.0f) | 0x1fffu : 0u, a[4] = {word, 0, 0, 0};
    float c[4] = {0, 0, 0, 0};
    machine.multiply(HostMachine::Element::TF32, c, a, word, 0);
    if (first) got = c[0];
  }));
  EXPECT_EQ(got, 1.0f);
}

TEST(Machine, CopiesArriveOnlyWhenWaitedFor) {
  alignas(16) static const float source[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  float before = 0, first = 0, second = 0, zero = 1;
  Machine machine;
  ASSERT_TRUE(machine.run("k", 1, 32, 64, [&] {
    if (machine.thread != 0) return;
    machine.copyAsync(kBase, source, 16, true);
    machine.commitCopies();
    machine.copyAsync(kBase + 16, source + 4, 16, true);
    machine.copyAsync(kBase + 32, nullptr, 16, false);
    machine.commitCopies();
    std::memcpy(&before, machine.shared(kBase, 4), 4);
    machine.waitCopies(1);
    std::memcpy(&first, machine.shared(kBase, 4), 4);
    machine.waitCopies(0);
    std::memcpy(&second, machine.shared(kBase + 16, 4), 4);
    std::memcpy(&zero, machine.shared(kBase + 32, 4), 4);
  }));
  EXPECT_TRUE(std::isnan(before));
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 5);
  EXPECT_EQ(zero, 0);
}

TEST(Machine, FindsAddressesOutsideSharedMemory) {
  EXPECT_THAT(faultOf(32, [](Machine &m) { m.shared(kBase + 256, 4); }), HasSubstr("4 bytes of shared memory at 256"));
  EXPECT_THAT(faultOf(32, [](Machine &m) { m.shared(kBase + 248, 16); }), HasSubstr("no multiple"));
  EXPECT_THAT(faultOf(32, [](Machine &m) { m.shared(0, 4); }), HasSubstr("at -1024"));
  EXPECT_EQ(faultOf(32, [](Machine &m) { m.shared(kBase + 240, 16); }), "");
}

TEST(Machine, FindsLanesAtDifferentCollectives) {
  EXPECT_THAT(faultOf(32,
                      [](Machine &m) {
                        if (m.thread % 2)
                          m.any(true);
                        else
                          m.shuffleXor(0, 1);
                      }),
              HasSubstr("while others of the warp are at"));
}

TEST(Machine, FindsThreadsThatWaitForEver) {
  EXPECT_THAT(faultOf(32,
                      [](Machine &m) {
                        if (m.thread != 3) m.any(true);
                      }),
              HasSubstr("no thread can go on"));
  EXPECT_THAT(faultOf(64,
                      [](Machine &m) {
                        if (m.thread < 32)
                          m.barrier();
                        else if (m.thread == 40)
                          m.any(true);
                      }),
              HasSubstr("no thread can go on"));
}

TEST(Machine, IsUsableAfterAFault) {
  Machine machine;
  EXPECT_FALSE(machine.run("k", 2, 32, 16, [&] { machine.shared(0, 4); }));
  EXPECT_TRUE(machine.run("k", 2, 32, 16, [&] { machine.shared(kBase, 4); }));
}
