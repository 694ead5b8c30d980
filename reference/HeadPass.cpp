// Scores on the tape, products with V by the bilinear rule, gradients by the tape's reverse walk.
#include "reference/HeadPass.h"
#include "reference/ExpressionTree.h"

#include <limits>

using namespace jvpgen;
using namespace jvpgen::reference;

template <typename S>
HeadPass<S>::HeadPass(const Setting &setting, const Place &place, Targets<S> &targets)
    : setting(setting), place(place), targets(targets), tape(setting.functions) {
  int64_t dQk = setting.spec.head_dim_qk, dV = setting.spec.head_dim_v;
  k = load("k", dQk), v = load("v", dV);
  if (setting.tangents) tk = load("tk", dQk), tv = load("tv", dV);
  dk = accumulator("dk", dQk), dtk = accumulator("dtk", dQk);
  dv = accumulator("dv", dV), dtv = accumulator("dtv", dV);
  for (const NamedInput &input : setting.spec.inputs)
    if (const Source *source = setting.source(input.name)) {
      if (input.kind == NamedInput::Kind::Bias) biases.push_back(source);
      if (input.kind == NamedInput::Kind::Mask) masks.push_back(source);
    }
}

template <typename S> void HeadPass<S>::run() {
  if (place.kv_length == 0) return; // every row is one without keys
  int64_t group = setting.problem.group();
  for (int64_t r = 0; r < group; ++r) {
    head = place.kv_head * group + r;
    for (query = 0; query < place.q_length; ++query) row();
  }
  flush("dk", dk.get(), setting.spec.head_dim_qk), flush("dtk", dtk.get(), setting.spec.head_dim_qk);
  flush("dv", dv.get(), setting.spec.head_dim_v), flush("dtv", dtv.get(), setting.spec.head_dim_v);
}

template <typename S> std::unique_ptr<Matrix<S>> HeadPass<S>::load(std::string_view name, int64_t columns) {
  const Source *source = setting.source(name);
  if (!source) return nullptr;
  auto out = std::make_unique<Matrix<S>>(place.kv_length, columns);
  for (int64_t j = 0; j < place.kv_length; ++j) {
    source->readFeatures(place, head, 0, j, columns, out->row(j));
    for (int64_t d = 0; d < columns; ++d) out->row(j)[d] = setting.product(out->row(j)[d]);
  }
  out->transpose();
  return out;
}

template <typename S> std::unique_ptr<Matrix<S>> HeadPass<S>::accumulator(std::string_view name, int64_t columns) {
  return target(name) ? std::make_unique<Matrix<S>>(place.kv_length, columns) : nullptr;
}

template <typename S> void HeadPass<S>::flush(std::string_view name, Matrix<S> *matrix, int64_t columns) {
  for (int64_t j = 0; matrix && j < place.kv_length; ++j)
    std::copy_n(matrix->row(j), columns, target(name)->at(place, head, 0, j));
}

template <typename S> Target<S> *HeadPass<S>::target(std::string_view name) {
  auto found = targets.find(name);
  return found == targets.end() ? nullptr : found->second;
}

// ---- masks
// -----------------------------------------------------------------------------------------------------------

template <typename S> double HeadPass<S>::indexValue(std::string_view name) const {
  if (name == "q_index") return double(query);
  if (name == "head") return double(head);
  if (name == "batch") return double(place.batch);
  if (name == "q_length") return double(place.q_length);
  if (name == "kv_length") return double(place.kv_length);
  return std::numeric_limits<double>::quiet_NaN();
}

template <typename S> Dual HeadPass<S>::maskVariable(const std::string &name) {
  std::vector<double> values;
  if (name == "kv_index") {
    for (int64_t j = 0; j < place.kv_length; ++j) values.push_back(double(j));
  } else if (const NamedInput *input = setting.spec.input(name)) {
    bool byKey = input->indices.find('j') != std::string::npos;
    for (int64_t j = 0; j < (byKey ? place.kv_length : 1); ++j)
      values.push_back(setting.source(name)->read(place, head, query, j));
  } else {
    values = {indexValue(name)};
  }
  return {maskTape.leaf(std::move(values)), {}};
}

/// The boolean tensor and a bias of -inf drop entries besides the predicate.
template <typename S> bool HeadPass<S>::isKept(int64_t j) const {
  for (const Source *mask : masks)
    if (mask->read(place, head, query, j) == 0) return false;
  for (const Source *bias : biases)
    if (bias->read(place, head, query, j) == -std::numeric_limits<double>::infinity()) return false;
  return true;
}

