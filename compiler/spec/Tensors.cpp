#include "compiler/spec/AttentionSpec.h"
#include <algorithm>

namespace jvpgen {

static bool contains(const std::vector<std::string> &names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const NamedInput *AttentionSpec::input(std::string_view name) const {
  auto found = std::find_if(inputs.begin(), inputs.end(), [&](const NamedInput &x) { return x.name == name; });
  return found == inputs.end() ? nullptr : &*found;
}

bool AttentionSpec::hasTangent(std::string_view name) const { return contains(tangents, name); }

namespace {
/// A tensor of the interface: the primal, output or other value that it belongs to, and whether it is a gradient of it.
struct TensorName {
  std::string_view base;
  bool isGradient = false; ///< dx, dtx of an input x
  bool isFloatInput = false;
};
} // namespace

static bool isFloatInput(const AttentionSpec &spec, std::string_view name) {
  if (name == "q" || name == "k" || name == "v") return true;
  const NamedInput *input = spec.input(name);
  return input && input->isDifferentiable();
}

/// x, tx, dx, dtx of inputs; o to do dto; lse mu dlse dmu; integer inputs; lengths. An input's own name comes first, so
/// that a scalar "temperature" is no tangent of "emperature".
static TensorName resolve(const AttentionSpec &spec, std::string_view tensor) {
  if (isFloatInput(spec, tensor)) return {tensor, false, true};
  if (spec.input(tensor)) return {tensor};
  for (std::string_view prefix : {"dt", "d", "t"})
    if (tensor.starts_with(prefix) && isFloatInput(spec, tensor.substr(prefix.size())))
      return {tensor.substr(prefix.size()), prefix[0] == 'd', true};
  if (tensor == "o" || tensor == "to" || tensor == "do" || tensor == "dto") return {"o"};
  if (tensor == "lse" || tensor == "mu" || tensor == "dlse" || tensor == "dmu") return {"lse"};
  if (tensor == "q_lengths" || tensor == "kv_lengths" || tensor == "q_offsets" || tensor == "kv_offsets")
    return {"lengths"};
  return {};
}

bool isTensor(const AttentionSpec &spec, std::string_view tensor) { return !resolve(spec, tensor).base.empty(); }

std::string indicesOf(const AttentionSpec &spec, std::string_view tensor) {
  std::string_view base = resolve(spec, tensor).base;
  if (const NamedInput *input = spec.input(base)) return input->indices;
  if (base == "q") return "bnrid";
  if (base == "k") return "bnjd";
  if (base == "v") return "bnje";
  if (base == "o") return "bnrie";
  if (base == "lse") return "bnri";
  if (base == "lengths") return "b";
  return "";
}

bool isPerSequence(const AttentionSpec &spec, std::string_view tensor) {
  const NamedInput *input = spec.input(resolve(spec, tensor).base);
  return input && (input->kind == NamedInput::Kind::Bias || input->kind == NamedInput::Kind::Mask);
}

DType dtypeOf(const AttentionSpec &spec, std::string_view tensor) {
  TensorName name = resolve(spec, tensor);
  const NamedInput *input = spec.input(name.base);
  if (input && input->kind != NamedInput::Kind::Bias) return input->dtype;
  if (name.isGradient) return spec.gradient_dtype;
  if (input) return input->dtype;
  if (name.base == "o" && tensor[0] != 'd') return spec.output_dtype;
  if (name.base == "lse") return DType::F32;
  if (name.base == "lengths") return DType::I32;
  return spec.dtype;
}

/// Gradients of a program: backward knows the primals' alone.
static std::vector<std::string> gradientsOf(const AttentionSpec &spec, bool ofTangents) {
  std::vector<std::string> names;
  for (const std::string &x : spec.gradients)
    if (ofTangents || isFloatInput(spec, x)) names.push_back("d" + x);
  return names;
}

static bool hasCotangent(const AttentionSpec &spec, std::initializer_list<std::string_view> outputs) {
  return std::any_of(outputs.begin(), outputs.end(), [&](std::string_view x) { return contains(spec.cotangents, x); });
}

std::vector<std::string> programsOf(const AttentionSpec &spec) {
  std::vector<std::string> programs;
  bool tangents = !spec.tangents.empty();
  if (contains(spec.outputs, "o") || contains(spec.outputs, "lse")) programs.push_back("forward");
  if (tangents && !spec.outputs.empty()) programs.push_back("tangent_forward");
  if (hasCotangent(spec, {"o", "lse"}) && !gradientsOf(spec, false).empty()) programs.push_back("backward");
  if (tangents && !spec.cotangents.empty() && !spec.gradients.empty()) programs.push_back("tangent_backward");
  return programs;
}

std::vector<std::string> inputsOf(const AttentionSpec &spec, std::string_view program) {
  bool tangents = program == "tangent_forward" || program == "tangent_backward";
  bool backward = program == "backward" || program == "tangent_backward";
  std::vector<std::string> names = {"q", "k", "v"};
  for (const NamedInput &input : spec.inputs) names.push_back(input.name);
  if (spec.layout == Layout::Padded) names.insert(names.end(), {"q_lengths", "kv_lengths"});
  if (spec.layout == Layout::Packed) names.insert(names.end(), {"q_offsets", "kv_offsets"});
  if (tangents)
    for (const std::string &x : spec.tangents) names.push_back("t" + x);
  if (!backward) return names;
  // D = rowsum(do o) + rowsum(dto to), a = rowsum(dto o); P from lse; tS - mu.
  bool to = tangents && hasCotangent(spec, {"to"});
  if (to || hasCotangent(spec, {"o"})) names.push_back("o");
  if (to) names.push_back("to");
  names.push_back("lse");
  if (tangents) names.push_back("mu");
  for (const std::string &x : spec.cotangents)
    if (tangents || x == "o" || x == "lse") names.push_back("d" + x);
  return names;
}

std::vector<std::string> outputsOf(const AttentionSpec &spec, std::string_view program) {
  if (program == "backward") return gradientsOf(spec, false);
  if (program == "tangent_backward") return gradientsOf(spec, true);
  std::vector<std::string> names;
  for (const std::string &x : spec.outputs)
    if (program == "tangent_forward" || x == "o" || x == "lse") names.push_back(x);
  return names;
}

} // namespace jvpgen
