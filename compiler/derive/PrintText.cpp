// Programs as text.
#include "compiler/derive/Notation.h"
#include "compiler/derive/Print.h"
#include "compiler/derive/Stats.h"

#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <set>
#include <sstream>

using namespace jvpgen;

namespace {

class TextNotation : public Notation {
public:
  explicit TextNotation(const Program &p) {
    for (const auto &[name, t] : p.inputs) taken.insert(name);
  }

  std::string input(const std::string &name) const override { return name; }

  std::string index(const std::string &name) const override {
    static const std::map<std::string, std::string> words = {
        {"i", "q_index"}, {"j", "kv_index"}, {"b", "batch"}, {"h", "head"}};
    auto it = words.find(name);
    return it == words.end() ? name : it->second;
  }

  std::string symbol(const Definition &d) const override {
    static const char *letters[] = {"", "qk", "tqk", "a", "P", "X", "row", "col", "c"};
    if (d.symbol == Symbol::Output) return d.output;
    std::string out = letters[size_t(d.symbol)] + (d.alone ? std::string() : std::to_string(d.number));
    while (taken.contains(out)) out += '_'; // an input may be called P
    return out;
  }

  std::string magnitude(const ScaledNumber &n) const override {
    std::string number = shortNumber(n.number);
    if (n.power == 0) return number;
    std::string power = n.power == 1 ? "scale" : "scale^" + std::to_string(n.power);
    return number == "1" ? power : number + "*" + power;
  }

  std::string times(const std::string &a, const std::string &b) const override { return a + "*" + b; }
  std::string square(const Formula &x) const override { return wrap(x, Formula::Atom) + "^2"; }
  std::string quotient(const Formula &a, const Formula &b) const override {
    return wrap(a, Formula::Product) + "/" + wrap(b, Formula::Atom);
  }
  std::string matmul(const Formula &a, const Formula &b) const override {
    return "(" + wrap(a, Formula::Atom) + " @ " + wrap(b, Formula::Atom) + ")";
  }
  std::string transposed(const Formula &a) const override { return wrap(a, Formula::Atom) + "^T"; }
  std::string rowSum(const Formula &x) const override { return "rowsum(" + x.text + ")"; }
  std::string columnSum(const Formula &x) const override { return "colsum(" + x.text + ")"; }
  std::string sum(IndexSet over, const Formula &x) const override { return "sum_" + over.str() + "(" + x.text + ")"; }
  std::string lse(const Formula &x) const override { return "logsumexp(" + x.text + ")"; }
  std::string weight(const Formula &x) const override { return "masked_exp(" + x.text + ")"; }

  Formula function(const std::string &name, llvm::ArrayRef<Formula> x) const override {
    std::string out = name + "(";
    for (const Formula &f : x) out += (&f == x.begin() ? "" : ", ") + f.text;
    return {out + ")"};
  }

  std::string wrap(const Formula &x, Formula::Binding least) const override {
    return x.binding < least ? "(" + x.text + ")" : x.text;
  }

private:
  std::set<std::string> taken;
};

} // namespace

/// "(a @ b)" alone on a line needs no parentheses.
static std::string withoutOuterParentheses(const std::string &text) {
  if (text.empty() || text.front() != '(' || text.back() != ')') return text;
  int depth = 0;
  for (size_t k = 0; k < text.size(); ++k) {
    depth += text[k] == '(' ? 1 : text[k] == ')' ? -1 : 0;
    if (depth == 0 && k + 1 < text.size()) return text;
  }
  return text.substr(1, text.size() - 2);
}

static std::string headline(const Program &p, const Rational &scale) {
  Stats s = statsOf(p);
  std::ostringstream out;
  out << p.name << ": " << s.matmuls << " matmuls, " << s.sweeps << (s.sweeps == 1 ? " sweep" : " sweeps");
  bool reads = std::any_of(p.inputs.begin(), p.inputs.end(),
                           [](const auto &x) { return x.second->inputKind == InputKind::Saved; });
  if (!s.saved.empty()) out << (reads ? ", reads saved " : ", saves ") << llvm::join(s.saved, " ");
  out << "; scale = " << shortNumber(scale);
  return out.str();
}

std::string jvpgen::printText(const Program &p, const Rational &scale) {
  TextNotation notation(p);
  std::vector<Definition> listing = listingOf(p);
  FormulaWriter writer(notation, listing, scale);
  size_t width = 0;
  for (const Definition &d : listing) width = std::max(width, notation.symbol(d).size());
  std::string out = headline(p, scale) + "\n";
  for (const Definition &d : listing) {
    std::string left = notation.symbol(d);
    std::string indices = "[" + d.term->indices.str() + "]";
    out += "  " + left + std::string(width - left.size() + 1, ' ') + indices +
           std::string(indices.size() < 8 ? 8 - indices.size() : 0, ' ') + " = " +
           withoutOuterParentheses(writer.define(d.term).text) + "\n";
  }
  return out;
}
