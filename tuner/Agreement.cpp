#include "tuner/Agreement.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// Half the spacing of numbers just above 1.
static double rounding(DType operands) {
  return operands == DType::BF16 ? 0x1p-9 : operands == DType::F16 ? 0x1p-12 : 0x1p-18;
}

static float element(const unsigned char *data, DType type, int64_t k) {
  if (type == DType::F32) {
    float out;
    std::memcpy(&out, data + 4 * k, 4);
    return out;
  }
  uint16_t bits;
  std::memcpy(&bits, data + 2 * k, 2);
  return type == DType::BF16 ? std::bit_cast<float>(uint32_t(bits) << 16) : float(std::bit_cast<_Float16>(bits));
}

namespace {
/// Sums of squares over rows of one thread's share.
struct Sums {
  double difference = 0, value = 0;
  int64_t strange = 0; ///< elements that are not finite and not the same
};

struct Pair {
  const unsigned char *a, *b;
  DType type;
  int64_t features;

  Sums row(int64_t r) const {
    Sums out;
    for (int64_t k = r * features; k < (r + 1) * features; ++k) {
      const float x = element(a, type, k), y = element(b, type, k);
      if (!std::isfinite(x) || !std::isfinite(y)) {
        out.strange += std::bit_cast<uint32_t>(x) != std::bit_cast<uint32_t>(y);
        continue;
      }
      out.difference += double(x - y) * double(x - y);
      out.value += double(y) * double(y);
    }
    return out;
  }
};
} // namespace

/// Calls work(first, last, share) for as many shares of the rows as there are processors.
template <typename Work> static void inShares(int64_t rows, size_t shares, const Work &work) {
  std::vector<std::thread> threads;
  for (size_t s = 0; s < shares; ++s)
    threads.emplace_back(
        [&, s] { work(rows * int64_t(s) / int64_t(shares), rows * int64_t(s + 1) / int64_t(shares), s); });
  for (std::thread &thread : threads) thread.join();
}

Agreement tuner::compare(std::span<const unsigned char> a, std::span<const unsigned char> b, DType type,
                         int64_t features, DType operands, bool isSum) {
  Agreement out;
  if (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0) return out;
  const Pair pair = {a.data(), b.data(), type, features};
  const int64_t rows = int64_t(a.size() / byteSize(type)) / features;
  const size_t shares = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, size_t(rows / 256 + 1));
  std::vector<Sums> sums(shares);
  inShares(rows, shares, [&](int64_t first, int64_t last, size_t share) {
    for (int64_t r = first; r < last; ++r) {
      const Sums row = pair.row(r);
      sums[share].difference += row.difference, sums[share].value += row.value, sums[share].strange += row.strange;
    }
  });
  Sums all;
  for (const Sums &s : sums) all.difference += s.difference, all.value += s.value, all.strange += s.strange;
  const double meanSquare = all.value / double(std::max<int64_t>(rows, 1));
  std::vector<double> worst(shares);
  inShares(rows, shares, [&](int64_t first, int64_t last, size_t share) {
    for (int64_t r = first; r < last; ++r)
      if (const Sums row = pair.row(r); row.difference > 0)
        worst[share] = std::max(worst[share], std::sqrt(row.difference / std::max({row.value, meanSquare, 1e-60})));
  });
  out.relative_error = std::sqrt(all.difference / std::max(all.value, 1e-60));
  out.worst_row = *std::max_element(worst.begin(), worst.end());
  const double u = rounding(operands), whole = isSum ? 256 : 8, ofRow = isSum ? 256 : 64;
  if (all.strange)
    out.complaint = std::to_string(all.strange) + " elements are not finite";
  else if (out.relative_error > whole * u)
    out.complaint = "it differs from the default's by " + std::to_string(out.relative_error);
  else if (out.worst_row > ofRow * u)
    out.complaint = "a row of it differs from the default's by " + std::to_string(out.worst_row);
  return out;
}
