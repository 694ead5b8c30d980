#include "compiler/emit/PassText.h"

#include "compiler/emit/ScalarText.h"
#include "compiler/emit/Text.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

static std::string withoutFeatures(StringRef indices) {
  std::string out;
  for (char c : indices)
    if (c != 'd' && c != 'e') out += c;
  return out;
}

/// What every pass states: its indices, whether its rows of one sequence follow those of another, and the lengths.
static std::string placeText(StringRef indices, bool rowsFollow, Parameters &parameters, const Interface &interface) {
  std::string out = "using Args = ::Args;\nstatic constexpr int warps = JVPGEN_WARPS;\nstatic constexpr bool ";
  for (char c : StringRef("bnrij"))
    out += std::string("has_") + c + " = " + (indices.contains(c) ? "true" : "false") + (c == 'j' ? ";\n" : ", ");
  out += std::string("static constexpr bool rows_follow = ") + (rowsFollow ? "true" : "false") + ";\n";
  return out + measureText(parameters, interface);
}

static KernelText finish(const std::string &title, const std::string &skeleton, const std::string &policy,
                         const std::string &kernel, const Parameters &parameters, StringRef indices) {
  KernelText out;
  out.text = "// " + title + "\n#include \"passes.cuh\"\n\n" + parameters.declaration() + "\nstruct Policy {\n" +
             indent(policy, 2) + "};\n\nKERNEL(32 * JVPGEN_WARPS, 1)\n" + kernel + "(PARAMETER Args args) { " +
             skeleton + "<Policy>(args); }\n";
  out.launch.kernel = kernel;
  out.launch.owners = indices.str();
  out.launch.rows_per_block = skeleton == "row_pass" ? "64" : std::to_string(32 * kPassWarps);
  out.launch.tensors = parameters.names();
  return out;
}

static Result<const TensorInfo *> lookup(const Interface &interface, StringRef name) {
  auto it = interface.tensors.find(name);
  if (it == interface.tensors.end())
    return fail(ErrorKind::Invalid, "a pass reads \"" + name.str() + "\", which is no tensor of the module.");
  return &it->second;
}

Result<KernelText> jvpgen::prePassText(llvm::ArrayRef<PreOp> passes, const Interface &interface,
                                       const std::string &kernel, const std::string &title) {
  Parameters parameters;
  std::string body, indices;
  for (PreOp pass : passes) {
    ScalarText text;
    Value v = cast<YieldOp>(pass.getBody().front().getTerminator()).getValues()[0];
    indices = cast<ValueType>(v.getType()).getIndices().str();
    text.leaf = [&](InputOp input) -> Result<std::string> {
      Result<const TensorInfo *> tensor = lookup(interface, input.getName());
      if (!tensor) return tl::unexpected(tensor.error());
      bool hasFeature = cast<ValueType>(input.getResult().getType()).hasFeature();
      std::string number = (*tensor)->type() + "::to_float(" + addressOf(parameters, **tensor, "row", "row") +
                           (hasFeature ? "[f]" : "[0]") + ")";
      // What the sweeps' products round is rounded here too: in dS = P (G V - rowsum(G O)) both G are the same.
      const bool isOperand = hasFeature && input.getKind() != "saved" && (*tensor)->dtype == DType::F32;
      return isOperand ? interface.element_f32 + "::rounded(" + number + ")" : number;
    };
    text.place = [](IndexOp index) -> Result<std::string> {
      if (index.getName() == "i" || index.getName() == "j") return std::string("float(row)");
      return "float(s." + index.getName().str() + ")";
    };
    text.sum = [&](SumOp sum) -> Result<std::string> {
      const int length = interface.features(sum.getOver());
      if (length == 0 || sum.getOver().size() != 1)
        return fail(ErrorKind::Unsupported, "a sum over \"" + sum.getOver().str() +
                                                "\" before the sweeps was asked for; "
                                                "the portable skeleton sums over features there.");
      std::string statements, name = text.fresh("sum");
      Result<std::string> term = text.body(sum.getBody(), statements);
      if (!term) return term;
      text.outer += "float " + name + " = 0.f;\nfor (int f = lane; f < " + std::to_string(length) +
                    "; f += kWarp) {\n" + indent(statements + name + " += " + *term + ";\n", 2) + "}\n" + name +
                    " = warp_sum(" + name + ");\n";
      return name;
    };
    Result<std::string> value = text.use(v);
    if (!value) return tl::unexpected(value.error());
    Result<const TensorInfo *> target = lookup(interface, pass.getName());
    if (!target) return tl::unexpected(target.error());
    body += "{ // " + pass.getName().str() + "\n" +
            indent(text.outer + text.inner + "if (lane == 0) *" + addressOf(parameters, **target, "row", "row") +
                       " = " + *value + ";\n",
                   2) +
            "}\n";
  }
  std::string policy = placeText(indices, false, parameters, interface) +
                       "static DEV void compute(const Args &args, const Sequence &s, int row) {\n  const int lane = "
                       "thread_index() % kWarp;\n" +
                       indent(body, 2) + "}\n";
  return finish(title, "row_pass", policy, kernel, parameters, indices);
}

