// The functions of the dialect's table as C++ expressions over floats.
#include "compiler/emit/Pointwise.h"
#include "compiler/emit/Text.h"
#include <numbers>

using namespace jvpgen;

/// exp(x) = exp2(k x) and logistic(x) = 1 / (1 + exp2(-k x)),  k = log2 e
double jvpgen::argumentScale(llvm::StringRef f) {
  return f == "exp" ? std::numbers::log2e : f == "logistic" ? -std::numbers::log2e : 1;
}

Result<std::string> jvpgen::applyText(llvm::StringRef f, llvm::ArrayRef<std::string> a) {
  auto call = [&](const std::string &name) {
    std::string out = name + "(" + a[0];
    for (const std::string &x : a.drop_front()) out += ", " + x;
    return out + ")";
  };
  auto truth = [](const std::string &condition) { return condition + " ? 1.f : 0.f"; };
  if (f == "exp") return call("exp2_fast");
  if (f == "logistic") return "recip_fast(1.f + " + call("exp2_fast") + ")";
  if (f == "log") return "0.693147181f * log2_fast(" + a[0] + ")";
  if (f == "tanh") return call("tanh_exact");
  if (f == "sqrt") return call("sqrt_exact");
  if (f == "abs") return call("magnitude");
  if (f == "min") return call("least");
  if (f == "max") return call("greatest");
  if (f == "where") return a[0] + " != 0.f ? " + a[1] + " : " + a[2];
  if (f == "lt") return truth(a[0] + " < " + a[1]);
  if (f == "le") return truth(a[0] + " <= " + a[1]);
  if (f == "eq") return truth(a[0] + " == " + a[1]);
  if (f == "recip") return call("recip_fast");
  if (f == "recip0") return a[0] + " == 0.f ? 0.f : recip_fast(" + a[0] + ")";
  if (f == "sign") return "(" + a[0] + " > 0.f ? 1.f : 0.f) - (" + a[0] + " < 0.f ? 1.f : 0.f)";
  if (f == "step") return a[0] + " > 0.f ? 1.f : " + a[0] + " < 0.f ? 0.f : 0.5f";
  if (f == "nonempty") return truth(a[0] + " > -infinity()");
  if (f == "and") return truth(a[0] + " != 0.f && " + a[1] + " != 0.f");
  if (f == "or") return truth(a[0] + " != 0.f || " + a[1] + " != 0.f");
  if (f == "not") return truth(a[0] + " == 0.f");
  return fail(ErrorKind::Unsupported,
              "the function \"" + f.str() + "\" has no CUDA text; use one of the specification's functions.");
}
