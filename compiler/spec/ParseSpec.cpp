#include "compiler/spec/AttentionSpec.h"
#include "compiler/spec/ExpressionChecker.h"
#include "compiler/spec/ExpressionParser.h"
#include "compiler/spec/InputReader.h"
#include "compiler/spec/MaskSugar.h"
#include "compiler/spec/SubsetReader.h"
#include <algorithm>
#include <cmath>

namespace jvpgen {

namespace {
const std::vector<std::string> keys = {"name",        "dtype",      "output_dtype", "gradient_dtype", "precision",
                                       "head_dim_qk", "head_dim_v", "group",        "softmax_scale",  "causal",
                                       "window",      "layout",     "mask",         "score",          "bias",
                                       "mask_tensor", "scalars",    "head_vectors", "query_vectors",  "kv_vectors",
                                       "int_scalars", "tangents",   "outputs",      "gradients",      "cotangents"};

bool isSpecName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// "specs/softcap.toml" -> "softcap", if that is a name.
std::string stem(std::string_view file) {
  size_t slash = file.rfind('/');
  if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
  file = file.substr(0, file.rfind('.'));
  return isSpecName(file) ? std::string(file) : "attention";
}

class SpecReader {
public:
  SpecReader(const TomlValue &table, std::string_view file) : reader(table, file) {
    spec.file = file;
    spec.name = stem(file);
  }

  Result<AttentionSpec> run() {
    if (auto s = reader.onlyKeys(keys); !s) return tl::unexpected(s.error());
    using Step = Status (SpecReader::*)();
    for (Step step :
         {&SpecReader::names, &SpecReader::types, &SpecReader::dimensions, &SpecReader::scale, &SpecReader::inputs,
          &SpecReader::score, &SpecReader::mask, &SpecReader::used, &SpecReader::subsets})
      if (Status s = (this->*step)(); !s) return tl::unexpected(s.error());
    return std::move(spec);
  }

private:
  Status names() {
    SourceText name{spec.name, {}};
    if (auto s = reader.string("name", name); !s) return s;
    if (!isSpecName(name.text))
      return reader.error(reader.member("name")->value.place, "name = " + shown(name.text) +
                                                                  " cannot name files; use 1 to 64 "
                                                                  "letters, digits, '_' and '-'");
    spec.name = name.text;
    size_t layout = 0;
    if (auto s = reader.choice("layout", {"dense", "padded", "packed"}, layout); !s) return s;
    spec.layout = static_cast<Layout>(layout);
    return {};
  }

  Status types() {
    if (auto s = type("dtype", DType::BF16, spec.dtype); !s) return s;
    if (auto s = type("output_dtype", spec.dtype, spec.output_dtype); !s) return s;
    if (auto s = type("gradient_dtype", spec.dtype, spec.gradient_dtype); !s) return s;
    size_t precision = 0;
    if (auto s = reader.choice("precision", {"3xtf32", "tf32"}, precision); !s) return s;
    spec.three_xtf32 = precision == 0;
    if (reader.member("precision") && spec.dtype != DType::F32)
      return reader.error(reader.member("precision")->place,
                          "precision is for products of float32 inputs, but dtype is " + std::string(name(spec.dtype)) +
                              "; remove precision, or set dtype = \"f32\"");
    return {};
  }

  Status type(std::string_view key, DType byDefault, DType &into) {
    const std::vector<std::string> words = {"f32", "bf16", "f16"}; // in DType's order
    size_t choice = static_cast<size_t>(byDefault);
    if (auto s = reader.choice(key, words, choice); !s) return s;
    into = static_cast<DType>(choice);
    return {};
  }

  Status dimensions() {
    if (auto s = headDim("head_dim_qk", spec.head_dim_qk); !s) return s;
    spec.head_dim_v = spec.head_dim_qk;
    if (auto s = headDim("head_dim_v", spec.head_dim_v); !s) return s;
    return reader.integer("group", 1, 1024, spec.group);
  }

