// The predicate is evaluated for all keys of a query at once; heads and sequences that cannot differ are counted once.
#include "tools/tensors/KeptPairs.h"

#include <algorithm>
#include <numeric>
#include <thread>

using namespace jvpgen;

namespace {

/// The keys of one query: one number if all are equal, else one a key.
using Row = std::vector<int64_t>;

/// One query head of one sequence, and where its rows lie in packed vectors.
struct Sequence {
  int64_t batch = 0, head = 0;
  int64_t q_start = 0, q_length = 0, kv_start = 0, kv_length = 0;
};

class RowCounter {
public:
  RowCounter(const AttentionSpec &spec, const TensorSet &inputs, const Sequence &s) : spec(spec), inputs(inputs), s(s) {
    indices.resize(size_t(s.kv_length));
    std::iota(indices.begin(), indices.end(), 0);
  }

  int64_t count(int64_t q_index) {
    query = q_index;
    Row keep = spec.mask ? evaluate(*spec.mask) : Row{1};
    if (spec.input("mask")) keep = combine(keep, booleanRow(), [](int64_t a, int64_t b) { return a && b; });
    if (keep.size() == 1) return keep[0] ? s.kv_length : 0;
    return std::count_if(keep.begin(), keep.end(), [](int64_t x) { return x != 0; });
  }

private:
  const AttentionSpec &spec;
  const TensorSet &inputs;
  Sequence s;
  int64_t query = 0;
  Row indices;

  template <typename F> static Row combine(const Row &a, const Row &b, F f) {
    Row out(std::max(a.size(), b.size()));
    if (a.size() == b.size())
      for (size_t k = 0; k < out.size(); ++k) out[k] = f(a[k], b[k]);
    else if (a.size() == 1)
      for (size_t k = 0; k < out.size(); ++k) out[k] = f(a[0], b[k]);
    else
      for (size_t k = 0; k < out.size(); ++k) out[k] = f(a[k], b[0]);
    return out;
  }

  Row booleanRow() const {
    const HostTensor &tensor = inputs.find("mask")->second;
    TensorView view = viewOf(spec, tensor);
    const unsigned char *first = tensor.bytes.data() + s.batch * view.stride[0] + s.head * view.stride[1] +
                                 query * view.stride[2]; // counted inside each sequence
    return view.stride[3] ? Row(first, first + s.kv_length) : Row{*first};
  }

  /// A vector lies as the rows of q or k do: packed, or [batch, rows].
  Row vectorRow(const NamedInput &input, const HostTensor &tensor) const {
    bool byKey = input.indices.find('j') != std::string::npos;
    int64_t first = tensor.shape.size() == 1 ? (byKey ? s.kv_start : s.q_start) : s.batch * tensor.shape[1];
    const auto *values = reinterpret_cast<const int32_t *>(tensor.bytes.data()) + first;
    if (!byKey) return {values[query]};
    return Row(values, values + s.kv_length);
  }

  Row variable(const std::string &name) const {
    if (name == "kv_index") return indices;
    if (name == "q_index") return {query};
    if (name == "head") return {s.head};
    if (name == "batch") return {s.batch};
    if (name == "q_length") return {s.q_length};
    if (name == "kv_length") return {s.kv_length};
    const HostTensor &tensor = inputs.find(name)->second;
    const NamedInput &input = *spec.input(name);
    return input.kind == NamedInput::Kind::IntScalar ? Row{int64_t(tensor.get(0))} : vectorRow(input, tensor);
  }

  Row evaluate(const Expr &e) const {
    if (e.op == ExprOp::Variable) return variable(e.text);
    if (e.op == ExprOp::Number) return {std::stoll(e.text)};
    if (e.op == ExprOp::True || e.op == ExprOp::False) return {e.op == ExprOp::True};
    Row a = evaluate(e.args[0]);
    if (e.op == ExprOp::And && a == Row{0}) return a;
    if (e.args.size() == 1) return combine(a, {0}, unary(e.op));
    return binary(e.op, a, evaluate(e.args[1]));
  }

  static int64_t (*unary(ExprOp op))(int64_t, int64_t) {
    if (op == ExprOp::Neg) return [](int64_t x, int64_t) { return -x; };
    if (op == ExprOp::Abs) return [](int64_t x, int64_t) { return x < 0 ? -x : x; };
    return [](int64_t x, int64_t) { return int64_t(x == 0); };
  }