template <typename S> void HeadPass<S>::selectKeys() {
  keys.clear();
  std::vector<double> predicate = {1};
  if (setting.spec.mask) {
    maskTape.clear();
    auto variable = [&](const std::string &name) { return maskVariable(name); };
    predicate = maskTape.value(evaluateTree<double>(*setting.spec.mask, maskTape, variable).value);
  }
  for (int64_t j = 0; j < place.kv_length; ++j)
    if (predicate[predicate.size() == 1 ? 0 : size_t(j)] != 0 && isKept(j)) keys.push_back(j);
}

// ---- scores
// ----------------------------------------------------------------------------------------------------------

template <typename S> bool HeadPass<S>::hasTangent(const std::string &name) const {
  return setting.tangents && setting.spec.hasTangent(name);
}

/// An input at this row: a single entry, or one for each key that is kept.
template <typename S> std::vector<S> HeadPass<S>::inputRow(const std::string &name, bool &isVector) {
  const Source *source = setting.source(name);
  isVector = namedInputOf(setting.spec, name)->kind == NamedInput::Kind::Bias;
  if (!isVector) return {S(source->read(place, head, query, 0))};
  Vector out;
  for (int64_t j : keys) out.push_back(S(source->read(place, head, query, j)));
  return out;
}

template <typename S> Dual HeadPass<S>::scoreVariable(const std::string &name) {
  auto found = leaves.find(name);
  if (found != leaves.end()) return found->second;
  Dual out;
  bool isVector = false;
  if (name == "kv_index") {
    Vector indices;
    for (int64_t j : keys) indices.push_back(S(double(j)));
    out.value = tape.leaf(std::move(indices));
  } else if (setting.spec.input(name)) {
    out.value = tape.leaf(inputRow(name, isVector));
    if (hasTangent(name)) out.tangent = tape.leaf(inputRow("t" + name, isVector));
  } else {
    out.value = tape.leaf(S(indexValue(name)));
  }
  leaves.emplace(name, out);
  return out;
}

/// z_j = scale q.k_j and tz_j = scale (tq.k_j + q.tk_j); a part of the scale may have gone into q and tq.
template <typename S> Dual HeadPass<S>::logit(const Rows &rows) {
  S part(someFactor()), scale(setting.spec.softmax_scale / double(someFactor()));
  auto scaled = [&](Vector x) {
    for (S &entry : x) entry = part * entry;
    return x;
  };
  Vector q = scaled(rows.q), tq = scaled(rows.tq);
  Vector z(keys.size(), S(0)), tz(keys.size(), S(0));
  k->addProducts(q, keys, z);
  for (S &x : z) x = scale * x;
  Dual out{tape.leaf(std::move(z)), {}};
  if (!hasTangent("q") && !hasTangent("k")) return out;
  if (!tq.empty()) k->addProducts(tq, keys, tz);
  if (tk) tk->addProducts(q, keys, tz);
  for (S &x : tz) x = scale * x;
  out.tangent = tape.leaf(std::move(tz));
  return out;
}

// ---- one row
// ---------------------------------------------------------------------------------------------------------

template <typename S> std::vector<S> HeadPass<S>::features(std::string_view name, int64_t columns) {
  const Source *source = setting.source(name);
  if (!source) return {};
  Vector out(static_cast<size_t>(columns));
  source->readFeatures(place, head, query, 0, columns, out.data());
  for (S &x : out) x = setting.product(x);
  return out;
}

template <typename S> S HeadPass<S>::cotangent(std::string_view name) const {
  const Source *source = setting.source(name);
  return source ? S(source->read(place, head, query, 0)) : S(0);
}

template <typename S> void HeadPass<S>::store(std::string_view name, const Vector &values) {
  if (Target<S> *to = target(name)) std::copy(values.begin(), values.end(), to->at(place, head, query, 0));
}

template <typename S> std::vector<S> HeadPass<S>::sum(const Vector &weights, const Matrix<S> &matrix, int64_t columns) {
  Vector out(size_t(columns), S(0));
  matrix.addCombination(weights, keys, out);
  return out;
}

// ---- realisations of rounding
// ------------------------------------------------------------------------------------------

