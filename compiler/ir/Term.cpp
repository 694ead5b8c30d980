// The normalising constructors of terms.
#include "compiler/ir/Term.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <algorithm>
#include <map>

using namespace jvpgen;

/// The identity of a node: everything but what follows from its arguments.
static bool sameNode(const TermNode &a, const TermNode &b) {
  return a.kind == b.kind && a.over == b.over && a.args == b.args && a.name == b.name && a.inputKind == b.inputKind &&
         a.constant == b.constant && a.coefficients == b.coefficients &&
         (!a.is(TermKind::Input) || a.indices == b.indices);
}

static llvm::hash_code hashOf(const Rational &r) { return llvm::hash_combine(r.num, r.den); }

static size_t hashOf(const TermNode &n) {
  llvm::hash_code h = llvm::hash_combine(n.kind, n.over.raw(), n.name, n.inputKind, hashOf(n.constant));
  if (n.is(TermKind::Input)) h = llvm::hash_combine(h, n.indices.raw());
  for (Term a : n.args) h = llvm::hash_combine(h, a->id);
  for (const Rational &c : n.coefficients) h = llvm::hash_combine(h, hashOf(c));
  return h;
}

struct TermContext::Table {
  std::unordered_multimap<size_t, std::unique_ptr<TermNode>> nodes;
};

TermContext::TermContext() : table(std::make_unique<Table>()) { zero(), one(); }
TermContext::~TermContext() = default;

static bool isStreamedSum(const TermNode &n) { return n.kind == TermKind::Sum && n.over.meets(kStreamed); }

Term TermContext::raw(TermNode node) {
  size_t hash = hashOf(node);
  auto [first, last] = table->nodes.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (sameNode(*it->second, node)) return it->second.get();
  node.id = unsigned(table->nodes.size()) + 1;
  node.context = this;
  node.reduced |= node.kind == TermKind::Lse || isStreamedSum(node) ||
                  (node.kind == TermKind::Input && node.inputKind == InputKind::Saved);
  node.cotangent |= node.kind == TermKind::Input && node.inputKind == InputKind::Cotangent;
  for (Term a : node.args) {
    node.indices |= a->indices;
    node.reduced |= a->reduced;
    node.cotangent |= a->cotangent;
  }
  node.indices = node.indices - node.over;
  return table->nodes.emplace(hash, std::make_unique<TermNode>(std::move(node)))->second.get();
}

Term TermContext::constant(const Rational &value) {
  TermNode n{.kind = TermKind::Constant};
  n.constant = mlir::presburger::reduce(value);
  return raw(std::move(n));
}

Term TermContext::input(const std::string &name, IndexSet indices, InputKind kind) {
  TermNode n{.kind = TermKind::Input, .name = name, .inputKind = kind};
  n.indices = indices;
  return raw(std::move(n));
}

Term TermContext::index(const std::string &name) {
  TermNode n{.kind = TermKind::Index, .name = name};
  n.indices = name == "h" ? IndexSet("nr") : name == "q_length" || name == "kv_length" ? IndexSet("b") : IndexSet(name);
  return raw(std::move(n));
}

Term TermContext::size(char index) { return raw({.kind = TermKind::Size, .name = std::string(1, index)}); }

bool jvpgen::isLetter(Term t) {
  return t->is(TermKind::Lin) && t->args.size() + (t->constant != Rational(0)) > 1 && !t->reduced && !t->cotangent &&
         !t->indices.meets(kFeature);
}

std::vector<Term> jvpgen::factorsOf(Term t) { return t->is(TermKind::Mul) ? t->args : std::vector<Term>{t}; }

/// A lin of one term without constant: a mere scale.
static bool isScale(Term t) { return t->is(TermKind::Lin) && t->args.size() == 1 && t->constant == Rational(0); }

/// The factors that all summands share, with multiplicity: the content of a letter.
static std::vector<Term> contentOf(llvm::ArrayRef<Summand> terms) {
  std::vector<Term> common;
  for (Term f : factorsOf(terms.front().first)) {
    if (llvm::is_contained(common, f)) continue;
    if (llvm::all_of(terms, [&](const Summand &s) { return llvm::is_contained(factorsOf(s.first), f); }))
      common.push_back(f);
  }
  return common;
}

