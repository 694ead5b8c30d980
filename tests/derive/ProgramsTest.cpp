// Properties of whole programs: central differences, adjoint identity, Hessian symmetry, linearity of the tangent.
#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Interpret.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Import.h"
#include "tests/derive/Properties.h"
#include "tests/derive/Specs.h"

#include "llvm/ADT/STLExtras.h"
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {

bool keepSome(int b, int h, int i, int j) { return (3 * i + 5 * j + h + b) % 4 != 0 && i != 2; }

Extents programExtents() {
  Extents x;
  x['b'] = 1, x['n'] = 2, x['r'] = 2, x['i'] = 4, x['j'] = 5, x['d'] = x['e'] = 3;
  return x;
}

/// The scalar sum <w, o> + <u, lse> of a specification as a function of its inputs.
Function energyOf(TermContext &terms, const AttentionSpec &spec) {
  Program p = *importForward(terms, spec);
  Term w = terms.input("w_o", "bnrie"), u = terms.input("w_lse", "bnri");
  Function f;
  for (const auto &[name, t] : p.inputs) f.inputs.push_back(t);
  f.output =
      terms.add(terms.sum("bnrie", terms.mul({w, p.output("o")})), terms.sum("bnri", terms.mul({u, p.output("lse")})));
  f.extents = programExtents();
  f.keep = [](int, int, int i, int j) { return j <= i; };
  return f;
}

TEST(Programs, AdjointIdentityAndCentralDifferences) {
  std::mt19937 generator(3);
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    Program p = *importForward(terms, spec);
    for (const auto &[output, t] : p.outputs) {
      Function f;
      for (const auto &[input, x] : p.inputs) f.inputs.push_back(x);
      f.output = t, f.extents = programExtents(), f.keep = [](int, int, int i, int j) { return j <= i; };
      checkFunction(f, generator, name + ": " + output, 1e-6);
    }
  }
}

/// u^T H v = v^T H u, H v being the tangent of the gradient.
TEST(Programs, HessianIsSymmetric) {
  std::mt19937 generator(4);
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    Function f = energyOf(terms, spec);
    std::vector<Term> gradient = adjointOf({{f.output, terms.one()}}, f.inputs);
    Arrays x = f.random(generator);
    x["w_o"] = randomArray("bnrie", f.extents, generator);
    x["w_lse"] = randomArray("bnri", f.extents, generator);
    Arrays u = f.random(generator), v = f.random(generator);
    auto form = [&](const Arrays &left, const Arrays &right) {
      std::map<Term, Term> seed;
      Arrays at = x;
      for (Term i : f.inputs) {
        seed[i] = terms.input("t" + i->name, i->indices, InputKind::Tangent);
        at["t" + i->name] = right.at(i->name);
      }
      double out = 0;
      for (auto [i, h] : llvm::zip_equal(f.inputs, tangentOf(gradient, seed))) {
        Function one = f;
        one.output = i;
        if (!h->isZero()) out += inner(left.at(i->name), one.evaluate(h, at));
      }
      return out;
    };
    double uv = form(u, v), vu = form(v, u);
    EXPECT_LT(std::fabs(uv - vu), 1e-11 * (1 + std::fabs(uv))) << name;
  }
}

/// tangent(a u + b v) = a tangent(u) + b tangent(v), of the simplified program.
TEST(Programs, TangentIsLinear) {
  std::mt19937 generator(5);
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    Program p = *deriveProgram(terms, spec, "tangent_forward");
    Extents x = programExtents();
    Arrays base = randomInputs(spec, x, generator), u = base, v = randomInputs(spec, x, generator), sum = base;
    for (const std::string &t : spec.tangents) {
      sum["t" + t] = combine(combine(u["t" + t], 1, u["t" + t]), -3, v["t" + t]); // 2 u - 3 v
    }
    for (auto &[input, array] : base)
      if (input[0] != 't' || spec.input(input)) v[input] = array;
    auto run = [&](const Arrays &at) { return interpret(p, x, at, keepSome)->outputs; };
    std::map<std::string, DenseArray> ru = run(u), rv = run(v), rs = run(sum);
    for (const char *output : {"to", "mu"}) {
      std::vector<double> want;
      for (auto [a, b] : llvm::zip_equal(ru[output].values, rv[output].values)) want.push_back(2 * a - 3 * b);
      EXPECT_LT(relativeError(rs[output].values, want), 1e-12) << name << ": " << output;
    }
  }
}