/// In [0, 1), another for each row and realisation.
template <typename S> double HeadPass<S>::chance() const {
  uint64_t row = (uint64_t(place.batch) << 16 ^ uint64_t(head)) << 28 ^ uint64_t(query);
  return scattered(row ^ setting.realisation * 0xd6e8feb86659fd93);
}

template <typename S> float HeadPass<S>::someFactor() const {
  return setting.realisation == 0 ? 1 : float(1 + chance());
}

template <typename S> std::vector<S> HeadPass<S>::rounded(Vector x) const {
  float c = someFactor();
  for (S &entry : x) entry = setting.product(entry, c);
  return x;
}

/// P is rounded as it is, not at all, or relative to that of one of the keys: an online softmax has it relative to the
/// largest score so far. It is 1 then, and exact, where a row has a single key.
template <typename S> std::vector<S> HeadPass<S>::roundedWeights(Vector P) const {
  if (setting.realisation == 1) return P;
  float reference = setting.realisation == 0 ? 1 : float(valueOf(P[size_t(chance() * double(P.size()))]));
  float c = reference > 0x1p-100f ? 1 / reference : 1;
  for (S &entry : P) entry = setting.product(entry, c);
  return P;
}

/// T is rounded about mu, or about the tangent r of one of the keys, for mu is not known before the last key:
///     T_j = w_j - u P_j   with w_j = P_j (tS_j - r) rounded, u = sum_j w_j / sum_j P_j
template <typename S>
std::vector<S> HeadPass<S>::roundedTangents(const Vector &P, const Vector &weight, const Vector &tangent,
                                            Vector T) const {
  if (setting.realisation < 2) return rounded(std::move(T));
  auto at = [&](size_t j) { return tangent[tangent.size() == 1 ? 0 : j]; };
  S r = at(size_t(chance() * double(P.size()))), sum(0), total(0);
  for (size_t j = 0; j < P.size(); ++j) T[j] = weight[j] * (at(j) - r);
  T = rounded(std::move(T));
  for (size_t j = 0; j < P.size(); ++j) sum = sum + T[j], total = total + P[j];
  S u = sum / total;
  for (size_t j = 0; j < P.size(); ++j) T[j] = T[j] - u * P[j];
  return T;
}

/// P = exp(S - lse), mu = sum_j P tS, T = P (tS - mu); o = sum_j P V, to = sum_j (T V + P tV)
template <typename S> void HeadPass<S>::row() {
  selectKeys();
  if (keys.empty()) return;
  int64_t dQk = setting.spec.head_dim_qk, dV = setting.spec.head_dim_v;
  Rows rows{features("q", dQk), setting.tangents ? features("tq", dQk) : Vector(), features("do", dV),
            features("dto", dV)};
  tape.clear();
  leaves.clear();
  Dual z = logit(rows);
  leaves.emplace("z", z);
  auto variable = [&](const std::string &name) { return scoreVariable(name); };
  Dual score = evaluateTree<S>(setting.spec.score, tape, variable);
  Var all = tape.leaf(Vector(keys.size(), S(0))); // a score without z still has an entry for each key
  score.value = tape.add(score.value, all);

  Var lse = tape.logSumExp(score.value, keys.size());
  Dual weight{tape.exp(tape.sub(score.value, lse)), {}};
  std::optional<Var> mu;
  if (score.tangent) {
    mu = tape.sum(tape.mul(weight.value, *score.tangent), keys.size());
    weight.tangent = tape.mul(weight.value, tape.sub(*score.tangent, *mu));
  }
  Vector P = roundedWeights(tape.value(weight.value)), o = sum(P, *v, dV), to(size_t(dV), S(0));
  if (weight.tangent)
    v->addCombination(
        roundedTangents(P, tape.value(weight.value), tape.value(*score.tangent), tape.value(*weight.tangent)), keys,
        to);
  if (tv) tv->addCombination(P, keys, to);
  store("o", o), store("to", to), store("lse", tape.value(lse));
  if (mu) store("mu", tape.value(*mu));
  if (setting.gradients) backward(rows, weight, lse, mu, o, to);
}

