#include "db/Buckets.h"

#include <algorithm>
#include <cmath>

using namespace jvpgen;

static constexpr double kShortestLength = 64;

/// Query rows of all sequences and heads.
static double rowsOf(const Problem &shape) {
  const double rows =
      shape.q_total == shape.q_length ? double(shape.batch) * double(shape.q_length) : double(shape.q_total);
  return rows * double(shape.heads);
}

static int nextPower(double length) { return int(std::ceil(std::log2(std::max(length, kShortestLength)))); }

Problem jvpgen::canonicalShape(const Problem &shape) {
  Problem out = shape;
  if (!out.q_total) out.q_total = out.q_length;
  if (!out.kv_total) out.kv_total = out.kv_length;
  return out;
}

std::string jvpgen::bucketOf(const Problem &given) {
  const Problem shape = canonicalShape(given);
  return "rows 2^" + std::to_string(nextPower(rowsOf(shape))) + " q 2^" +
         std::to_string(nextPower(double(shape.q_length))) + " kv 2^" +
         std::to_string(nextPower(double(shape.kv_length)));
}

std::string jvpgen::canonicalKey(const TrialProblem &problem) {
  const Problem shape = canonicalShape(problem.shape);
  std::string out = problem.specification + " " + problem.program;
  for (int64_t number :
       {shape.batch, shape.heads, shape.kv_heads, shape.q_length, shape.kv_length, shape.q_total, shape.kv_total})
    out += " " + std::to_string(number);
  return out;
}

double jvpgen::shapeDistance(const Problem &first, const Problem &second) {
  const Problem a = canonicalShape(first), b = canonicalShape(second);
  auto apart = [](double x, double y) { return std::abs(std::log2(std::max(x, 1.) / std::max(y, 1.))); };
  return apart(rowsOf(a), rowsOf(b)) + apart(double(a.q_length), double(b.q_length)) +
         apart(double(a.kv_length), double(b.kv_length));
}

std::string jvpgen::shapeText(const Problem &shape) {
  return std::to_string(shape.batch) + "x" + std::to_string(shape.heads) + "x" + std::to_string(shape.q_length) + "x" +
         std::to_string(shape.kv_length);
}
