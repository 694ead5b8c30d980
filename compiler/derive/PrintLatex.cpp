// Programs as LaTeX.
#include "compiler/derive/Notation.h"
#include "compiler/derive/Print.h"

#include "llvm/ADT/STLExtras.h"
#include <sstream>

using namespace jvpgen;

namespace {

/// Names of the interface: the letter without marks, then a dot for each tangent and a bar for a cotangent or gradient.
class LatexNotation : public Notation {
public:
  explicit LatexNotation(const Program &p) {
    for (const auto &[name, t] : p.inputs)
      if (t->is(TermKind::Input) && t->inputKind == InputKind::Primal) bases.push_back(name);
    bases.insert(bases.end(), {"q", "k", "v", "o", "lse"});
  }

  std::string input(const std::string &name) const override {
    if (name == "mu") return "\\mu";
    if (name == "dmu") return "\\bar{\\mu}";
    std::string rest = name, open, close;
    auto mark = [&](char letter, const char *command) {
      if (llvm::is_contained(bases, rest) || rest.size() < 2 || rest[0] != letter) return;
      rest = rest.substr(1), open += command, close += "}";
    };
    mark('d', "\\bar{");
    mark('t', "\\dot{");
    return open + letter(rest) + close;
  }

  std::string index(const std::string &name) const override {
    static const std::map<std::string, std::string> words = {
        {"b", "\\beta"}, {"h", "h"}, {"q_length", "S_q"}, {"kv_length", "S_k"}};
    auto it = words.find(name);
    return it != words.end() ? it->second : name[0] == '#' ? "N_{" + name.substr(1) + "}" : name;
  }

  std::string symbol(const Definition &d) const override {
    static const char *letters[] = {"", "L", "\\dot{L}", "A", "P", "X", "r", "c", "s"};
    if (d.symbol == Symbol::Output) return input(d.output);
    return letters[size_t(d.symbol)] + (d.alone ? std::string() : "_{" + std::to_string(d.number) + "}");
  }

  std::string magnitude(const ScaledNumber &n) const override {
    std::string number = shortNumber(n.number);
    if (size_t slash = number.find('/'); slash != std::string::npos)
      number = "\\tfrac{" + number.substr(0, slash) + "}{" + number.substr(slash + 1) + "}";
    if (n.power == 0) return number;
    std::string power = n.power == 1 ? "\\sigma" : "\\sigma^{" + std::to_string(n.power) + "}";
    return number == "1" ? power : number + power;
  }

  std::string times(const std::string &a, const std::string &b) const override {
    bool number =
        a.find_first_not_of("0123456789") == std::string::npos || a.starts_with("\\tfrac") || a.starts_with("\\sigma");
    return a + (number ? "\\," : " \\circ ") + b;
  }
  std::string square(const Formula &x) const override { return wrap(x, Formula::Atom) + "^{\\circ 2}"; }
  std::string quotient(const Formula &a, const Formula &b) const override {
    return "\\frac{" + a.text + "}{" + b.text + "}";
  }
  std::string matmul(const Formula &a, const Formula &b) const override {
    return wrap(a, Formula::Atom) + " " + wrap(b, Formula::Atom);
  }
  std::string transposed(const Formula &a) const override { return wrap(a, Formula::Atom) + "^{\\top}"; }
  std::string rowSum(const Formula &x) const override { return "\\operatorname{rowsum}" + group(x.text); }
  std::string columnSum(const Formula &x) const override { return "\\operatorname{colsum}" + group(x.text); }
  std::string sum(IndexSet over, const Formula &x) const override {
    return "\\textstyle\\sum_{" + over.str() + "}" + group(x.text);
  }
  std::string lse(const Formula &x) const override { return "\\operatorname{logsumexp}" + group(x.text); }
  std::string weight(const Formula &x) const override { return "\\exp" + group(x.text); }

  Formula function(const std::string &name, llvm::ArrayRef<Formula> x) const override {
    auto relation = [&](const char *sign) { return Formula{"[" + x[0].text + sign + x[1].text + "]"}; };
    if (name == "lt") return relation(" < ");
    if (name == "le") return relation(" \\le ");
    if (name == "eq") return relation(" = ");
    if (name == "and") return relation(" \\wedge ");
    if (name == "or") return relation(" \\vee ");
    if (name == "not") return {"[\\neg " + x[0].text + "]"};
    if (name == "nonempty") return {"[" + x[0].text + " > -\\infty]"};
    if (name == "abs") return {"\\left|" + x[0].text + "\\right|"};
    if (name == "sqrt") return {"\\sqrt{" + x[0].text + "}"};
    if (name == "logistic") return {"\\sigma" + group(x[0].text)};
    if (name == "step") return {"\\theta" + group(x[0].text)};
    if (name == "where")
      return {"\\begin{cases}" + x[1].text + " & " + x[0].text + " \\\\ " + x[2].text + " & \\text{else}\\end{cases}"};
    std::string arguments;
    for (const Formula &f : x) arguments += (arguments.empty() ? "" : ", ") + f.text;
    bool known = llvm::is_contained({"exp", "log", "tanh", "min", "max"}, name);
    return {(known ? "\\" + name : "\\operatorname{" + name + "}") + group(arguments)};
  }

  std::string wrap(const Formula &x, Formula::Binding least) const override {
    return x.binding < least ? group(x.text) : x.text;
  }

private:
  static std::string group(const std::string &text) { return "\\left(" + text + "\\right)"; }

  /// q k v o in capitals, lse as an l, any other name upright: an input may be called P.
  static std::string letter(const std::string &name) {
    static const std::map<std::string, std::string> letters = {{"q", "Q"}, {"k", "K"},       {"v", "V"},
                                                               {"o", "O"}, {"lse", "\\ell"}, {"bias", "B"}};
    if (auto it = letters.find(name); it != letters.end()) return it->second;
    std::string escaped;
    for (char c : name) escaped += c == '_' ? std::string("\\_") : std::string(1, c);
    return "\\mathrm{" + escaped + "}";
  }

  std::vector<std::string> bases;
};

} // namespace

std::string jvpgen::printLatex(const Program &p, const Rational &scale) {
  LatexNotation notation(p);
  std::vector<Definition> listing = listingOf(p);
  FormulaWriter writer(notation, listing, scale);
  std::ostringstream out;
  out << "% " << p.name << ": \\sigma = " << shortNumber(scale) << "; masked entries of P are 0\n\\begin{aligned}\n";
  for (const Definition &d : listing) {
    const char *end = &d == &listing.back() ? "\n" : " \\\\\n";
    out << "  " << notation.symbol(d) << " &= " << writer.define(d.term).text << end;
  }
  out << "\\end{aligned}\n";
  return out.str();
}