/// With G, H, gl, gm the cotangents of o, to, lse, mu: P gets G.V + H.tV, T gets H.V, lse gets gl, mu gets gm, and V
/// and tV get P G + T H and P H. Stored o and to differ from the sums that they stand for by their own rounding and
/// that of P and T; the row terms rowsum(G o) + rowsum(H to) - gl and rowsum(H o) - gm that implementations take from
/// them differ by as much.
template <typename S>
void HeadPass<S>::backward(const Rows &rows, Dual weight, Var lse, std::optional<Var> mu, const Vector &o,
                           const Vector &to) {
  tape.clearAdjoints();
  Vector dP(keys.size(), S(0)), dT(keys.size(), S(0));
  if (!rows.g.empty()) v->addProducts(rows.g, keys, dP);
  if (!rows.h.empty() && tv) tv->addProducts(rows.h, keys, dP);
  if (!rows.h.empty() && weight.tangent) v->addProducts(rows.h, keys, dT);
  S gl = cotangent("dlse"), gm = mu ? cotangent("dmu") : S(0);
  int64_t columns = setting.spec.head_dim_v;
  Vector wholeO = sum(tape.value(weight.value), *v, columns), wholeTo(o.size(), S(0));
  if (weight.tangent) wholeTo = sum(tape.value(*weight.tangent), *v, columns);
  if (tv) tv->addCombination(tape.value(weight.value), keys, wholeTo);
  for (size_t e = 0; e < o.size(); ++e) {
    S lostO = setting.saved(o[e]) - wholeO[e], lostTo = setting.saved(to[e]) - wholeTo[e];
    if (!rows.g.empty()) gl = gl - rows.g[e] * lostO;
    if (!rows.h.empty()) gl = gl - rows.h[e] * lostTo, gm = gm - rows.h[e] * lostO;
  }
  Vector P = roundedWeights(tape.value(weight.value)), T;
  if (weight.tangent) T = rounded(tape.value(*weight.tangent));
  if (dv && !rows.g.empty()) dv->addOuter(P, keys, rows.g);
  if (dv && !rows.h.empty() && weight.tangent) dv->addOuter(T, keys, rows.h);
  if (dtv && !rows.h.empty()) dtv->addOuter(P, keys, rows.h);

  tape.adjoint(weight.value) = rounded(std::move(dP));
  if (weight.tangent) tape.adjoint(*weight.tangent) = rounded(std::move(dT));
  tape.adjoint(lse) = {gl};
  if (mu) tape.adjoint(*mu) = {gm};
  tape.reverse();
  logitGradients(rows, leaves.at("z"));
  inputGradients();
}

/// dq = scale sum_j (dz_j k_j + dtz_j tk_j), dtq = scale sum_j dtz_j k_j; dk_j, dtk_j the same with q, tq
template <typename S> void HeadPass<S>::logitGradients(const Rows &rows, Dual z) {
  S scale(setting.spec.softmax_scale);
  int64_t columns = setting.spec.head_dim_qk;
  auto scaled = [&](Vector x) {
    for (S &entry : x) entry = scale * entry;
    return x;
  };
  Vector dz = rounded(tape.adjoint(z.value)), dtz;
  if (z.tangent) dtz = rounded(tape.adjoint(*z.tangent));
  Vector dq = sum(dz, *k, columns);
  if (tk && z.tangent) tk->addCombination(dtz, keys, dq);
  store("dq", scaled(dq));
  if (dk) dk->addOuter(dz, keys, scaled(rows.q));
  if (dk && !rows.tq.empty() && z.tangent) dk->addOuter(dtz, keys, scaled(rows.tq));
  if (!z.tangent) return;
  store("dtq", scaled(sum(dtz, *k, columns)));
  if (dtk) dtk->addOuter(dtz, keys, scaled(rows.q));
}

/// Adds what the leaves of bias, scalars and head vectors received; broadcasting is a repeated address.
template <typename S> void HeadPass<S>::inputGradients() {
  auto give = [&](const std::string &name, Var leaf) {
    Target<S> *to = target(name);
    if (!to) return;
    const Vector &adjoint = tape.adjoint(leaf);
    bool isVector = namedInputOf(setting.spec, name)->kind == NamedInput::Kind::Bias;
    for (size_t n = 0; n < adjoint.size(); ++n) {
      S *at = to->at(place, head, query, isVector ? keys[n] : 0);
      *at = *at + adjoint[n];
    }
    if (!isVector) store(byRow(name), adjoint);
  };
  for (const auto &[name, leaf] : leaves) {
    const NamedInput *input = setting.spec.input(name);
    if (!input || !input->isDifferentiable()) continue;
    give("d" + name, leaf.value);
    if (leaf.tangent) give("dt" + name, *leaf.tangent);
  }
}

template class jvpgen::reference::HeadPass<Weighed>;
template class jvpgen::reference::HeadPass<float>;
