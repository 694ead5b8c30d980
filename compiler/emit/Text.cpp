#include "compiler/emit/Text.h"

#include "llvm/ADT/StringSet.h"

using namespace jvpgen;

std::string jvpgen::identifier(llvm::StringRef name) {
  static const llvm::StringSet<> own = {
      "q",     "k",     "v",      "o",    "to",        "tq",         "tk",        "tv",        "dto", "dq",
      "dk",    "dv",    "dtq",    "dtk",  "dtv",       "lse",        "mu",        "dlse",      "dmu", "bias",
      "tbias", "dbias", "dtbias", "mask", "q_lengths", "kv_lengths", "q_offsets", "kv_offsets"};
  return own.contains(name) ? name.str() : name.str() + "_";
}

std::string jvpgen::literal(double x) {
  char buffer[32];
  for (int digits = 1; digits <= 9; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, x);
    if (std::strtof(buffer, nullptr) == static_cast<float>(x)) break;
  }
  std::string text = buffer;
  if (text.find_first_of(".e") == std::string::npos) text += ".";
  return text + "f";
}

std::string jvpgen::scaled(double coefficient, const std::string &factor) {
  if (factor.empty()) return literal(coefficient);
  if (coefficient == 1) return factor;
  if (coefficient == -1) return "-" + factor;
  return literal(coefficient) + " * " + factor;
}

std::string jvpgen::joinTerms(llvm::ArrayRef<std::string> terms) {
  std::string out;
  for (const std::string &term : terms)
    if (out.empty())
      out = term;
    else if (term[0] == '-')
      out += " - " + term.substr(1);
    else
      out += " + " + term;
  return out.empty() ? "0.f" : out;
}

std::string jvpgen::indent(llvm::StringRef text, int columns) {
  std::string out;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    if (!line.empty() && line[0] != '#') out += std::string(columns, ' ');
    out += line.str() + "\n";
    text = rest;
  }
  return out;
}
