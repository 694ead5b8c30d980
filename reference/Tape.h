// A tape of operations on vectors, and its reverse walk.
#ifndef JVPGEN_REFERENCE_TAPE_H
#define JVPGEN_REFERENCE_TAPE_H

#include "reference/Functions.h"
#include <algorithm>
#include <cstddef>
#include <vector>

namespace jvpgen::reference {

/// A vector on a tape: one entry per key of a row, or a single one that stands for all.
struct Var {
  size_t node = 0;
};

template <typename S> class Tape {
public:
  explicit Tape(Functions functions = {}) : functions(functions) {}

  /// Forgets everything but its memory.
  void clear() { used = 0; }

  Var leaf(S x) { return make(Op::Leaf, {}, {}, {}, {x}); }
  Var leaf(std::vector<S> x) { return make(Op::Leaf, {}, {}, {}, std::move(x)); }
  const std::vector<S> &value(Var x) const { return nodes[x.node].value; }
  std::vector<S> &adjoint(Var x) { return nodes[x.node].adjoint; }

  Var add(Var x, Var y) {
    return map(Op::Add, x, y, [](S a, S b) { return a + b; });
  }
  Var sub(Var x, Var y) {
    return map(Op::Sub, x, y, [](S a, S b) { return a - b; });
  }
  Var mul(Var x, Var y) {
    return map(Op::Mul, x, y, [](S a, S b) { return a * b; });
  }
  Var div(Var x, Var y) {
    return map(Op::Div, x, y, [this](S a, S b) { return functions.divide(a, b); });
  }
  Var exp(Var x) {
    return map(Op::Exp, x, x, [this](S a, S) { return functions.exp(a); });
  }
  Var log(Var x) {
    return map(Op::Log, x, x, [this](S a, S) { return functions.log(a); });
  }
  Var tanh(Var x) {
    return map(Op::Tanh, x, x, [this](S a, S) { return functions.tanh(a); });
  }
  Var sqrt(Var x) {
    return map(Op::Sqrt, x, x, [](S a, S) {
      using std::sqrt;
      return sqrt(a);
    });
  }
  Var abs(Var x) {
    return map(Op::Abs, x, x, [](S a, S) {
      using std::abs;
      return abs(a);
    });
  }

  /// A function of values that has no derivative: comparisons, signs, steps.
  template <typename F> Var constant(Var x, Var y, F f) {
    return map(Op::Leaf, x, y, [&](S a, S b) { return S(f(valueOf(a), valueOf(b))); });
  }

  /// x where w is 1, y where w is 0, their mean where w is 1/2: by selection, so that what is not chosen may be
  /// anything.
  Var blend(Var w, Var x, Var y) {
    std::vector<S> out(std::max({value(w).size(), value(x).size(), value(y).size()}));
    for (size_t k = 0; k < out.size(); ++k) {
      double weight = valueOf(at(w, k));
      out[k] = weight == 1 ? at(x, k) : weight == 0 ? at(y, k) : S(0.5) * (at(x, k) + at(y, k));
    }
    return make(Op::Blend, w, x, y, std::move(out));
  }

  /// Sum over `count` keys; a single entry counts as often.
  Var sum(Var x, size_t count) {
    S total(0);
    for (size_t k = 0; k < count; ++k) total = total + at(x, k);
    return make(Op::Sum, x, {}, {}, {total}, count);
  }

  /// log sum_j exp(x_j) over `count` keys.
  Var logSumExp(Var x, size_t count) {
    S largest = at(x, 0), total(0);
    for (size_t k = 1; k < count; ++k)
      if (valueOf(at(x, k)) > valueOf(largest)) largest = at(x, k);
    for (size_t k = 0; k < count; ++k) total = total + functions.exp(at(x, k) - largest);
    return make(Op::LogSumExp, x, {}, {}, {functions.shiftedLog(largest, total)}, count);
  }

  /// Zeroes every adjoint; the caller then seeds some and calls reverse.
  void clearAdjoints() {
    for (size_t n = 0; n < used; ++n) nodes[n].adjoint.assign(nodes[n].value.size(), S(0));
  }

  /// Adds to each node's adjoint what the nodes made of it hand back, last node first.
  void reverse() {
    for (size_t n = used; n-- > 0;) step(nodes[n]);
  }

private:
  enum class Op { Leaf, Add, Sub, Mul, Div, Exp, Log, Tanh, Sqrt, Abs, Blend, Sum, LogSumExp };
  struct Node {
    Op op;
    Var x, y, z;
    size_t count; ///< keys that a reduction ran over
    std::vector<S> value, adjoint;
  };
  Functions functions;
  std::vector<Node> nodes;
  size_t used = 0;

  const S &at(Var x, size_t k) const {
    const std::vector<S> &v = nodes[x.node].value;
    return v[v.size() == 1 ? 0 : k];
  }

  Var make(Op op, Var x, Var y, Var z, std::vector<S> value, size_t count = 0) {
    if (used == nodes.size()) nodes.emplace_back();
    Node &node = nodes[used];
    node.op = op, node.x = x, node.y = y, node.z = z, node.count = count;
    node.value = std::move(value);
    return Var{used++};
  }

  template <typename F> Var map(Op op, Var x, Var y, F f) {
    std::vector<S> out(std::max(value(x).size(), value(y).size()));
    for (size_t k = 0; k < out.size(); ++k) out[k] = f(at(x, k), at(y, k));
    return make(op, x, y, {}, std::move(out));
  }

  void give(Var x, size_t k, S g) {
    std::vector<S> &adjoint = nodes[x.node].adjoint;
    S &to = adjoint[adjoint.size() == 1 ? 0 : k];
    to = to + g;
  }

  /// One node's rule, entry by entry. An entry without a cotangent hands nothing back: 0 times an infinite slope is 0
  /// here, since the entry is one that a selection left out.
  void step(const Node &node) {
    if (node.op == Op::Leaf) return;
    size_t count = node.op == Op::Sum || node.op == Op::LogSumExp ? node.count : node.value.size();
    for (size_t k = 0; k < count; ++k) {
      S g = node.adjoint[node.adjoint.size() == 1 ? 0 : k];
      if (magnitudeOf(g) != 0) stepEntry(node, k, g, node.value[node.value.size() == 1 ? 0 : k]);
    }
  }

  void stepEntry(const Node &node, size_t k, S g, S f) {
    S x = at(node.x, k), y = at(node.y, k);
    switch (node.op) {
    case Op::Leaf: break;
    case Op::Add: give(node.x, k, g), give(node.y, k, g); break;         // d(x + y) = dx + dy
    case Op::Sub: give(node.x, k, g), give(node.y, k, -g); break;        // d(x - y) = dx - dy
    case Op::Mul: give(node.x, k, g * y), give(node.y, k, g * x); break; // d(xy) = y dx + x dy
    case Op::Div:
      give(node.x, k, functions.divide(g, y)), give(node.y, k, -functions.divide(g * f, y));
      break;                                                                          // d(x/y) = dx/y - (x/y) dy/y
    case Op::Exp: give(node.x, k, g * f); break;                                      // d exp(x) = exp(x) dx
    case Op::Log: give(node.x, k, functions.divide(g, x)); break;                     // d log(x) = dx/x
    case Op::Tanh: give(node.x, k, g * (S(1) - f * f)); break;                        // d tanh(x) = (1 - tanh(x)^2) dx
    case Op::Sqrt: give(node.x, k, functions.divide(S(0.5) * g, f)); break;           // d sqrt(x) = dx / (2 sqrt(x))
    case Op::Abs: give(node.x, k, g * S((valueOf(x) > 0) - (valueOf(x) < 0))); break; // d|x| = sign(x) dx
    case Op::Blend: {
      double w = valueOf(x);
      if (w != 0) give(node.y, k, g * S(w));
      if (w != 1) give(node.z, k, g * S(1 - w));
      break;
    }
    case Op::Sum: give(node.x, k, g); break;
    case Op::LogSumExp: give(node.x, k, g * functions.exp(x - f)); break; // d lse = sum_j exp(x_j - lse) dx_j
    }
  }
};

} // namespace jvpgen::reference

#endif
