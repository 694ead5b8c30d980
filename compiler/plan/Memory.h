// Tensors by name as a plan's interpreter sees them: boxes of sequences are read with zeros beyond the lengths, and
// written.
#ifndef JVPGEN_COMPILER_PLAN_MEMORY_H
#define JVPGEN_COMPILER_PLAN_MEMORY_H

#include "compiler/plan/Elements.h"
#include "compiler/plan/Interpret.h"

namespace jvpgen {

class Memory {
public:
  Memory(const PlanSetting &setting, std::map<std::string, DenseArray> tensors)
      : setting(setting), tensors(std::move(tensors)) {}

  bool has(const std::string &name) const { return tensors.count(name); }
  const DenseArray &tensor(const std::string &name) const { return tensors.at(name); }
  void allocate(const std::string &name, IndexSet indices, double value = 0);
  void assign(const std::string &name, DenseArray values) { tensors[name] = std::move(values); }

  /// The box of a sequence: rows i0.. and keys j0.. of it, heads n and r (all r if the box has several).
  DenseArray load(const std::string &name, const Sequence &sequence, const Box &box) const;

  /// Elements of a box that lie inside the sequence become f(old, new).
  void update(const std::string &name, const Sequence &sequence, const Box &box, const DenseArray &values,
              const std::function<double(double, double)> &f);

  /// The whole tensor, zero where no sequence is.
  DenseArray loadAll(const std::string &name) const;

private:
  /// The element's place in the tensor; nothing beyond the sequence.
  std::optional<size_t> place(const DenseArray &tensor, const Sequence &sequence, const Box &box,
                              const IndexTuple &t) const;

  const PlanSetting &setting;
  std::map<std::string, DenseArray> tensors;
};

} // namespace jvpgen

#endif
