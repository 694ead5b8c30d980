#include "compiler/spec/SubsetReader.h"
#include "compiler/spec/Suggestion.h"
#include <algorithm>

namespace jvpgen {

namespace {
using Names = std::vector<std::string>;

bool contains(const Names &names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class SubsetReader {
public:
  SubsetReader(const TableReader &reader, AttentionSpec &spec) : reader(reader), spec(spec) {}

  Status run() {
    for (const NamedInput &input : spec.inputs)
      if (input.isDifferentiable()) primals.push_back(input.name);
    if (auto s = subset("tangents", primals, {"q", "k", "v"}, spec.tangents); !s) return s;
    Names outputs = {"o"};
    if (!spec.tangents.empty()) outputs.push_back("to");
    outputs.push_back("lse");
    // Without a tangent in the score, mu is 0: it may be asked for, but is no default.
    Names byDefault = outputs;
    if (!spec.tangents.empty()) outputs.push_back("mu");
    if (scoreHasTangent()) byDefault.push_back("mu");
    if (auto s = subset("outputs", outputs, byDefault, spec.outputs); !s) return s;
    if (auto s = subset("cotangents", outputs, byDefault, spec.cotangents); !s) return s;
    return gradients();
  }

private:
  bool scoreHasTangent() const {
    return std::any_of(spec.tangents.begin(), spec.tangents.end(), [](const std::string &x) { return x != "v"; });
  }

  Status gradients() {
    Names possible = primals, byDefault;
    for (const std::string &x : spec.tangents) possible.push_back("t" + x);
    bool any = !spec.cotangents.empty(), to = contains(spec.cotangents, "to"), mu = contains(spec.cotangents, "mu");
    bool values = to || contains(spec.cotangents, "o");
    for (const std::string &x : primals) {
      bool wanted = x == "q" || x == "k" || x == "v" || spec.hasTangent(x);
      if (wanted && (x == "v" ? values : any)) byDefault.push_back(x);
    }
    for (const std::string &x : spec.tangents)
      if (to || (mu && x != "v")) byDefault.push_back("t" + x);
    return subset("gradients", possible, byDefault, spec.gradients);
  }

  /// The names listed under the key, in the order of `possible`.
  Status subset(std::string key, const Names &possible, const Names &byDefault, Names &into) {
    std::optional<std::vector<PlacedName>> listed;
    if (auto s = reader.names(key, listed); !s) return s;
    into.clear();
    if (!listed) {
      into = byDefault;
      return {};
    }
    Names names;
    for (const PlacedName &entry : *listed) {
      if (!contains(possible, entry.name))
        return reader.error(entry.place,
                            key + " names " + shown(entry.name) + ", " + obstacle(key, entry.name, possible));
      names.push_back(entry.name);
    }
    std::copy_if(possible.begin(), possible.end(), std::back_inserter(into),
                 [&](const std::string &name) { return contains(names, name); });
    return {};
  }

  std::string obstacle(const std::string &key, const std::string &name, const Names &possible) const {
    if ((key == "outputs" || key == "cotangents") && (name == "to" || name == "mu"))
      return "which exists only with tangents; give an input a tangent, or remove it";
    if (name.size() > 1 && name[0] == 't' && contains(primals, name.substr(1)))
      return key == "gradients" ? "but " + name.substr(1) + " has no tangent; list it in tangents, or remove it"
                                : "which is a tangent's own name; write '" + name.substr(1) + "'";
    if (name.size() > 1 && name[0] == 'd' && contains(possible, name.substr(1)))
      return "which is a derivative's own name; write '" + name.substr(1) + "'";
    if (const NamedInput *input = spec.input(name); input && !input->isDifferentiable())
      return "which is an integer or boolean input and has no derivative; remove it";
    if (key != "gradients" && isGradient(name))
      return "which is a gradient; remove it, and list '" + name.substr(1) + "' in gradients";
    if (key == "gradients" && (name == "o" || name == "lse"))
      return "which is an output; gradients are of inputs and tangents: " + joined(possible);
    return "which does not exist; " + suggestion(name, possible);
  }

  /// dx or dtx of an input x.
  bool isGradient(std::string_view name) const {
    if (!name.starts_with('d')) return false;
    return contains(primals, name.substr(1)) || (name.starts_with("dt") && contains(primals, name.substr(2)));
  }

  const TableReader &reader;
  AttentionSpec &spec;
  Names primals = {"q", "k", "v"};
};
} // namespace

Status readSubsets(const TableReader &reader, AttentionSpec &spec) { return SubsetReader(reader, spec).run(); }

} // namespace jvpgen
