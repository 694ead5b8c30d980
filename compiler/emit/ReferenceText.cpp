#include "compiler/emit/ReferenceText.h"

#include "compiler/derive/Structure.h"
#include "compiler/emit/Interface.h"
#include "compiler/emit/Text.h"
#include "runtime/abi/References.h"
#include "llvm/ADT/StringSwitch.h"
#include <map>

using namespace mlir;
using namespace jvpgen;

/// What of a text stands around an expression: sizes by their letters, in scope of every kernel of the reference.
static std::string sizeOf(char index) { return std::string(1, char(std::toupper(static_cast<unsigned char>(index)))); }

static bool isLeaf(Term t) {
  return t->is(TermKind::Input) || t->is(TermKind::Index) || t->is(TermKind::Size) || t->is(TermKind::Constant);
}

/// The place of an element in a contiguous array of these indices.
static std::string placeIn(IndexSet indices) {
  std::string out;
  for (char c : indices.str()) {
    const std::string letter(1, c);
    out = out.empty() ? "i64(" + letter + ")" : "(" + out + ") * " + sizeOf(c) + " + " + letter;
  }
  return out.empty() ? "0" : out;
}

static std::string countOf(IndexSet indices) {
  std::string out = "i64(1)";
  for (char c : indices.str()) out += " * " + sizeOf(c);
  return out;
}

static std::string exactNumber(const Rational &value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", toDouble(value));
  return "Number(" + std::string(text) + ")";
}

namespace {

/// Writes one program: an array for each sum and for whatever is used by terms with more indices, in the order of their
/// dependence, and each of the rest where it is used.
class ProgramWriter {
public:
  ProgramWriter(const Program &program, const Interface &interface);

  Result<std::string> text(ArrayRef<std::pair<std::string, std::string>> entries);
  Parameters parameters;
  std::vector<TensorDeclaration> workspace;

private:
  void findArrays();
  std::string fill(Term t);
  std::string store(const std::string &name, Term t);
  std::string atEachPlace(IndexSet indices, bool skipsPadding, const std::string &body);
  std::string sequenceText(IndexSet known) const;
  std::string outside(IndexSet indices) const;
  std::string overEach(IndexSet over, IndexSet around, const std::string &body) const;
  std::string sumText(Term t);
  std::string lseText(Term t);

  void forget() { names.clear(), statements.clear(); }
  std::string value(Term t);
  std::string expression(Term t);
  std::string inputText(Term t);
  std::string indexText(const std::string &name) const;
  std::string applyText(Term t);
  std::string operands(Term body);
  std::string define(const std::string &expression);

  const Program &program;
  const Interface &interface;
  std::map<Term, std::string, ById> arrays; ///< by term, their names
  std::vector<Term> order;                  ///< of the arrays
  std::map<Term, std::string, ById> names;  ///< of what the statements define
  std::string statements, refused;
  unsigned count = 0;
};

} // namespace

ProgramWriter::ProgramWriter(const Program &program, const Interface &interface)
    : program(program), interface(interface) {
  findArrays();
}

void ProgramWriter::findArrays() {
  std::vector<Term> all = topologicalOrder(program.roots());
  TermSet kept;
  for (Term t : all) {
    if (t->is(TermKind::Sum) || t->is(TermKind::Lse)) {
      kept.insert(t);
      continue;
    }
    for (Term a : t->args)
      if (!isLeaf(a) && !(a->indices == t->indices)) kept.insert(a);
  }
  for (const auto &[name, t] : program.outputs)
    if (!isLeaf(t)) kept.insert(t);
  for (Term t : all) {
    if (!kept.count(t)) continue;
    arrays[t] = "t" + std::to_string(order.size());
    order.push_back(t);
    std::string name = "reference_" + std::to_string(workspace.size());
    while (interface.tensors.count(name)) name += "_";
    workspace.push_back({name, t->indices.str(), DType::F64});
  }
}

