// Loads and stores of boxes.
#include "compiler/plan/Memory.h"

using namespace jvpgen;

void Memory::allocate(const std::string &name, IndexSet indices, double value) {
  tensors[name] = {indices, std::vector<double>(setting.extents.tuples(indices), value)};
}

std::optional<size_t> Memory::place(const DenseArray &tensor, const Sequence &sequence, const Box &box,
                                    const IndexTuple &t) const {
  IndexTuple where{};
  for (size_t k = 0; k < where.size(); ++k) where[k] = box.origin[k] + t[k];
  if (tensor.indices.has('i') && at(where, 'i') >= sequence.q_length) return std::nullopt;
  if (tensor.indices.has('j') && at(where, 'j') >= sequence.kv_length) return std::nullopt;
  at(where, 'b') = sequence.row;
  at(where, 'i') += sequence.q_first;
  at(where, 'j') += sequence.kv_first;
  return offsetOf(where, tensor.indices, setting.extents);
}

DenseArray Memory::load(const std::string &name, const Sequence &sequence, const Box &box) const {
  const DenseArray &tensor = tensors.at(name);
  DenseArray out{tensor.indices, {}};
  out.values.reserve(box.lengths.tuples(tensor.indices));
  forEachTuple(tensor.indices, box.lengths, [&](const IndexTuple &t) {
    std::optional<size_t> p = place(tensor, sequence, box, t);
    out.values.push_back(p ? tensor.values[*p] : 0);
  });
  return out;
}

void Memory::update(const std::string &name, const Sequence &sequence, const Box &box, const DenseArray &values,
                    const std::function<double(double, double)> &f) {
  DenseArray &tensor = tensors.at(name);
  forEachTuple(tensor.indices, box.lengths, [&](const IndexTuple &t) {
    if (std::optional<size_t> p = place(tensor, sequence, box, t))
      tensor.values[*p] = f(tensor.values[*p], values.values[offsetOf(t, values.indices, box.lengths)]);
  });
}

DenseArray Memory::loadAll(const std::string &name) const {
  const DenseArray &tensor = tensors.at(name);
  if (!tensor.indices.meets(kStreamed)) return tensor;
  DenseArray out{tensor.indices, std::vector<double>(tensor.values.size())};
  for (const Sequence &sequence : setting.sequences) {
    Box box{{}, setting.extents};
    box.lengths['b'] = 1, box.lengths['i'] = sequence.q_length, box.lengths['j'] = sequence.kv_length;
    forEachTuple(tensor.indices, box.lengths, [&](const IndexTuple &t) {
      if (std::optional<size_t> p = place(tensor, sequence, box, t)) out.values[*p] = tensor.values[*p];
    });
  }
  return out;
}