  Status headDim(std::string_view key, int &into) {
    if (auto s = reader.integer(key, 8, 256, into); !s) return s;
    if (into % 8)
      return reader.error(reader.member(key)->value.place,
                          std::string(key) + " = " + std::to_string(into) +
                              ", but must be a multiple of 8; pad the tensors with zeros to " +
                              std::to_string(into / 8 * 8 + 8));
    return {};
  }

  Status scale() {
    spec.softmax_scale = 1 / std::sqrt(double(spec.head_dim_qk));
    const TomlMember *found = reader.member("softmax_scale");
    if (!found) return {};
    if (found->value.kind != TomlValue::Kind::Float && found->value.kind != TomlValue::Kind::Integer)
      return reader.wrongKind(*found, "a number; leave it out for 1/sqrt(head_dim_qk)");
    double value = found->value.number;
    if (!(value >= 1e-30 && value <= 1e30))
      return reader.error(found->value.place,
                          "softmax_scale must be a number from 1e-30 to 1e30; put a sign or a zero into "
                          "the score, as in score = \"-z\"");
    spec.softmax_scale = value;
    return {};
  }

  Status inputs() { return readInputs(reader, spec); }

  Status score() {
    Place place{1, 1};
    if (reader.member("score")) {
      Result<Expr> parsed = expression("score");
      if (!parsed) return tl::unexpected(parsed.error());
      spec.score = std::move(*parsed);
      place = {spec.score.line, spec.score.column};
    } else {
      spec.score = {ExprOp::Variable, "z", {}, place.line, place.column};
    }
    std::vector<std::string> named = variables(spec.score);
    if (spec.input("bias") && std::find(named.begin(), named.end(), "bias") == named.end()) {
      // A condition is refused as such below, not as a term of the sum.
      if (Status s = checkScore(spec.score, spec); !s) return s;
      Expr sum{ExprOp::Add, "", {}, place.line, place.column};
      sum.args.push_back(std::move(spec.score));
      sum.args.push_back({ExprOp::Variable, "bias", {}, place.line, place.column});
      spec.score = std::move(sum);
    }
    return checkScore(spec.score, spec);
  }

  Status mask() {
    if (reader.member("mask")) {
      Result<Expr> parsed = expression("mask");
      if (!parsed) return tl::unexpected(parsed.error());
      spec.mask = std::move(*parsed);
      if (Status s = checkMask(*spec.mask, spec); !s) return s;
    }
    if (Status s = readMaskSugar(reader, spec); !s) return s;
    return spec.mask ? checkMask(*spec.mask, spec) : Status();
  }

  Result<Expr> expression(std::string_view key) {
    SourceText text;
    if (auto s = reader.string(key, text); !s) return tl::unexpected(s.error());
    return parseExpression(text, key, spec.file);
  }

  /// Each scalar and vector is named by an expression.
  Status used() {
    std::vector<std::string> named = variables(spec.score);
    if (spec.mask)
      for (std::string &variable : variables(*spec.mask)) named.push_back(std::move(variable));
    for (const NamedInput &input : spec.inputs)
      if (input.kind != NamedInput::Kind::Mask && std::find(named.begin(), named.end(), input.name) == named.end())
        return reader.error({input.line, input.column}, "the input '" + input.name + "' is declared, but the " +
                                                            (input.isDifferentiable() ? "score" : "mask") +
                                                            " does not name it; use it there, or remove it");
    return {};
  }

  Status subsets() {
    if (Status s = readSubsets(reader, spec); !s) return s;
    if (programsOf(spec).empty())
      return reader.error({1, 1},
                          "the specification wants no output, and no cotangent reaches a wanted gradient, so there is "
                          "nothing to compute; list outputs, or cotangents with gradients");
    return {};
  }

  TableReader reader;
  AttentionSpec spec;
};
} // namespace

Result<AttentionSpec> parseSpec(std::string_view toml, std::string_view file) {
  Result<TomlValue> table = readToml(toml, file);
  if (!table) return tl::unexpected(table.error());
  return SpecReader(*table, file).run();
}

} // namespace jvpgen