// ---- expressions

std::string ProgramWriter::define(const std::string &expression) {
  const std::string name = "x" + std::to_string(count++);
  statements += "const Number " + name + " = " + expression + ";\n";
  return name;
}

std::string ProgramWriter::value(Term t) {
  if (auto known = names.find(t); known != names.end()) return known->second;
  const auto array = arrays.find(t);
  const std::string text = array != arrays.end() ? array->second + "[" + placeIn(t->indices) + "]" : expression(t);
  return names[t] = define(text);
}

std::string ProgramWriter::inputText(Term t) {
  auto it = interface.tensors.find(t->name);
  if (it == interface.tensors.end()) {
    refused = "reads '" + t->name + "', which is no tensor of the module";
    return "0";
  }
  const TensorInfo &tensor = it->second;
  if (tensor.dtype == DType::I32 || tensor.dtype == DType::I8)
    return "Number(integer<" + tensor.type() + ">(" + parameters.use(tensor) + ", " + placeOf(tensor) + ", " +
           headOf(tensor) + ", " + (tensor.has('i') ? "i" : "0") + ", " + (tensor.has('j') ? "j" : "0") + "))";
  const std::string feature = tensor.has('d') ? " + d" : tensor.has('e') ? " + e" : "";
  return "Number(read<" + tensor.type() + ">(" + addressOf(parameters, tensor, "i", "j") + feature + "))";
}

std::string ProgramWriter::indexText(const std::string &name) const {
  return "Number(" + (name == "h" || name.size() > 1 ? "s." + name : name) + ")";
}

std::string ProgramWriter::applyText(Term t) {
  std::vector<std::string> x;
  for (Term a : t->args) x.push_back(value(a));
  auto truth = [](const std::string &condition) { return condition + " ? Number(1) : Number(0)"; };
  const llvm::StringRef f = t->name;
  if (f == "exp" || f == "log" || f == "tanh" || f == "logistic" || f == "sqrt")
    return "Arithmetic::" + t->name + "(" + x[0] + ")";
  if (f == "abs") return x[0] + " < 0 ? -" + x[0] + " : " + x[0];
  if (f == "recip") return "1 / " + x[0];
  if (f == "recip0") return x[0] + " == 0 ? Number(0) : 1 / " + x[0];
  if (f == "sign") return "Number((" + x[0] + " > 0) - (" + x[0] + " < 0))";
  if (f == "step") return x[0] + " > 0 ? Number(1) : " + x[0] + " == 0 ? Number(0.5) : Number(0)";
  if (f == "nonempty") return truth(x[0] + " > -infinity()");
  if (f == "not") return truth(x[0] + " == 0");
  if (f == "min") return x[0] + " < " + x[1] + " ? " + x[0] + " : " + x[1];
  if (f == "max") return x[0] + " > " + x[1] + " ? " + x[0] + " : " + x[1];
  if (f == "lt") return truth(x[0] + " < " + x[1]);
  if (f == "le") return truth(x[0] + " <= " + x[1]);
  if (f == "eq") return truth(x[0] + " == " + x[1]);
  if (f == "and") return truth(x[0] + " != 0 && " + x[1] + " != 0");
  if (f == "or") return truth(x[0] + " != 0 || " + x[1] + " != 0");
  if (f == "where") return x[0] + " != 0 ? " + x[1] + " : " + x[2];
  refused = "has the function '" + t->name + "', which has no text";
  return "0";
}