  static Row binary(ExprOp op, const Row &a, const Row &b) {
    switch (op) {
    case ExprOp::Add: return combine(a, b, [](int64_t x, int64_t y) { return x + y; });
    case ExprOp::Sub: return combine(a, b, [](int64_t x, int64_t y) { return x - y; });
    case ExprOp::Mul: return combine(a, b, [](int64_t x, int64_t y) { return x * y; });
    case ExprOp::Min: return combine(a, b, [](int64_t x, int64_t y) { return std::min(x, y); });
    case ExprOp::Max: return combine(a, b, [](int64_t x, int64_t y) { return std::max(x, y); });
    case ExprOp::Lt: return combine(a, b, [](int64_t x, int64_t y) { return x < y; });
    case ExprOp::Le: return combine(a, b, [](int64_t x, int64_t y) { return x <= y; });
    case ExprOp::Gt: return combine(a, b, [](int64_t x, int64_t y) { return x > y; });
    case ExprOp::Ge: return combine(a, b, [](int64_t x, int64_t y) { return x >= y; });
    case ExprOp::Eq: return combine(a, b, [](int64_t x, int64_t y) { return x == y; });
    case ExprOp::Ne: return combine(a, b, [](int64_t x, int64_t y) { return x != y; });
    case ExprOp::And: return combine(a, b, [](int64_t x, int64_t y) { return x && y; });
    default: return combine(a, b, [](int64_t x, int64_t y) { return x || y; });
    }
  }
};

} // namespace

/// Sets one side's start and length from offsets, lengths, or the problem.
static void locate(const TensorSet &inputs, const std::string &side, int64_t all, int64_t batch, int64_t &start,
                   int64_t &length) {
  auto offsets = inputs.find(side + "_offsets"), lengths = inputs.find(side + "_lengths");
  length = lengths == inputs.end() ? all : int64_t(lengths->second.get(batch));
  if (offsets == inputs.end()) return;
  start = int64_t(offsets->second.get(batch));
  length = int64_t(offsets->second.get(batch + 1)) - start;
}

/// Does what is kept depend on the index of that letter, or on the variable?
static bool dependsOn(const AttentionSpec &spec, char letter, const std::string &variable) {
  auto varies = [&](const NamedInput &x) { return x.indices.find(letter) != std::string::npos; };
  std::vector<std::string> names = spec.mask ? variables(*spec.mask) : std::vector<std::string>();
  if (const NamedInput *mask = spec.input("mask"); mask && varies(*mask)) return true;
  return std::any_of(names.begin(), names.end(), [&](const std::string &name) {
    const NamedInput *input = spec.input(name);
    return name == variable || (input && varies(*input));
  });
}

static int64_t countSequence(const AttentionSpec &spec, const TensorSet &inputs, const Sequence &s) {
  size_t workers = std::max<size_t>(1, std::thread::hardware_concurrency());
  if (s.q_length * s.kv_length < 1 << 16) workers = 1;
  std::vector<int64_t> sums(workers, 0);
  std::vector<std::thread> threads;
  for (size_t w = 0; w < workers; ++w)
    threads.emplace_back([&, w] {
      RowCounter rows(spec, inputs, s);
      int64_t sum = 0;
      for (int64_t i = int64_t(w); i < s.q_length; i += int64_t(workers)) sum += rows.count(i);
      sums[w] = sum;
    });
  for (std::thread &thread : threads) thread.join();
  return std::accumulate(sums.begin(), sums.end(), int64_t(0));
}

int64_t jvpgen::countKeptPairs(const AttentionSpec &spec, const Problem &problem, const TensorSet &inputs) {
  int64_t heads = dependsOn(spec, 'n', "head") ? problem.heads : 1;
  int64_t batches = spec.layout != Layout::Dense || dependsOn(spec, 'b', "batch") ? problem.batch : 1;
  int64_t total = 0;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t h = 0; h < heads; ++h) {
      Sequence s{.batch = b, .head = h};
      locate(inputs, "q", problem.q_length, b, s.q_start, s.q_length);
      locate(inputs, "kv", problem.kv_length, b, s.kv_start, s.kv_length);
      bool all = !spec.mask && !spec.input("mask");
      all |= s.kv_length == 0;
      total += all ? s.q_length * s.kv_length : countSequence(spec, inputs, s);
    }
  return total * (problem.heads / heads) * (problem.batch / batches);
}
