// A program: named results as terms over named inputs; what the stages from import to plan hand to one another.
#ifndef JVPGEN_COMPILER_IR_PROGRAM_H
#define JVPGEN_COMPILER_IR_PROGRAM_H

#include "compiler/ir/Term.h"
#include <string>
#include <utility>
#include <vector>

namespace jvpgen {

/// The two feature lengths; a product over d counts 1, a product over e counts v/qk.
struct HeadDims {
  int qk = 64, v = 64;
};

struct Program {
  std::string name; ///< forward, tangent_forward, backward, tangent_backward, or any
  HeadDims dims;
  std::vector<std::pair<std::string, Term>> inputs;  ///< what may be read, in the interface's order
  std::vector<std::pair<std::string, Term>> outputs; ///< what is computed; a structural zero is the constant 0

  /// The input or output of that name, null if there is none.
  Term input(const std::string &wanted) const { return find(inputs, wanted); }
  Term output(const std::string &wanted) const { return find(outputs, wanted); }

  std::vector<Term> roots() const {
    std::vector<Term> out;
    for (const auto &[name, term] : outputs) out.push_back(term);
    return out;
  }

  /// The same names with other terms, in order.
  Program withRoots(const std::vector<Term> &terms) const {
    Program out = *this;
    for (size_t k = 0; k < terms.size(); ++k) out.outputs[k].second = terms[k];
    return out;
  }

private:
  static Term find(const std::vector<std::pair<std::string, Term>> &list, const std::string &wanted) {
    for (const auto &[name, term] : list)
      if (name == wanted) return term;
    return nullptr;
  }
};

} // namespace jvpgen

#endif
