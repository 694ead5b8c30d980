// One program on one key head of one sequence, a query row at a time.
#ifndef JVPGEN_REFERENCE_HEADPASS_H
#define JVPGEN_REFERENCE_HEADPASS_H

#include "reference/Access.h"
#include "reference/Dual.h"
#include "reference/Matrix.h"
#include <map>
#include <memory>
#include <string>

namespace jvpgen::reference {

/// What all heads share.
struct Setting {
  const AttentionSpec &spec;
  const Problem &problem;
  bool tangents = false;  ///< a tangent program
  bool gradients = false; ///< a backward program
  std::map<std::string, Source, std::less<>> sources;
  Rounding product = Rounding::none(); ///< operands of products
  Rounding saved = Rounding::none();   ///< o and to between the programs
  Functions functions;
  uint64_t realisation = 0; ///< of the rounding of products

  const Source *source(std::string_view name) const {
    auto found = sources.find(name);
    return found == sources.end() ? nullptr : &found->second;
  }
};

/// Outputs by name; those that are not wanted are absent. Targets of one worker.
template <typename S> using Targets = std::map<std::string, Target<S> *, std::less<>>;

/// The target for what each query row adds to the gradient of a scalar or head vector.
inline std::string byRow(const std::string &gradient) { return gradient + " by row"; }

template <typename S> class HeadPass {
public:
  HeadPass(const Setting &setting, const Place &place, Targets<S> &targets);
  void run();

private:
  using Vector = std::vector<S>;

  /// Rows of one query: the primal, its tangent, cotangents; empty where absent.
  struct Rows {
    Vector q, tq, g, h;
  };

  const Setting &setting;
  const Place place;
  Targets<S> &targets;
  std::unique_ptr<Matrix<S>> k, tk, v, tv;     ///< null where absent
  std::unique_ptr<Matrix<S>> dk, dtk, dv, dtv; ///< null where not wanted
  Tape<S> tape;
  Tape<double> maskTape;
  std::vector<const Source *> biases, masks; ///< tensors that may drop entries

  // Of the row at work:
  int64_t head = 0, query = 0;
  std::vector<int64_t> keys;          ///< those that the mask keeps, ascending
  std::map<std::string, Dual> leaves; ///< variables of the score that occurred

  std::unique_ptr<Matrix<S>> load(std::string_view name, int64_t columns);
  std::unique_ptr<Matrix<S>> accumulator(std::string_view name, int64_t columns);
  void flush(std::string_view name, Matrix<S> *matrix, int64_t columns);
  Target<S> *target(std::string_view name);
  bool hasTangent(const std::string &name) const;

  double indexValue(std::string_view name) const;
  void selectKeys();
  bool isKept(int64_t j) const;
  Dual maskVariable(const std::string &name);
  Dual scoreVariable(const std::string &name);
  Dual logit(const Rows &rows);
  Vector inputRow(const std::string &name, bool &isVector);

  Vector features(std::string_view name, int64_t columns);
  S cotangent(std::string_view name) const;
  void row();
  void store(std::string_view name, const Vector &values);
  Vector sum(const Vector &weights, const Matrix<S> &matrix, int64_t columns);
  void backward(const Rows &rows, Dual weight, Var lse, std::optional<Var> mu, const Vector &o, const Vector &to);
  void logitGradients(const Rows &rows, Dual z);
  void inputGradients();

  double chance() const;
  float someFactor() const;
  Vector rounded(Vector x) const;
  Vector roundedWeights(Vector P) const;
  Vector roundedTangents(const Vector &P, const Vector &weight, const Vector &tangent, Vector T) const;
};

extern template class HeadPass<Weighed>;
extern template class HeadPass<float>;

} // namespace jvpgen::reference

#endif
