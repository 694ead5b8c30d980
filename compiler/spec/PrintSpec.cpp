#include "compiler/spec/AttentionSpec.h"
#include <charconv>

namespace jvpgen {

/// The shortest digits that read back as the same double, with the point or exponent that TOML wants.
static std::string floatText(double value) {
  char digits[32];
  char *end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string text(digits, end);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

static std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

static std::string listText(const std::vector<std::string> &names) {
  std::string text = "[";
  for (const std::string &name : names) text += (text.size() > 1 ? ", " : "") + quoted(name);
  return text + "]";
}

static std::string dimsText(const std::string &indices) {
  std::vector<std::string> words;
  for (char index : indices)
    if (index != 'r') words.emplace_back(index == 'b' ? "batch" : index == 'n' ? "heads" : index == 'i' ? "q" : "kv");
  return listText(words);
}

/// The key under which an input is declared.
static std::string keyOf(const NamedInput &input) {
  switch (input.kind) {
  case NamedInput::Kind::Bias: return "bias";
  case NamedInput::Kind::Mask: return "mask_tensor";
  case NamedInput::Kind::Scalar: return "scalars";
  case NamedInput::Kind::HeadVector: return "head_vectors";
  case NamedInput::Kind::IntVector: return input.indices == "bi" ? "query_vectors" : "kv_vectors";
  case NamedInput::Kind::IntScalar: return "int_scalars";
  }
  return "";
}

/// One line for each key; the names of a key stand behind one another, for the file's order is that of the keys.
static std::string inputsText(const std::vector<NamedInput> &inputs) {
  std::string text;
  for (size_t i = 0; i < inputs.size();) {
    std::string key = keyOf(inputs[i]);
    text += key + " = ";
    if (key == "bias" || key == "mask_tensor") {
      text += "{ dims = " + dimsText(inputs[i].indices);
      if (key == "bias") text += ", dtype = " + quoted(name(inputs[i].dtype));
      text += " }\n";
      ++i;
      continue;
    }
    std::vector<std::string> names;
    for (; i < inputs.size() && keyOf(inputs[i]) == key; ++i) names.push_back(inputs[i].name);
    text += listText(names) + "\n";
  }
  return text;
}

std::string print(const AttentionSpec &spec) {
  constexpr std::string_view layouts[] = {"dense", "padded", "packed"};
  std::string text = "name = " + quoted(spec.name) + "\n";
  text += "dtype = " + quoted(name(spec.dtype)) + "\n";
  text += "output_dtype = " + quoted(name(spec.output_dtype)) + "\n";
  text += "gradient_dtype = " + quoted(name(spec.gradient_dtype)) + "\n";
  if (spec.dtype == DType::F32)
    text += std::string("precision = ") + (spec.three_xtf32 ? "\"3xtf32\"\n" : "\"tf32\"\n");
  text += "head_dim_qk = " + std::to_string(spec.head_dim_qk) + "\n";
  text += "head_dim_v = " + std::to_string(spec.head_dim_v) + "\n";
  text += "group = " + std::to_string(spec.group) + "\n";
  text += "softmax_scale = " + floatText(spec.softmax_scale) + "\n";
  text += "layout = " + quoted(layouts[static_cast<size_t>(spec.layout)]) + "\n";
  text += inputsText(spec.inputs);
  text += "score = " + quoted(print(spec.score)) + "\n";
  if (spec.mask) text += "mask = " + quoted(print(*spec.mask)) + "\n";
  text += "tangents = " + listText(spec.tangents) + "\n";
  text += "outputs = " + listText(spec.outputs) + "\n";
  text += "cotangents = " + listText(spec.cotangents) + "\n";
  text += "gradients = " + listText(spec.gradients) + "\n";
  return text;
}

} // namespace jvpgen