// lin: c0 + sum_k c_k t_k, flattened, equal terms merged; divided by the newest term's coefficient, so that all
// multiples of one combination share a node; a factor common to all terms of a letter leaves it.
Term TermContext::lin(std::vector<Summand> terms, Rational c0) {
  std::map<unsigned, Summand> merged;
  std::vector<Summand> stack(terms.rbegin(), terms.rend());
  while (!stack.empty()) {
    auto [t, c] = std::move(stack.back());
    stack.pop_back();
    if (t->is(TermKind::Constant))
      c0 += c * t->constant;
    else if (t->is(TermKind::Lin) && !isLetter(t)) {
      c0 += c * t->constant;
      for (size_t k = t->args.size(); k--;) stack.push_back({t->args[k], c * t->coefficients[k]});
    } else {
      auto [it, isNew] = merged.try_emplace(t->id, t, c);
      if (!isNew) it->second.second += c;
    }
  }
  std::vector<Summand> out;
  for (auto &[id, s] : merged)
    if (s.second != Rational(0)) out.push_back(s);
  bool pure = c0 == Rational(0);
  if (out.empty()) return constant(c0);
  if (pure && out.size() == 1 && out[0].second == Rational(1)) return out[0].first;
  auto make = [&](llvm::ArrayRef<Summand> parts, const Rational &rest, const Rational &divisor) {
    TermNode n{.kind = TermKind::Lin};
    for (const Summand &s : parts) n.args.push_back(s.first), n.coefficients.push_back(s.second / divisor);
    n.constant = rest / divisor;
    return raw(std::move(n));
  };
  if (pure && out.size() == 1) return make(out, c0, Rational(1));
  bool letter = llvm::none_of(
      out, [](const Summand &s) { return s.first->reduced || s.first->cotangent || s.first->indices.meets(kFeature); });
  if (letter && pure) {
    std::vector<Term> common = contentOf(out);
    if (!common.empty()) {
      for (Summand &s : out) {
        std::vector<Term> fs = factorsOf(s.first);
        for (Term f : common) fs.erase(std::find(fs.begin(), fs.end(), f));
        s.first = mul(fs);
      }
      common.push_back(lin(out));
      return mul(common);
    }
  }
  Rational ray = out.back().second;
  Term body = make(out, c0, ray);
  return ray == Rational(1) ? body : make({{body, ray}}, Rational(0), Rational(1));
}

// mul: flattened and sorted, coefficients outside, x * 1/x = 1.
Term TermContext::mul(const std::vector<Term> &factors) {
  Rational c(1);
  std::vector<Term> fs, stack(factors.begin(), factors.end());
  while (!stack.empty()) {
    Term f = stack.back();
    stack.pop_back();
    if (f->is(TermKind::Constant))
      c *= f->constant;
    else if (f->is(TermKind::Mul))
      stack.insert(stack.end(), f->args.begin(), f->args.end());
    else if (isScale(f))
      c *= f->coefficients[0], stack.push_back(f->args[0]);
    else
      fs.push_back(f);
  }
  if (c == Rational(0)) return zero();
  for (bool again = true; again;) {
    again = false;
    for (size_t k = 0; k < fs.size() && !again; ++k) {
      if (!fs[k]->is(TermKind::Apply) || (fs[k]->name != "recip" && fs[k]->name != "recip0")) continue;
      auto inverse = std::find(fs.begin(), fs.end(), fs[k]->args[0]);
      if (inverse == fs.end()) continue;
      Term pair[2] = {fs[k], *inverse};
      for (Term f : pair) fs.erase(std::find(fs.begin(), fs.end(), f));
      again = true;
    }
  }
  llvm::sort(fs, [](Term a, Term b) { return a->id < b->id; });
  if (fs.empty()) return constant(c);
  Term body = fs.size() == 1 ? fs[0] : raw({.kind = TermKind::Mul, .args = fs});
  return lin({{body, c}});
}

// sum: linear; factors free of the summed indices leave; nested sums merge, tile sums outermost. A sum of tiles without
// feature index is not distributed over its terms.
Term TermContext::sum(IndexSet over, Term body) {
  if (over.empty() || body->isZero()) return body;
  bool plainTile = body->isTile() && !body->indices.meets(kFeature);
  if (body->is(TermKind::Lin) && (body->args.size() == 1 || !plainTile)) {
    std::vector<Summand> parts;
    for (auto [a, c] : llvm::zip(body->args, body->coefficients)) parts.push_back({sum(over, a), c});
    if (body->constant != Rational(0)) parts.push_back({sum(over, one()), body->constant});
    return lin(std::move(parts));
  }
  std::vector<Term> inside, outside;
  IndexSet live;
  for (Term f : factorsOf(body)) {
    (f->indices.meets(over) ? inside : outside).push_back(f);
    live |= f->indices & over;
  }
  for (char c : (over - live).str()) outside.push_back(size(c));
  if (live.empty()) return mul(outside);
  // sum_j x sum_b y = sum_bj x y
  if (over.meets(kStreamed) && !over.meets(kFeature))
    for (size_t k = 0; k < inside.size(); ++k) {
      Term f = inside[k];
      std::vector<Term> rest = inside;
      rest.erase(rest.begin() + long(k));
      if (!f->is(TermKind::Sum) || f->over.meets(kFeature | kStreamed)) continue;
      if (llvm::any_of(rest, [&](Term r) { return r->indices.meets(f->over); })) continue;
      rest.push_back(f->args[0]);
      outside.push_back(sum(over | f->over, mul(rest)));
      return mul(outside);
    }
  Term core = mul(inside);
  if (isScale(core)) outside.push_back(constant(core->coefficients[0])), core = core->args[0];
  if (core->is(TermKind::Sum)) live |= core->over, core = core->args[0];
  TermNode n{.kind = TermKind::Sum, .args = {core}};
  n.over = live;
  outside.push_back(raw(std::move(n)));
  return mul(outside);
}