std::string ProgramWriter::expression(Term t) {
  switch (t->kind) {
  case TermKind::Input: return inputText(t);
  case TermKind::Index: return indexText(t->name);
  case TermKind::Size:
    return t->name == "i"   ? "Number(s.q_length)"
           : t->name == "j" ? "Number(s.kv_length)"
                            : "Number(" + sizeOf(t->name[0]) + ")";
  case TermKind::Constant: return exactNumber(t->constant);
  case TermKind::Lin: {
    std::string out = exactNumber(t->constant);
    for (size_t k = 0; k < t->args.size(); ++k)
      out += " + " + exactNumber(t->coefficients[k]) + " * " + value(t->args[k]);
    return out;
  }
  case TermKind::Mul: {
    std::string out;
    for (Term a : t->args) out += (out.empty() ? "" : ", ") + value(a);
    return "product(" + out + ")";
  }
  case TermKind::Mexp: return "keep(args, s, i, j) ? Arithmetic::exp(" + value(t->args[0]) + ") : Number(0)";
  case TermKind::Apply: return applyText(t);
  case TermKind::Sum:
  case TermKind::Lse: break; // always arrays
  }
  return "0";
}

/// What a product adds up: its operands, each rounded as a kernel would. Of a tile's factors the product is one.
std::string ProgramWriter::operands(Term body) {
  std::string tile, out;
  for (Term factor : factorsOf(body)) {
    std::string &into = factor->indices.meets(kFeature) ? out : tile;
    const std::string x = value(factor);
    into += (into.empty() ? "" : ", ") + (&into == &out ? "Arithmetic::operand(" + x + ")" : x);
  }
  if (!tile.empty()) out = "Arithmetic::operand(product(" + tile + ")), " + out;
  return "product(" + out + ")";
}

// ---- loops

/// The sequence of b, n, r; of those that are not known the first one's, on which nothing depends.
std::string ProgramWriter::sequenceText(IndexSet known) const {
  auto of = [&](char c) { return known.has(c) ? std::string(1, c) : std::string("0"); };
  return "const Sequence s = sequence(args, " + of('b') + ", " + of('n') + ", " + of('r') + ");\n";
}

/// Whether (i, j) lies beyond a sequence's lengths; empty where it cannot.
std::string ProgramWriter::outside(IndexSet indices) const {
  if (interface.layout == "dense" || !indices.has('b') || !indices.meets(kStreamed)) return "";
  if (!indices.has('j')) return "i >= s.q_length";
  return indices.has('i') ? "i >= s.q_length || j >= s.kv_length" : "j >= s.kv_length";
}

/// The statements for every tuple of the indices, the block's threads in turns.
std::string ProgramWriter::atEachPlace(IndexSet indices, bool skipsPadding, const std::string &body) {
  const std::string letters = indices.str(), beyond = skipsPadding ? outside(indices) : "";
  std::string head;
  for (size_t k = letters.size(); k-- > 0;)
    head += "const int " + letters.substr(k, 1) + " = split(rest, " + sizeOf(letters[k]) + ");\n";
  return "#pragma unroll 1\nfor (i64 at = thread_index(); at < " + countOf(indices) + "; at += kThreads) {\n" +
         indent((letters.empty() ? "" : "i64 rest = at;\n") + head + sequenceText(indices) +
                    (beyond.empty() ? "" : "if (" + beyond + ") continue;\n") + body,
                2) +
         "}\nbarrier();\n";
}

/// Loops around the body, inside places of `around`.
std::string ProgramWriter::overEach(IndexSet over, IndexSet around, const std::string &body) const {
  std::string out = body;
  const std::string letters = over.str();
  for (size_t k = letters.size(); k-- > 0;) {
    const char c = letters[k];
    const std::string end = c == 'i' ? "s.q_length" : c == 'j' ? "s.kv_length" : sizeOf(c), x(1, c);
    const bool isLastOwner = IndexSet("bnr").has(c) && !IndexSet(letters.substr(k + 1)).meets("bnr");
    if (isLastOwner) { // lengths are those of the sequence inside the loops
      const std::string beyond = over.has('b') ? outside((around | over) - (over & kStreamed)) : "";
      out = sequenceText(around | over) + (beyond.empty() ? "" : "if (" + beyond + ") continue;\n") + out;
    }
    out =
        "#pragma unroll 1\nfor (int " + x + " = 0; " + x + " < " + end + "; ++" + x + ") {\n" + indent(out, 2) + "}\n";
  }
  return out;
}

