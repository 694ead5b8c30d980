// The reference against central differences of itself, for every example.
#include "reference/Evaluate.h"
#include "tests/reference/Specs.h"
#include "tools/tensors/RandomInputs.h"

#include <cmath>
#include <functional>
#include <set>

using namespace jvpgen;

namespace {

/// A step of 2^-10 along directions that are multiples of 2^-5, from points that are multiples of 2^-8: all exact in
/// float32.
constexpr double kStep = 0x1p-10;

class Derivatives : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    spec = narrow(inFloat32(example(GetParam())), 8);
    RandomInputs drawn = makeInputs(spec, {3, 2 * spec.group, 2, 9, 11, 9, 11}, 5);
    problem = drawn.problem, inputs = std::move(drawn.tensors);
    for (auto &[name, tensor] : inputs) coarsen(tensor, 0x1p-8);
  }

  static void coarsen(HostTensor &tensor, double unit) {
    for (int64_t k = 0; tensor.dtype == DType::F32 && k < tensor.elements(); ++k)
      if (std::isfinite(tensor.get(k))) tensor.set(k, std::round(tensor.get(k) / unit) * unit);
  }

  TensorSet directions(const std::vector<std::string> &names) {
    TensorSet random = makeInputs(spec, {problem.batch, problem.heads, problem.kv_heads, 9, 11, 9, 11}, 5).tensors, out;
    TensorSet other = makeInputs(spec, {problem.batch, problem.heads, problem.kv_heads, 9, 11, 9, 11}, 6).tensors;
    for (const std::string &name : names) {
      HostTensor along = random.at(name);
      for (int64_t k = 0; k < along.elements(); ++k) {
        double x = other.contains(name) && other.at(name).elements() > k ? other.at(name).get(k) : 0.5;
        along.set(k, std::isfinite(along.get(k)) ? (std::isfinite(x) ? x : 0.5) : 0);
      }
      coarsen(along, 0x1p-5);
      out.emplace(name, std::move(along));
    }
    return out;
  }

  TensorSet moved(const TensorSet &along, double step) const {
    TensorSet out = inputs;
    for (const auto &[name, direction] : along)
      for (int64_t k = 0; k < direction.elements(); ++k)
        if (direction.get(k) != 0) out.at(name).set(k, inputs.at(name).get(k) + step * direction.get(k));
    return out;
  }

  reference::TensorSet64 run(const AttentionSpec &which, const TensorSet &at, const std::string &program) const {
    Result<reference::TensorSet64> out = reference::evaluate(which, problem, at, program);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or(reference::TensorSet64());
  }

  /// (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, whose error is of the order h^4.
  static double difference(const std::function<double(double)> &f) {
    double h = kStep;
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
  }

  /// Sum of cotangent times output over what the program returns.
  double contract(const AttentionSpec &which, const TensorSet &at, const std::string &program) const {
    double total = 0;
    for (const auto &[name, tensor] : run(which, at, program)) {
      auto cotangent = inputs.find("d" + name);
      for (size_t k = 0; cotangent != inputs.end() && k < tensor.values.size(); ++k)
        if (std::isfinite(tensor.values[k]) && std::isfinite(cotangent->second.get(int64_t(k))))
          total += tensor.values[k] * cotangent->second.get(int64_t(k));
    }
    return total;
  }

  /// <gradients, directions> against the difference of <cotangents, outputs>.
  void checkGradients(const std::string &backward, const std::string &forward) {
    std::vector<std::string> names;
    for (const std::string &gradient : outputsOf(spec, backward)) names.push_back(gradient.substr(1));
    AttentionSpec all = spec; // outputs with a cotangent are evaluated even if they are not wanted
    all.outputs = spec.cotangents;
    reference::TensorSet64 gradients = run(spec, inputs, backward);
    for (const std::string &name : names) {
      TensorSet along = directions({name});
      double inner = 0, size = 0;
      for (int64_t k = 0; k < along.at(name).elements(); ++k) {
        inner += along.at(name).get(k) * gradients.at("d" + name).values[size_t(k)];
        size += std::fabs(along.at(name).get(k) * gradients.at("d" + name).values[size_t(k)]);
      }
      double numeric = difference([&](double step) { return contract(all, moved(along, step), forward); });
      EXPECT_GT(size, 0) << name;
      EXPECT_NEAR(inner, numeric, 1e-7 * size) << backward << " d" << name;
    }
  }

  AttentionSpec spec;
  Problem problem;
  TensorSet inputs;
};

} // namespace

TEST_P(Derivatives, TangentsAreDifferencesOfOutputs) {
  TensorSet along;
  for (const std::string &name : spec.tangents) {
    HostTensor t = inputs.at("t" + name);
    coarsen(t, 0x1p-5);
    inputs.at("t" + name) = t;
    for (int64_t k = 0; k < t.elements(); ++k)
      if (!std::isfinite(t.get(k)) || !std::isfinite(inputs.at(name).get(k))) t.set(k, 0);
    along.emplace(name, std::move(t));
  }
  AttentionSpec all = spec;
  all.outputs = {"o", "to", "lse", "mu"};
  reference::TensorSet64 tangent = run(all, inputs, "tangent_forward"), at[4];
  const double steps[] = {1, -1, 2, -2};
  for (int s = 0; s < 4; ++s) at[s] = run(all, moved(along, steps[s] * kStep), "forward");
  for (auto [output, derivative] : {std::pair("o", "to"), std::pair("lse", "mu")})
    for (size_t k = 0; k < tangent.at(derivative).values.size(); ++k) {
      auto value = [&](int s) { return at[s].at(output).values[k]; };
      double numeric = (8 * (value(0) - value(1)) - (value(2) - value(3))) / (12 * kStep);
      if (std::isinf(value(0))) numeric = 0; // a row without keys
      ASSERT_NEAR(tangent.at(derivative).values[k], numeric, 1e-8) << derivative << " entry " << k;
    }
}

TEST_P(Derivatives, GradientsOfTheTangentProgram) {
  std::vector<std::string> programs = programsOf(spec);
  ASSERT_EQ(std::set<std::string>(programs.begin(), programs.end()).count("tangent_backward"), 1u);
  checkGradients("tangent_backward", "tangent_forward");
}

TEST_P(Derivatives, GradientsOfThePrimalProgram) {
  std::vector<std::string> programs = programsOf(spec);
  if (std::find(programs.begin(), programs.end(), "backward") == programs.end()) return; // hvp has no cotangent on o
  checkGradients("backward", "forward");
}

INSTANTIATE_TEST_SUITE_P(Examples, Derivatives, testing::ValuesIn(examples()),
                         [](const auto &info) { return info.param; });
