// The functions of the dialect's table as C++ expressions over floats.
#include "compiler/emit/Pointwise.h"
#include "compiler/emit/Text.h"

using namespace jvpgen;

/// tanh x = 1 - 2 / (1 + exp(2 x)): two instructions of the special unit; exact to 2^-23 of 1.
static std::string fastTanh(const std::string &x) {
  return "1.f - 2.f * recip_fast(1.f + exp2_fast(2.88539008f * (" + x + ")))";
}

Result<std::string> jvpgen::applyText(llvm::StringRef f, llvm::ArrayRef<std::string> a, bool precise) {
  auto call = [&](const std::string &name) {
    std::string out = name + "(" + a[0];
    for (const std::string &x : a.drop_front()) out += ", " + x;
    return out + ")";
  };
  auto truth = [](const std::string &condition) { return condition + " ? 1.f : 0.f"; };
  if (f == "exp") return "exp2_fast(1.44269504f * (" + a[0] + "))";
  if (f == "log") return "0.693147181f * log2_fast(" + a[0] + ")";
  if (f == "tanh") return precise ? call("tanh_exact") : fastTanh(a[0]);
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