std::string ProgramWriter::sumText(Term t) {
  const std::string term = isContraction(t) ? operands(t->args[0]) : value(t->args[0]);
  return "Number sum = 0;\n" + overEach(t->over, t->indices, statements + "sum += " + term + ";\n") + arrays[t] +
         "[at] = sum;\n";
}

/// lse = m + log sum exp(S - m) over kept entries, m their maximum; -inf if there is none.
std::string ProgramWriter::lseText(Term t) {
  const std::string score = value(t->args[0]), kept = "if (!keep(args, s, i, j)) continue;\n" + statements;
  return "Number top = -infinity(), sum = 0;\n" +
         overEach(t->over, t->indices, kept + "if (" + score + " > top) top = " + score + ";\n") +
         overEach(t->over, t->indices,
                  kept + "if (" + score + " > -infinity()) sum += Arithmetic::exp(" + score + " - top);\n") +
         arrays[t] + "[at] = sum == 0 ? Number(-infinity()) : top + Arithmetic::log(sum);\n";
}

std::string ProgramWriter::fill(Term t) {
  forget();
  std::string body;
  if (t->is(TermKind::Sum))
    body = sumText(t);
  else if (t->is(TermKind::Lse))
    body = lseText(t);
  else {
    const std::string x = expression(t);
    body = statements + arrays[t] + "[at] = " + x + ";\n";
  }
  return atEachPlace(t->indices, true, body);
}

/// An output in its tensor. Padding holds what rows without keys have; packed tensors have none.
std::string ProgramWriter::store(const std::string &name, Term t) {
  forget();
  const TensorInfo &tensor = interface.tensors.find(name)->second;
  const IndexSet indices(tensor.indices);
  const std::string x = value(t), beyond = outside(indices),
                    feature = tensor.has('d')   ? " + d"
                              : tensor.has('e') ? " + e"
                                                : "",
                    empty = name == "lse" ? "-infinity()" : "0.";
  const bool follows = interface.layout == "packed" && !tensor.hasOwnRows();
  const std::string number =
      beyond.empty() || follows ? "double(" + x + ")" : beyond + " ? " + empty + " : double(" + x + ")";
  return atEachPlace(indices, follows,
                     statements + "*(" + addressOf(parameters, tensor, "i", "j") + feature + ") = " + number + ";\n");
}

// ---- the text

static std::string sizesText(const Interface &interface) {
  return "const i64 B = args.problem.batch, N = args.problem.kv_heads, R = args.problem.heads / "
         "args.problem.kv_heads;\n"
         "const i64 I = args.problem.q_length, J = args.problem.kv_length;\nconstexpr i64 D = " +
         std::to_string(interface.head_dim_qk) + ", E = " + std::to_string(interface.head_dim_v) +
         ", kThreads = 32 * JVPGEN_WARPS;\n";
}