Result<KernelText> jvpgen::boxPassText(const TensorInfo &boxes, const Interface &interface, const std::string &kernel,
                                       const std::string &title) {
  Parameters parameters;
  Result<std::string> keep = keepText(parameters, interface);
  if (!keep) return tl::unexpected(keep.error());
  const std::string owners = StringRef(boxes.indices).drop_back().str(); // a block has all keys of its queries
  std::string policy = placeText(owners, false, parameters, interface) + *keep +
                       "static DEV signed char *box(const Args &args, const Sequence &s, int i, int j) {\n  return " +
                       "element<Int8>(" + parameters.use(boxes) + ", s.b, " + headOf(boxes) +
                       ", i / kBoxQueries, j / kBoxKeys);\n}\n";
  KernelText out = finish(title, "box_pass", policy, kernel, parameters, owners);
  out.launch.rows_per_block = "128";
  return out;
}

/// A sum after the sweeps: one loop over all places of its indices, shared out among the threads of a block where the
/// output has neither i nor j; places beyond a sequence's lengths do not count.
static std::string sumLoop(SumOp sum, const std::string &name, const std::string &statements, const std::string &term) {
  std::string count, split;
  auto extent = [](char c) -> std::string {
    switch (c) {
    case 'b': return "args.problem.batch";
    case 'n': return "args.problem.kv_heads";
    case 'r': return "args.problem.heads / args.problem.kv_heads";
    case 'i': return "args.problem.q_length";
    default: return "args.problem.kv_length";
    }
  };
  for (char c : llvm::reverse(sum.getOver())) { // the last index is the fastest
    count += (count.empty() ? "(" : " * (") + extent(c) + ")";
    split += std::string("p.") + c + " = int(rest % (" + extent(c) + ")), rest /= " + extent(c) + ";\n";
  }
  return "float " + name + " = 0.f;\nfor (i64 term = first_term<Policy>(); term < " + count +
         "; term += term_stride<Policy>()) {\n" +
         indent("i64 rest = term;\nPoint p = at;\n" + split +
                    "const Sequence s = sequence_at<Policy>(args, p);\nif (p.i >= s.q_length || p.j >= s.kv_length) "
                    "continue;\n" +
                    statements + name + " += " + term + ";\n",
                2) +
         "}\n" + name + " = end_sum<Policy>(" + name + ");\n";
}

Result<KernelText> jvpgen::postPassText(PostOp pass, const Interface &interface, const std::string &kernel,
                                        const std::string &title) {
  Parameters parameters;
  ScalarText text;
  Value v = cast<YieldOp>(pass.getBody().front().getTerminator()).getValues()[0];
  Result<const TensorInfo *> target = lookup(interface, pass.getOutput());
  if (!target) return tl::unexpected(target.error());
  const std::string indices = withoutFeatures((*target)->indices);
  if (cast<ValueType>(v.getType()).hasFeature())
    return fail(ErrorKind::Unsupported, "the output \"" + pass.getOutput().str() +
                                            "\" with a feature index was asked for after the sweeps; "
                                            "the portable skeleton adds up numbers there.");
  text.leaf = [&](InputOp input) -> Result<std::string> {
    Result<const TensorInfo *> tensor = lookup(interface, input.getName());
    if (!tensor) return tl::unexpected(tensor.error());
    return numberAt(parameters, **tensor, "p.i", "p.j");
  };
  text.place = [](IndexOp index) -> Result<std::string> {
    if (index.getName() == "i" || index.getName() == "j") return "float(p." + index.getName().str() + ")";
    return "float(s." + index.getName().str() + ")";
  };
  text.sum = [&](SumOp sum) -> Result<std::string> {
    std::string statements, name = text.fresh("sum");
    Result<std::string> term = text.body(sum.getBody(), statements);
    if (!term) return term;
    text.outer += sumLoop(sum, name, statements, *term);
    return name;
  };
  Result<std::string> value = text.use(v);
  if (!value) return tl::unexpected(value.error());
  const std::string address = addressOf(parameters, **target, "at.i", "at.j");
  const int features = interface.features((*target)->indices);
  const std::string store =
      (features ? "auto *row = " + address + ";\nfor (int f = 0; f < " + std::to_string(features) + "; ++f) row[f]"
                : "*" + address) +
      " = " + (*target)->type() + "::from_float(value);\n";
  const bool rowsFollow = interface.layout == "packed" && !(*target)->hasOwnRows();
  std::string policy =
      placeText(indices, rowsFollow, parameters, interface) +
      "static DEV float compute(const Args &args, const Point &at) {\n  const Point p = at;\n"
      "  const Sequence s = sequence_at<Policy>(args, p);\n" +
      indent(text.outer + text.inner + "return " + *value + ";\n", 2) +
      "}\nstatic DEV void store(const Args &args, const Sequence &s, const Point &at, float value) {\n" +
      indent(store, 2) + "}\n";
  return finish(title, "sum_pass", policy, kernel, parameters, indices);
}