Term TermContext::apply(const std::string &function, std::vector<Term> args) {
  if (function == "recip" && args[0]->is(TermKind::Constant) && !args[0]->isZero())
    return constant(Rational(1) / args[0]->constant);
  return raw({.kind = TermKind::Apply, .name = function, .args = std::move(args)});
}

Term TermContext::lse(IndexSet over, Term score, const std::string &mask) {
  TermNode n{.kind = TermKind::Lse, .name = mask, .args = {score}};
  n.over = over;
  return raw(std::move(n));
}

Term TermContext::mexp(Term exponent, const std::string &mask) {
  return raw({.kind = TermKind::Mexp, .name = mask, .args = {exponent}});
}

Term TermContext::divide(Term a, Term b) {
  return b->is(TermKind::Constant) && !b->isZero() ? scale(Rational(1) / b->constant, a)
                                                   : mul({a, apply("recip", {b})});
}

Term TermContext::remake(Term t, const std::vector<Term> &args) {
  if (args == t->args) return t;
  switch (t->kind) {
  case TermKind::Lin: {
    std::vector<Summand> parts;
    for (auto [a, c] : llvm::zip(args, t->coefficients)) parts.push_back({a, c});
    return lin(std::move(parts), t->constant);
  }
  case TermKind::Mul: return mul(args);
  case TermKind::Sum: return sum(t->over, args[0]);
  case TermKind::Apply: return apply(t->name, args);
  case TermKind::Lse: return lse(t->over, args[0], t->name);
  case TermKind::Mexp: return mexp(args[0], t->name);
  default: return t;
  }
}

std::vector<Term> jvpgen::topologicalOrder(const std::vector<Term> &roots) {
  std::vector<Term> out;
  llvm::SmallPtrSet<Term, 32> seen;
  std::vector<std::pair<Term, bool>> stack;
  for (Term r : llvm::reverse(roots)) stack.push_back({r, false});
  while (!stack.empty()) {
    auto [t, done] = stack.back();
    stack.pop_back();
    if (done) {
      out.push_back(t);
      continue;
    }
    if (!seen.insert(t).second) continue;
    stack.push_back({t, true});
    for (Term a : llvm::reverse(t->args)) stack.push_back({a, false});
  }
  return out;
}

static std::string printLin(Term t) {
  std::string out;
  auto append = [&](const Rational &c, const std::string &what) {
    bool negative = c < Rational(0);
    Rational magnitude = negative ? -c : c;
    std::string number = magnitude == Rational(1) && !what.empty() ? "" : print(magnitude);
    out += out.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
    out += number + (number.empty() || what.empty() ? "" : "*") + what;
  };
  for (auto [a, c] : llvm::zip(t->args, t->coefficients)) append(c, print(a));
  if (t->constant != Rational(0)) append(t->constant, "");
  return isScale(t) ? out : "(" + out + ")";
}

std::string jvpgen::print(Term t) {
  auto list = [&](const char *separator) {
    std::string out;
    for (Term a : t->args) out += (out.empty() ? "" : separator) + print(a);
    return out;
  };
  switch (t->kind) {
  case TermKind::Input:
  case TermKind::Index: return t->name;
  case TermKind::Size: return "#" + t->name;
  case TermKind::Constant: return print(t->constant);
  case TermKind::Lin: return printLin(t);
  case TermKind::Mul: return list("*");
  case TermKind::Sum: return "sum_" + t->over.str() + "[" + list("") + "]";
  case TermKind::Lse: return "lse_" + t->over.str() + "[" + list("") + "]";
  case TermKind::Mexp: return "mexp(" + list("") + ")";
  case TermKind::Apply: return t->name + "(" + list(", ") + ")";
  }
  return "";
}