/// One kernel for each (name, arithmetic) of `entries`.
Result<std::string> ProgramWriter::text(ArrayRef<std::pair<std::string, std::string>> entries) {
  std::string body = "using Number = typename Arithmetic::Number;\n" + sizesText(interface);
  if (!workspace.empty()) {
    body += "i64 place = 0;\n";
    TensorInfo first{workspace[0].name, workspace[0].indices, DType::F64, true};
    for (Term t : order)
      body += "Number *const " + arrays[t] + " = next_array<Number>(" + parameters.use(first) + ", place, " +
              countOf(t->indices) + ");\n";
  }
  for (Term t : order) {
    const std::string named = print(t);
    body += "\n// " + arrays[t] + (named.size() < 90 ? " = " + named : "") + "\n" + fill(t);
  }
  for (const auto &[name, t] : program.outputs) body += "\n// " + name + "\n" + store(name, t);
  const std::string measure = measureText(parameters, interface);
  Result<std::string> keep = interface.mask
                                 ? keepText(parameters, interface)
                                 : "static DEV bool keep(const Args &, const Sequence &, int, int) { return true; }\n";
  if (!keep) return keep;
  if (!refused.empty())
    return fail(ErrorKind::Unsupported,
                "the reference of " + program.name + " " + refused + "; change the specification");
  std::string out = "// " + interface.name + ": " + program.name + ", the reference\n#include \"reference.cuh\"\n\n" +
                    parameters.declaration() + "\n" + measure + *keep +
                    "static DEV Sequence sequence(const Args &args, int b, int n, int r) {\n  Sequence s;\n  s.b = b, "
                    "s.n = n, s.h = int(n * (args.problem.heads / args.problem.kv_heads) + r);\n  measure(args, s);\n  "
                    "return s;\n}\n\ntemplate <class Arithmetic> DEV void evaluate(const Args &args) {\n" +
                    indent(body, 2) + "}\n";
  for (const auto &[kernel, arithmetic] : entries)
    out +=
        "\nKERNEL(32 * JVPGEN_WARPS, 1)\n" + kernel + "(PARAMETER Args args) { evaluate<" + arithmetic + ">(args); }\n";
  return out;
}

// ---- the bundle

static std::string kernelName(const std::string &specification, const std::string &part) {
  std::string name = specification + "_reference_" + part;
  for (char &c : name)
    if (!llvm::isAlnum(c)) c = '_';
  return llvm::isDigit(name[0]) ? "k" + name : name;
}

/// Writes one text, and a variant for each of its kernels.
static Result<void> add(const Program &program, const Interface &interface, const std::string &source,
                        ArrayRef<std::pair<std::string, std::string>> variants, KernelBundle &bundle) {
  ProgramWriter writer(program, interface);
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto &[variant, arithmetic] : variants)
    entries.push_back({kernelName(interface.name, program.name + "_" + variant), arithmetic});
  Result<std::string> text = writer.text(entries);
  if (!text) return tl::unexpected(text.error());
  bundle.files.push_back({source, *text});
  for (size_t k = 0; k < variants.size(); ++k) {
    KernelVariant variant;
    variant.program = program.name;
    variant.variant = variants[k].first;
    variant.skeleton = "reference";
    variant.workspace = writer.workspace;
    Launch launch;
    launch.kernel = entries[k].first;
    launch.source = source;
    launch.rows_per_block = "1";
    launch.tensors = writer.parameters.names();
    launch.schedule.warps = kReferenceWarps;
    variant.schedule = launch.schedule;
    variant.launches = {launch};
    bundle.references.push_back(std::move(variant));
  }
  return {};
}

Result<void> jvpgen::addReferences(ModuleOp module, ArrayRef<ReferencePrograms> programs, KernelBundle &bundle) {
  Interface interface(module);
  std::string operand = interface.element_f32;
  for (TensorDeclaration &tensor : interface.declarations) {
    if (tensor.name == "q" && tensor.dtype != DType::F32) operand = interface.tensors["q"].type();
    if (tensor.is_output) interface.tensors[tensor.name].dtype = DType::F64;
  }
  for (const ReferencePrograms &reference : programs) {
    Program derived = reference.derived;
    llvm::erase_if(derived.outputs, [&](const auto &output) { return !interface.tensors.count(output.first); });
    const std::string source = kernelName(interface.name, derived.name);
    if (auto done = add(derived, interface, source + "_derived.cu", {{kDerivedReference, "Exact"}}, bundle); !done)
      return done;
    if (!reference.simplified) continue;
    if (auto done = add(*reference.simplified, interface, source + ".cu",
                        {{kSimplifiedReference, "Exact"}, {kRoundedReference, "Rounded<" + operand + ">"}}, bundle);
        !done)
      return done;
  }
  return {};
}
