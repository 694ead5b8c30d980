// Each tensor draws from a generator of its own, seeded by its name.
#include "tools/tensors/RandomInputs.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <numbers>
#include <set>

using namespace jvpgen;

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Generator {
public:
  Generator(uint64_t seed, std::string_view name) : state(seed * 0x9e3779b97f4a7c15u + 1) {
    for (char c : name) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  uint64_t next() {
    uint64_t x = state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }
  double uniform() { return double(next() >> 11) * 0x1p-53; }
  int64_t below(int64_t n) { return int64_t(uniform() * double(n)); }
  /// Box and Muller.
  double normal() {
    double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

private:
  uint64_t state;
};

/// Lengths of one side's sequences: the first is full, the second empty, the rest anything.
std::vector<int64_t> drawLengths(Generator &random, int64_t batch, int64_t longest) {
  std::vector<int64_t> out;
  for (int64_t b = 0; b < batch; ++b)
    out.push_back(b == 0 ? longest : b == 1 && batch > 2 ? 0 : random.below(longest + 1));
  return out;
}

class InputMaker {
public:
  InputMaker(const AttentionSpec &spec, const Problem &problem, uint64_t seed, const RandomOptions &options)
      : spec(spec), seed(seed), options(options) {
    out.problem = problem;
    drawSide("q", out.problem.q_length, out.problem.q_total, queryLengths);
    drawSide("kv", out.problem.kv_length, out.problem.kv_total, keyLengths);
  }

  RandomInputs make() && {
    std::set<std::string> names;
    for (const std::string &program : programsOf(spec))
      for (const std::string &name : inputsOf(spec, program)) names.insert(name);
    for (const char *saved : {"o", "to", "lse", "mu"}) names.erase(saved);
    std::map<std::string, std::future<HostTensor>> drawn; // each has a generator of its own
    for (const std::string &name : names)
      if (!out.tensors.contains(name))
        drawn.emplace(name, std::async(std::launch::async, [this, name] { return makeTensor(name); }));
    for (auto &[name, tensor] : drawn) out.tensors.emplace(name, tensor.get());
    return std::move(out);
  }

private:
  const AttentionSpec &spec;
  uint64_t seed;
  RandomOptions options;
  RandomInputs out;
  std::vector<int64_t> queryLengths, keyLengths;

  void drawSide(const std::string &side, int64_t &longest, int64_t &total, std::vector<int64_t> &lengths) {
    total = longest;
    if (spec.layout == Layout::Dense) return;
    Generator random(seed, side);
    lengths = drawLengths(random, out.problem.batch, longest);
    bool packed = spec.layout == Layout::Packed;
    HostTensor tensor(side + (packed ? "_offsets" : "_lengths"), DType::I32, {out.problem.batch + packed});
    int64_t end = 0;
    for (size_t b = 0; b < lengths.size(); ++b) {
      end += lengths[b];
      tensor.set(int64_t(b) + packed, double(packed ? end : lengths[b]));
    }
    if (packed) total = end;
    out.tensors.emplace(tensor.name, std::move(tensor));
  }

  HostTensor makeTensor(const std::string &name) {
    HostTensor tensor(name, typeOf(spec, name), shapeOf(spec, out.problem, name));
    Generator random(seed, name);
    const NamedInput *input = namedInputOf(spec, name);
    if (input && input->kind == NamedInput::Kind::IntVector)
      fillDocuments(tensor, random);
    else if (input && input->kind == NamedInput::Kind::Mask && options.kept_tiles.share > 0)
      fillTiles(tensor, random);
    else if (input && input->kind == NamedInput::Kind::Mask)
      fillMask(tensor, random);
    else
      fillNumbers(tensor, random, input);
    if (spec.layout == Layout::Padded) poisonPadding(tensor);
    return tensor;
  }

  void fillNumbers(HostTensor &tensor, Generator &random, const NamedInput *input) {
    bool primal = !input || tensor.name == input->name;
    bool tangent = tensor.name[0] == 't' && spec.hasTangent(std::string_view(tensor.name).substr(1));
    for (int64_t k = 0, n = tensor.elements(); k < n; ++k) {
      double x = random.normal();
      if (tensor.name == "q") x *= options.q_scale;
      if (tangent) x = options.tangent_scale * (x + options.tangent_mean);
      if (input && input->kind == NamedInput::Kind::HeadVector) x *= 0.3;
      if (input && input->kind == NamedInput::Kind::HeadVector && primal && options.geometric_head_vectors)
        x = std::exp2(-8.0 * double(k % out.problem.heads + 1) / double(out.problem.heads));
      if (input && primal) x = primalOf(*input, x, random);
      tensor.set(k, x);
    }
  }

  double primalOf(const NamedInput &input, double normal, Generator &random) const {
    if (input.kind == NamedInput::Kind::Scalar) return std::abs(normal) + 0.5;
    if (input.kind == NamedInput::Kind::IntScalar)
      return double(1 + random.below(std::max<int64_t>(1, out.problem.kv_length / 2)));
    bool drop = input.kind == NamedInput::Kind::Bias && options.bias_infinities > 0 &&
                random.uniform() < options.bias_infinities;
    return drop ? -std::numeric_limits<double>::infinity() : normal;
  }

  /// Sorted ids inside each sequence; both sides draw from the same few documents.
  void fillDocuments(HostTensor &tensor, Generator &random) {
    int64_t documents = 1 + std::min<int64_t>(7, std::min(out.problem.q_length, out.problem.kv_length) / 8);
    bool packed = tensor.shape.size() == 1, query = indicesOf(spec, tensor.name).find('i') != std::string::npos;
    const std::vector<int64_t> &lengths = query ? queryLengths : keyLengths;
    int64_t start = 0;
    for (int64_t b = 0; b < out.problem.batch; ++b) {
      int64_t count = packed ? lengths[size_t(b)] : tensor.shape[1];
      std::vector<int64_t> ids;
      for (int64_t k = 0; k < count; ++k) ids.push_back(random.below(documents));
      std::sort(ids.begin(), ids.end());
      for (int64_t id : ids) tensor.set(start++, double(id));
    }
  }

  void fillMask(HostTensor &tensor, Generator &random) {
    int64_t columns = tensor.shape[3];
    for (int64_t k = 0, n = tensor.elements(); k < n; ++k) tensor.set(k, random.uniform() >= 0.2);
    if (tensor.shape[2] <= 1) return;
    for (int64_t row = 0; columns && row < tensor.elements() / columns; ++row)
      if (random.uniform() < 0.05)
        for (int64_t j = 0; j < columns; ++j) tensor.set(row * columns + j, 0);
  }

  /// Which of rows x columns tiles are kept: one of each row, and of the others as many as the share leaves, all
  /// equally likely (each is taken with the probability left / remaining).
  std::vector<bool> drawTiles(Generator &random, int64_t rows, int64_t columns) const {
    std::vector<bool> kept(size_t(rows * columns), false);
    for (int64_t row = 0; row < rows; ++row) kept[size_t(row * columns + random.below(columns))] = true;
    int64_t left = std::llround(options.kept_tiles.share * double(rows * columns)) - rows;
    int64_t remaining = rows * columns - rows;
    for (size_t k = 0; k < kept.size(); ++k) {
      if (kept[k]) continue;
      if (random.below(remaining--) < left) kept[k] = true, --left;
    }
    return kept;
  }

  void fillTiles(HostTensor &tensor, Generator &random) const {
    const int64_t size = options.kept_tiles.size, rows = tensor.shape[2], columns = tensor.shape[3];
    const int64_t across = (columns + size - 1) / size;
    if (tensor.elements() == 0) return;
    for (int64_t plane = 0; plane < tensor.shape[0] * tensor.shape[1]; ++plane) {
      const std::vector<bool> kept = drawTiles(random, (rows + size - 1) / size, across);
      for (int64_t k = 0; k < rows * columns; ++k)
        tensor.set(plane * rows * columns + k, kept[size_t(k / columns / size * across + k % columns / size)]);
    }
  }

  /// NaN, infinities and huge numbers in turn, wherever a query or key index lies at or beyond its sequence's length.
  void poisonPadding(HostTensor &tensor) const {
    std::vector<Extent> extents = extentsOf(spec, tensor.name);
    if (extents.size() < 2 || extents[0] != Extent::Batch) return;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double poison[] = {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity, 6e4};
    bool integer = tensor.dtype == DType::I32 || tensor.dtype == DType::I8;
    for (int64_t k = 0, n = tensor.elements(); k < n; ++k) {
      int64_t rest = k, index[4] = {};
      for (size_t axis = extents.size(); axis-- > 0; rest /= tensor.shape[axis])
        index[axis] = rest % tensor.shape[axis];
      bool padding = false;
      for (size_t axis = 1; axis < extents.size(); ++axis)
        padding |= (extents[axis] == Extent::QueryRows && index[axis] >= queryLengths[size_t(index[0])]) ||
                   (extents[axis] == Extent::KeyRows && index[axis] >= keyLengths[size_t(index[0])]);
      if (padding) tensor.set(k, integer ? double(k % 2) : poison[k % 4]);
    }
  }
};

} // namespace

RandomInputs jvpgen::makeInputs(const AttentionSpec &spec, const Problem &problem, uint64_t seed,
                                const RandomOptions &options) {
  return InputMaker(spec, problem, seed, options).make();
}
