// Rounding to 16 bits, against the definition: the nearest representable number, ties to the even one.
#include "tools/tensors/FloatFormats.h"
#include "tools/tensors/HostTensor.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace jvpgen;

namespace {
struct Format {
  const char *name;
  uint16_t (*narrow)(float);
  float (*widen)(uint16_t);
  uint16_t infinity;
};
constexpr Format kFormats[] = {{"bf16", toBF16, fromBF16, 0x7f80}, {"f16", toF16, fromF16, 0x7c00}};
} // namespace

TEST(FloatFormats, EveryNumberSurvives) {
  for (const Format &format : kFormats)
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
      float x = format.widen(uint16_t(bits));
      if (x == x)
        ASSERT_EQ(format.narrow(x), bits) << format.name;
      else
        ASSERT_TRUE(std::isnan(format.widen(format.narrow(x)))) << format.name << " " << bits;
    }
}

TEST(FloatFormats, HalvesGoToTheEvenNeighbour) {
  for (const Format &format : kFormats)
    for (unsigned bits = 0; bits < format.infinity - 1u; ++bits) {
      double low = format.widen(uint16_t(bits)), high = format.widen(uint16_t(bits + 1));
      float middle = float((low + high) / 2);
      if (double(middle) != (low + high) / 2) continue; // below float32's own spacing
      ASSERT_EQ(format.narrow(middle), bits + (bits & 1)) << format.name << " " << bits;
      ASSERT_EQ(format.narrow(std::nextafter(middle, 0.0f)), bits) << format.name << " " << bits;
      ASSERT_EQ(format.narrow(std::nextafter(middle, INFINITY)), bits + 1) << format.name << " " << bits;
      ASSERT_EQ(format.narrow(-middle), 0x8000 | (bits + (bits & 1))) << format.name << " " << bits;
    }
}

TEST(FloatFormats, OverflowAndSpecialValues) {
  EXPECT_EQ(toF16(65519.996f), 0x7bff);
  EXPECT_EQ(toF16(65520), 0x7c00);
  EXPECT_EQ(toBF16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(toF16(-INFINITY), 0xfc00);
  EXPECT_EQ(toF16(0x1p-25f), 0);
  EXPECT_EQ(toF16(0x1.8p-25f), 1);
  EXPECT_TRUE(std::isnan(fromBF16(toBF16(std::numeric_limits<float>::signaling_NaN()))));
  EXPECT_EQ(toTF32(1 + 0x1p-11f), 1);
  EXPECT_EQ(toTF32(1 + 0x1.8p-10f), 1 + 0x1p-9f);
  EXPECT_EQ(toTF32(INFINITY), INFINITY);
}

TEST(HostTensors, ElementsOfEveryType) {
  for (DType type : {DType::F32, DType::BF16, DType::F16, DType::I32, DType::I8}) {
    HostTensor tensor("x", type, {2, 3});
    EXPECT_EQ(tensor.bytes.size(), 6 * byteSize(type));
    for (int k = 0; k < 6; ++k) tensor.set(k, k - 3);
    for (int k = 0; k < 6; ++k) EXPECT_EQ(tensor.get(k), k - 3);
  }
  EXPECT_EQ(HostTensor("x", DType::F32, {}).elements(), 1);
  EXPECT_EQ(HostTensor("x", DType::F32, {3, 0}).bytes.size(), 0u);
  EXPECT_EQ(shapeText({2, 0, 5}), "[2, 0, 5]");
}
