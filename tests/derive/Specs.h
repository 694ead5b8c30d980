// Specifications for the tests of the engine, and expressions written as C++.
#ifndef JVPGEN_TESTS_DERIVE_SPECS_H
#define JVPGEN_TESTS_DERIVE_SPECS_H

#include "compiler/spec/AttentionSpec.h"
#include <random>
#include <string>
#include <vector>

namespace jvpgen::test {

inline Expr var(const std::string &name) { return {ExprOp::Variable, name, {}}; }
inline Expr num(const std::string &digits) { return {ExprOp::Number, digits, {}}; }
inline Expr call(ExprOp op, std::vector<Expr> args) { return {op, "", std::move(args)}; }
inline Expr operator+(Expr a, Expr b) { return call(ExprOp::Add, {std::move(a), std::move(b)}); }
inline Expr operator-(Expr a, Expr b) { return call(ExprOp::Sub, {std::move(a), std::move(b)}); }
inline Expr operator*(Expr a, Expr b) { return call(ExprOp::Mul, {std::move(a), std::move(b)}); }
inline Expr operator/(Expr a, Expr b) { return call(ExprOp::Div, {std::move(a), std::move(b)}); }
inline Expr tanh(Expr a) { return call(ExprOp::Tanh, {std::move(a)}); }
inline Expr exp(Expr a) { return call(ExprOp::Exp, {std::move(a)}); }
inline Expr log(Expr a) { return call(ExprOp::Log, {std::move(a)}); }
inline Expr sqrt(Expr a) { return call(ExprOp::Sqrt, {std::move(a)}); }
inline Expr abs(Expr a) { return call(ExprOp::Abs, {std::move(a)}); }
inline Expr max(Expr a, Expr b) { return call(ExprOp::Max, {std::move(a), std::move(b)}); }
inline Expr min(Expr a, Expr b) { return call(ExprOp::Min, {std::move(a), std::move(b)}); }
inline Expr where(Expr c, Expr a, Expr b) { return call(ExprOp::Where, {std::move(c), std::move(a), std::move(b)}); }
inline Expr operator<(Expr a, Expr b) { return call(ExprOp::Lt, {std::move(a), std::move(b)}); }
inline Expr operator<=(Expr a, Expr b) { return call(ExprOp::Le, {std::move(a), std::move(b)}); }
inline Expr operator==(Expr a, Expr b) { return call(ExprOp::Eq, {std::move(a), std::move(b)}); }
inline Expr operator&&(Expr a, Expr b) { return call(ExprOp::And, {std::move(a), std::move(b)}); }
inline Expr operator||(Expr a, Expr b) { return call(ExprOp::Or, {std::move(a), std::move(b)}); }
inline Expr operator!(Expr a) { return call(ExprOp::Not, {std::move(a)}); }

using Names = std::vector<std::string>;

/// A specification with everything wanted: all outputs, cotangents of all, gradients of all primals and of the tangents
/// present.
AttentionSpec makeSpec(Expr score, std::vector<NamedInput> inputs = {}, Names tangents = {"q", "k", "v"});

inline NamedInput bias(const std::string &indices) { return {"bias", NamedInput::Kind::Bias, indices}; }
inline NamedInput scalar(const std::string &name) { return {name, NamedInput::Kind::Scalar, ""}; }
inline NamedInput headVector(const std::string &name) { return {name, NamedInput::Kind::HeadVector, "nr"}; }

/// Every score program that the tests know, by name.
struct NamedSpec {
  std::string name;
  AttentionSpec spec;
};
std::vector<NamedSpec> allSpecs();

AttentionSpec plainSpec(Names tangents = {"q", "k", "v"});
AttentionSpec softcapSpec(Names tangents = {"q", "k", "v"});

/// A random score of z, a bias, a head vector "w", a scalar "temp" and the indices; kinks included.
AttentionSpec randomSpec(std::mt19937 &random, Names tangents);

} // namespace jvpgen::test

#endif
