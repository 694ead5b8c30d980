#include "WarpgroupProduct.h"

#include "Fragments.h"

#include <vector>

using namespace jvpgen;
using Element = HostMachine::Element;

uint32_t jvpgen::swizzled(uint32_t address, uint32_t width) {
  const uint32_t changed = width / 16 - 1;
  return address ^ ((address >> 7 & changed) << 4);
}

namespace {
/// Fields of a descriptor, in bytes.
struct Matrix {
  uint32_t start, leading, stride, width;

  explicit Matrix(uint64_t descriptor) {
    start = uint32_t(descriptor & 0x3fff) << 4;
    leading = uint32_t(descriptor >> 16 & 0x3fff) << 4;
    stride = uint32_t(descriptor >> 32 & 0x3fff) << 4;
    width = 256u >> (descriptor >> 62); // swizzle 1, 2, 3: 128, 64, 32
  }
  /// Rows whose elements along the summed index lie together; eight rows repeat after `stride`.
  uint32_t alongSum(uint32_t row, uint32_t k) const {
    return swizzled(start + row % 8 * width + row / 8 * stride + 2 * k, width);
  }
  /// Rows of the summed index; pieces of `width` bytes repeat after `leading`.
  uint32_t acrossSum(uint32_t k, uint32_t column) const {
    const uint32_t piece = width / 2;
    return swizzled(start + k % 8 * width + k / 8 * stride + column / piece * leading + 2 * (column % piece), width);
  }
};
} // namespace

template <Element E>
static void multiply(const HostMachine::Product *const (&lanes)[32], int warp, const ReadElement &read) {
  const HostMachine::Product &first = *lanes[0];
  const uint32_t columns = uint32_t(first.columns);
  const Matrix left(first.left), right(first.right);
  double a[16][16];
  std::vector<double> b(16 * columns);
  for (uint32_t k = 0; k < 16; ++k)
    for (uint32_t n = 0; n < columns; ++n)
      b[k * columns + n] = numberIn<E>(read(first.a ? right.acrossSum(k, n) : right.alongSum(n, k)), 0);
  for (uint32_t l = 0; l < 32; ++l)
    for (uint32_t word = 0; word < 4; ++word)
      for (uint32_t half = 0; half < 2; ++half) {
        const uint32_t row = l / 4 + 8 * (word & 1), k = 2 * (l % 4) + half + 8 * (word / 2);
        a[row][k] = first.a ? numberIn<E>(lanes[l]->a[word], int(half))
                            : numberIn<E>(read(left.alongSum(16 * uint32_t(warp) + row, k)), 0);
      }
  for (uint32_t l = 0; l < 32; ++l)
    for (uint32_t n = 0; n < columns / 8; ++n)
      for (uint32_t e = 0; e < 4; ++e) {
        const uint32_t row = l / 4 + 8 * (e / 2), column = 8 * n + 2 * (l % 4) + e % 2;
        double sum = first.adds ? lanes[l]->c[n][e] : 0;
        for (uint32_t k = 0; k < 16; ++k) sum += a[row][k] * b[k * columns + column];
        lanes[l]->c[n][e] = float(sum);
      }
}

void jvpgen::multiplyWarp(const HostMachine::Product *const (&lanes)[32], int warp, const ReadElement &read) {
  if (lanes[0]->element == Element::BF16) return multiply<Element::BF16>(lanes, warp, read);
  multiply<Element::F16>(lanes, warp, read);
}
