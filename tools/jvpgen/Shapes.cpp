// Parsing of shapes; every number is checked, since it becomes a size in memory.
#include "tools/jvpgen/Shapes.h"

#include <algorithm>
#include <charconv>
#include <sstream>

using namespace jvpgen;

static Result<Problem> parseShape(const AttentionSpec &spec, const std::string &text) {
  constexpr int64_t limit = int64_t(1) << 31;
  int64_t numbers[4];
  const char *at = text.data(), *end = at + text.size();
  for (int k = 0; k < 4; ++k) {
    auto [next, code] = std::from_chars(at, end, numbers[k]);
    bool separated = k == 3 ? next == end : next != end && *next == 'x';
    if (code != std::errc() || !separated || numbers[k] < (k < 2 ? 1 : 0) || numbers[k] >= limit)
      return fail(ErrorKind::Invalid,
                  "--shapes has '" + text + "'; a shape is batch x heads x queries x keys, as in 2x4x1000x63");
    at = next + 1;
  }
  if (numbers[1] % spec.group)
    return fail(ErrorKind::Invalid, "--shapes has " + std::to_string(numbers[1]) + " query heads, but the group of '" +
                                        spec.name + "' is " + std::to_string(spec.group) + "; give a multiple of it");
  int64_t bytes = 1 << 10; // at most, for each pair of a query and a key
  bool fits = true;
  for (int64_t n : numbers) fits &= !__builtin_mul_overflow(bytes, std::max<int64_t>(n, 1), &bytes);
  if (!fits)
    return fail(ErrorKind::Invalid, "--shapes has '" + text + "', whose sizes exceed 64 bits; give a smaller shape");
  Problem p{.batch = numbers[0], .heads = numbers[1], .kv_heads = numbers[1] / spec.group};
  p.q_length = p.q_total = numbers[2];
  p.kv_length = p.kv_total = numbers[3];
  return p;
}

Result<std::vector<Problem>> jvpgen::parseShapes(const AttentionSpec &spec, const std::string &text) {
  std::vector<Problem> out;
  std::stringstream list(text);
  for (std::string shape; std::getline(list, shape, ',');) {
    Result<Problem> p = parseShape(spec, shape);
    if (!p) return tl::unexpected<Error>(p.error());
    out.push_back(*p);
  }
  if (out.empty()) return fail(ErrorKind::Invalid, "--shapes names no shape; give for example 2x4x1000x63");
  return out;
}

std::string jvpgen::shapeName(const Problem &p) {
  return std::to_string(p.batch) + "x" + std::to_string(p.heads) + "x" + std::to_string(p.q_length) + "x" +
         std::to_string(p.kv_length);
}