// <do, to> + <dlse, mu> = sum_x <dx, tx>: the simplified backward is the adjoint of the simplified tangent forward.
TEST(Programs, SimplifiedProgramsAreAdjoint) {
  std::mt19937 generator(9);
  for (const auto &[name, given] : allSpecs()) {
    TermContext terms;
    AttentionSpec spec = given;
    spec.cotangents = {"o", "lse"};
    Extents x = programExtents();
    Arrays at = randomInputs(spec, x, generator);
    auto run = [&](const char *program) {
      return interpret(*deriveProgram(terms, spec, program), x, at, keepSome)->outputs;
    };
    Arrays forward = run("tangent_forward");
    at.insert(forward.begin(), forward.end());
    Arrays gradients = run("backward");
    auto identity = [&](const Arrays &gradients) {
      double pushed = inner(at.at("do"), forward.at("to")) + inner(at.at("dlse"), forward.at("mu")), pulled = 0,
             size = 0;
      for (const std::string &primal : spec.tangents) {
        double part = inner(gradients.at("d" + primal), at.at("t" + primal));
        pulled += part, size += std::fabs(part);
      }
      return std::fabs(pushed - pulled) / size;
    };
    EXPECT_LT(identity(gradients), 1e-12) << name;
    for (const std::string &primal : spec.tangents) {
      Arrays changed = gradients;
      for (double &v : changed.at("d" + primal).values) v = 0;
      EXPECT_GT(identity(changed), 1e-4) << name << ": a zeroed gradient of " << primal << " is found";
    }
  }
}

/// u^T H v from the simplified tangent backward without a cotangent on o.
double hessianForm(const Program &forward, const Program &backward, const AttentionSpec &spec, const Arrays &inputs,
                   const Arrays &left, const Arrays &right) {
  Extents x = programExtents();
  Arrays at = inputs;
  for (const std::string &primal : spec.tangents) at["t" + primal] = right.at(primal);
  Arrays saved = interpret(forward, x, at, keepSome)->outputs;
  at.insert(saved.begin(), saved.end());
  Arrays gradients = interpret(backward, x, at, keepSome)->outputs;
  double out = 0;
  for (const std::string &primal : spec.tangents) out += inner(left.at(primal), gradients.at("d" + primal));
  return out;
}

TEST(Programs, SimplifiedHessianVectorProductIsSymmetric) {
  std::mt19937 generator(10);
  for (const auto &[name, given] : allSpecs()) {
    TermContext terms;
    AttentionSpec spec = given;
    spec.cotangents = {"to", "mu"}, spec.gradients = spec.tangents;
    Program forward = *deriveProgram(terms, spec, "tangent_forward"),
            backward = *deriveProgram(terms, spec, "tangent_backward");
    Arrays at = randomInputs(spec, programExtents(), generator), u, v;
    for (const std::string &primal : spec.tangents) {
      u[primal] = randomArray(at.at(primal).indices, programExtents(), generator);
      v[primal] = randomArray(at.at(primal).indices, programExtents(), generator);
    }
    double uv = hessianForm(forward, backward, spec, at, u, v), vu = hessianForm(forward, backward, spec, at, v, u);
    EXPECT_LT(std::fabs(uv - vu), 1e-11 * (1 + std::fabs(uv))) << name;
    EXPECT_GT(std::fabs(uv), 1e-3) << name << ": the form is not zero for want of something";
  }
}

} // namespace
