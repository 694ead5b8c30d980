#include "compiler/spec/InputReader.h"
#include "compiler/spec/Suggestion.h"
#include <algorithm>
#include <set>

namespace jvpgen {

namespace {
using Kind = NamedInput::Kind;

/// Letters of indicesOf for the words of `dims`.
struct Dimension {
  std::string_view word, letters;
};
constexpr Dimension dimensions[] = {{"batch", "b"}, {"heads", "nr"}, {"q", "i"}, {"kv", "j"}};

class InputReader {
public:
  InputReader(const TableReader &reader, AttentionSpec &spec) : reader(reader), spec(spec) {}

  Status run() {
    if (auto s = tensor("bias", Kind::Bias); !s) return s;
    if (auto s = tensor("mask_tensor", Kind::Mask); !s) return s;
    if (auto s = list("scalars", Kind::Scalar, "", DType::F32); !s) return s;
    if (auto s = list("head_vectors", Kind::HeadVector, "nr", DType::F32); !s) return s;
    if (auto s = list("query_vectors", Kind::IntVector, "bi", DType::I32); !s) return s;
    if (auto s = list("kv_vectors", Kind::IntVector, "bj", DType::I32); !s) return s;
    if (auto s = list("int_scalars", Kind::IntScalar, "", DType::I32); !s) return s;
    std::sort(spec.inputs.begin(), spec.inputs.end(), [](const NamedInput &a, const NamedInput &b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return distinct();
  }

private:
  /// { dims = [...], dtype = "..." }; a mask tensor has no dtype: it is int8.
  Status tensor(std::string key, Kind kind) {
    const TomlMember *found = reader.member(key);
    if (!found) return {};
    if (found->value.kind != TomlValue::Kind::Table)
      return reader.wrongKind(*found, "a table; write " + key + " = { dims = [\"heads\", \"q\", \"kv\"] }");
    TableReader inner = reader.inside(*found);
    std::vector<std::string> keys = {"dims"};
    if (kind == Kind::Bias) keys.push_back("dtype");
    if (auto s = inner.onlyKeys(keys); !s) return s;
    NamedInput input{kind == Kind::Bias ? "bias" : "mask", kind, "", DType::I8, found->place.line, found->place.column};
    if (kind == Kind::Bias) {
      constexpr DType types[] = {DType::BF16, DType::F16, DType::F32};
      size_t choice = std::find(std::begin(types), std::end(types), spec.dtype) - std::begin(types);
      if (auto s = inner.choice("dtype", {"bf16", "f16", "f32"}, choice); !s) return s;
      input.dtype = types[choice];
    }
    if (auto s = dims(inner, key, found->place, input.indices); !s) return s;
    spec.inputs.push_back(std::move(input));
    return {};
  }

  Status dims(const TableReader &inner, const std::string &key, Place place, std::string &indices) {
    std::optional<std::vector<PlacedName>> words;
    if (auto s = inner.names("dims", words); !s) return s;
    if (!words || words->empty())
      return reader.error(place, key +
                                     " has no dims, so it would be one number; list those of batch, heads, q, kv along "
                                     "which it varies, or name one number in scalars");
    size_t last = 0;
    for (const PlacedName &word : *words) {
      size_t index = 0;
      while (index < std::size(dimensions) && dimensions[index].word != word.name) ++index;
      if (index == std::size(dimensions))
        return reader.error(word.place, key + " names the dimension " + shown(word.name) + ", which does not exist; " +
                                            suggestion(word.name, {"batch", "heads", "q", "kv"}));
      if (!indices.empty() && index < last)
        return reader.error(word.place, key + " lists " + shown(word.name) +
                                            " too late: tensors have their dimensions in " +
                                            "the order batch, heads, q, kv; reorder dims");
      last = index;
      indices += dimensions[index].letters;
    }
    return {};
  }

  Status list(std::string key, Kind kind, std::string indices, DType dtype) {
    std::optional<std::vector<PlacedName>> names;
    if (auto s = reader.names(key, names); !s) return s;
    for (const PlacedName &name : names.value_or(std::vector<PlacedName>())) {
      if (!isName(name.name))
        return reader.error(name.place, key + " declares " + shown(name.name) +
                                            ", which is no name; use at most 32 letters, " +
                                            "digits and '_', a letter first");
      if (reserved().count(name.name))
        return reader.error(name.place, key + " declares " + shown(name.name) +
                                            ", but that word has a meaning of its own; " + "choose another name");
      spec.inputs.push_back({name.name, kind, indices, dtype, name.place.line, name.place.column});
    }
    return {};
  }

  static bool isName(std::string_view name) {
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !name.empty() && name.size() <= 32 && letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
      return letter(c) || (c >= '0' && c <= '9') || c == '_';
    });
  }

  /// Words of the expressions, and tensors that stand in every specification's interface.
  static const std::set<std::string, std::less<>> &reserved() {
    static const std::set<std::string, std::less<>> words = {
        "z",    "bias",  "mask",  "q_index",  "kv_index",  "head",       "batch",     "q_length",  "kv_length",
        "true", "false", "inf",   "infinity", "INFINITY",  "nan",        "and",       "or",        "not",
        "abs",  "exp",   "log",   "max",      "min",       "sqrt",       "tanh",      "where",     "q",
        "k",    "v",     "o",     "lse",      "mu",        "tq",         "tk",        "tv",        "to",
        "dq",   "dk",    "dv",    "do",       "dto",       "dlse",       "dmu",       "dtq",       "dtk",
        "dtv",  "tbias", "dbias", "dtbias",   "q_lengths", "kv_lengths", "q_offsets", "kv_offsets"};
    return words;
  }

  Status distinct() {
    std::set<std::string, std::less<>> taken = reserved();
    taken.erase("bias"), taken.erase("mask");
    taken.erase("tbias"), taken.erase("dbias"), taken.erase("dtbias");
    for (const NamedInput &input : spec.inputs) {
      std::vector<std::string> tensors = {input.name};
      if (input.isDifferentiable())
        for (const char *prefix : {"t", "d", "dt"}) tensors.push_back(prefix + input.name);
      for (const std::string &name : tensors)
        if (!taken.insert(name).second)
          return reader.error({input.line, input.column},
                              name == input.name
                                  ? "the input '" + name + "' has a name that another has already; rename one"
                                  : "the input '" + input.name + "' comes with a tensor '" + name +
                                        "', but that name is taken; rename the input");
    }
    return {};
  }

  const TableReader &reader;
  AttentionSpec &spec;
};
} // namespace

Status readInputs(const TableReader &reader, AttentionSpec &spec) { return InputReader(reader, spec).run(); }

} // namespace jvpgen
