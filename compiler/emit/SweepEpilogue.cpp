// The parts of a sweep's policy around its tiles: operands, entering a head, epilogues, and the whole text.
#include "compiler/emit/ScalarText.h"
#include "compiler/emit/SweepWriter.h"
#include "compiler/emit/Text.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

// An element that the mask reads, its row's address, and what it is compared with.
static constexpr int kFetchRegisters = 8;
// The indices of streamed rows as numbers, for scores.
static constexpr int kIndexRegisters = 4;

std::string SweepWriter::elementType() const {
  for (const auto *list : {&program.own, &program.streamed})
    for (const Operand &o : *list)
      if (auto tensor = interface.tensors.find(o.tensor); tensor != interface.tensors.end())
        return tensor->second.dtype == DType::F32 ? interface.element_f32 : tensor->second.type();
  return "Bf16";
}

bool SweepWriter::storesTiles() const {
  return llvm::any_of(program.accumulators, [](AccumulatorOp acc) { return acc.getPlace() == "tile"; });
}

/// A function that returns the o-th of these, chosen at compile time.
static std::string choose(const std::string &head, const std::vector<std::string> &values) {
  std::string body;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool isLast = i + 1 == values.size();
    body += (i ? "else " : "") + (isLast ? "" : "if constexpr (o == " + std::to_string(i) + ") ") + "return " +
            values[i] + ";\n";
  }
  return head + " {\n" + indent(body, 2) + "}\n";
}

/// Which tensors the operands are: one function a kind.
std::string SweepWriter::operandsText() {
  auto kind = [&](const std::string &name, const std::vector<Operand> &operands) {
    std::vector<std::string> tensors;
    std::string lengths;
    for (const Operand &o : operands) {
      tensors.push_back(parameters.use(interface.tensors.lookup(o.tensor)));
      lengths += (lengths.empty() ? "" : ", ") + std::to_string(o.features);
    }
    std::string out = "static constexpr int " + name + "_operands = " + std::to_string(operands.size()) + ";\n";
    if (operands.empty()) return out + "static DEV constexpr int " + name + "_features(int) { return 0; }\n";
    out += "static DEV constexpr int " + name + "_features(int o) {\n  constexpr int features[] = {" + lengths +
           "};\n  return features[o];\n}\n";
    return out + choose("template <int o> static DEV const Tensor &" + name + "(const Args &args)", tensors);
  };
  return kind("own", program.own) + kind("streamed", program.streamed) + statisticsText();
}

/// Which tensors have a number for each streamed row.
std::string SweepWriter::statisticsText() {
  std::string out = "static constexpr int streamed_numbers = " + std::to_string(points.numbers.size()) + ";\n";
  if (points.numbers.empty()) return out;
  std::vector<std::string> tensors, places, heads;
  std::string types;
  for (const TensorInfo *tensor : points.numbers) {
    tensors.push_back(parameters.use(*tensor));
    places.push_back(placeOf(*tensor));
    heads.push_back(headOf(*tensor));
    types += (types.empty() ? "" : ", ") + tensor->type();
  }
  out += choose("template <int o> static DEV const Tensor &statistic(const Args &args)", tensors);
  out += choose("template <int o> static DEV Sequence statistic_place(const Sequence &s)", places);
  out += choose("template <int o> static DEV int statistic_head(const Sequence &s)", heads);
  return out + "template <int o> using StatisticType = TypeAt<o, " + types + ">;\n";
}

std::string SweepWriter::skipText() {
  std::string stores;
  for (ReduceOp reduce : program.reduces)
    if (program.accumulator(reduce.getAccumulator()).getPlace() == "tile") stores += storeTile(reduce, "zeros");
  return "/// An empty tile leaves zeros.\nDEV void skip(const Args &args, const Owner<Policy> &own, const Sequence "
         "&s, int first) {\n"
         "  const Streamed<Policy> tile{0u, first};\n  Tile<M, N> zeros;\n  zeros.clear();\n" +
         indent(stores, 2) + "}\n";
}

/// How an epilogue names what it reads: the sweep's results and the row's own numbers.
ScalarText SweepWriter::epilogueScalars() {
  ScalarText text;
  text.leaf = [this](InputOp input) -> Result<std::string> {
    const std::string name = input.getName().str();
    auto type = cast<ValueType>(input.getResult().getType());
    if (input.getKind() == "acc") {
      if (type.hasFeature()) return name + ".x[r / 2][n][2 * (r & 1) + c]";
      return (writesFeatures(input->getParentOfType<EpilogueOp>()) && isRounded(name) ? roundedName(name) : name) +
             "[r]";
    }
    if (input.getKind() == "max") {
      for (MaxOp max : program.maxima)
        if (max.getName() == name) return points.use(max.getResult());
    }
    if (input.getKind() == "shift") return "centre_" + name + "[r]";
    auto tensor = interface.tensors.find(name);
    if (tensor == interface.tensors.end())
      return fail(ErrorKind::Invalid, "the epilogue reads \"" + name + "\", which is no tensor of the module.");
    const std::string at =
        addressOf(parameters, tensor->second, "row", "row") + (type.hasFeature() ? "[8 * n + 2 * lane + c]" : "[0]");
    const std::string value = tensor->second.type() + "::to_float(" + at + ")";
    return type.getIndices().empty() ? value : "row < own.length ? " + value + " : 0.f";
  };
  text.place = [](IndexOp index) -> Result<std::string> {
    if (index.getName() == "i" || index.getName() == "j") return std::string("float(row)");
    return "float(s." + index.getName().str() + ")";
  };
  return text;
}

/// What later kernels of the plan read, stored per row.
std::string SweepWriter::keptText() {
  std::string out;
  for (const TensorInfo &k : kept) {
    std::string value;
    if (AccumulatorOp acc = program.accumulator(k.name); acc && acc.getPlace() == "register") value = k.name + "[r]";
    for (MaxOp m : program.maxima)
      if (m.getName() == k.name) value = *points.use(m.getResult());
    for (ShiftOp shift : program.shifts)
      if (shift.getName() == k.name) value = "centre_" + k.name + "[r]";
    if (!value.empty()) out += "if (lane == 0) *" + addressOf(parameters, k, "row", "row") + " = " + value + ";\n";
  }
  return out;
}

/// Sums over the quad, then each row's outputs.
Result<std::string> SweepWriter::leaveText() {
  std::string out = leaveRoom(), rows, features;
  for (AccumulatorOp acc : program.accumulators)
    if (acc.getPlace() == "register" && !cast<ValueType>(acc.getType()).hasFeature())
      for (const std::string &name : {acc.getName().str(), roundedName(acc.getName())})
        if (name == acc.getName() || isRounded(acc.getName()))
          out += "for (int r = 0; r < 2 * M; ++r) " + name + "[r] = quad_sum(" + name + "[r]);\n";
  ScalarText text = epilogueScalars();
  const std::string row = "row";
  for (EpilogueOp epilogue : program.epilogues) {
    auto yield = cast<YieldOp>(epilogue.getBody().front().getTerminator());
    Value v = yield.getValues()[0];
    Result<std::string> value = text.use(v);
    if (!value) return value;
    const TensorInfo &tensor = interface.tensors.find(epilogue.getOutput())->second;
    const std::string address = addressOf(parameters, tensor, row, row);
    const int groups = interface.features(tensor.indices) / 8; // a zero has no index of its own
    if (!groups) {
      rows += "if (lane == 0) *" + address + " = " + tensor.type() + "::from_float(" + *value + ");\n";
      continue;
    }
    features += "#pragma unroll\nfor (int n = 0; n < " + std::to_string(groups) +
                "; ++n) {\n  float pair[2];\n  for (int c = 0; c < 2; ++c) {\n" + indent(text.inner, 4) +
                "    pair[c] = " + *value + ";\n  }\n  store_pair<" + tensor.type() + ">(" + address +
                ", 8 * n + 2 * lane, pair[0], pair[1]);\n}\n";
    text.forgetInner();
  }
  return out +
         "const Sequence &s = own.sequence;\nconst int lane = thread_index() % 4;\n#pragma unroll\nfor (int r = 0; r < "
         "2 * M; ++r) {\n"
         "  const int row = own.row(r);\n  if (row >= own.bound) continue;\n" +
         indent(text.outer + rows + keptText() + features, 2) + "}\n";
}

void SweepWriter::declareAccumulators() {
  for (AccumulatorOp acc : program.accumulators) {
    if (acc.getPlace() == "tile") continue;
    const std::string name = acc.getName().str();
    const int features = (interface.features(cast<ValueType>(acc.getType()).getIndices()) + 15) / 16 * 16;
    state += features ? "Tile<M, " + std::to_string(features) + "> " + name + ";\n" : "float " + name + "[2 * M];\n";
    clearing += features ? name + ".clear();\n" : "for (int r = 0; r < 2 * M; ++r) " + name + "[r] = 0.f;\n";
    if (!isRounded(name)) continue;
    state += "float " + roundedName(name) + "[2 * M]; ///< the same sum of the weights as products round them\n";
    clearing += "for (int r = 0; r < 2 * M; ++r) " + roundedName(name) + "[r] = 0.f;\n";
  }
}

/// What a kernel reads of tensors with i and j, or inside the mask, is under way in registers beside its tiles.
static void addLoads(ResourceModel &model, const SweepProgram &program, const Pointwise &points) {
  for (auto &[tensor, tile] : points.loaded) model.fetched_tiles += tensor->dtype == DType::F32 ? 2 : 1;
  for (Operation *op : program.flat.body)
    if (auto index = dyn_cast<IndexOp>(op); index && (index.getName() == "i" || index.getName() == "j"))
      model.mask_registers += kIndexRegisters;
  MaskOp mask = program.interface.mask;
  if (!mask) return;
  mask.getKeep().walk([&](FetchOp fetch) { // of a bias it asks whether it is -inf, in the tile that is loaded anyway
    if (!fetch.getType().isF32()) model.mask_registers += kFetchRegisters;
  });
}

Result<KernelText> SweepWriter::write(const std::string &kernel, const std::string &title) {
  if (Result<void> checked = checkOperands(); !checked) return tl::unexpected(checked.error());
  declareAccumulators();
  Result<std::string> meet = meetText();
  if (!meet) return tl::unexpected(meet.error());
  Result<std::string> leave = leaveText();
  if (!leave) return tl::unexpected(leave.error());
  const std::string skip = storesTiles() ? skipText() : "";
  const std::string operands = operandsText();
  const std::string measure = measureText(parameters, interface);
  Result<std::string> mask = maskText(parameters, interface);
  if (!mask) return tl::unexpected(mask.error());

  ResourceModel model = program.resources();
  model.streamed_numbers = static_cast<int>(points.numbers.size());
  model.masks_entries = points.masks_entries;
  addLoads(model, program, points);
  const bool rowSweep = program.isRowSweep(), padded = interface.layout == "padded";
  const std::string own = rowSweep ? "JVPGEN_TILE_M" : "JVPGEN_TILE_N",
                    streamed = rowSweep ? "JVPGEN_TILE_N" : "JVPGEN_TILE_M";
  std::string policy =
      "using Args = ::Args;\nusing Element = " + elementType() +
      ";\nstatic constexpr Layout layout = Layout::" + interface.layout +
      ";\nstatic constexpr bool owns_queries = " + (rowSweep ? "true" : "false") +
      ";\nstatic constexpr bool checks_own_rows = " + (padded || storesTiles() ? "true" : "false") +
      ", skips = " + (storesTiles() ? "true" : "false") +
      ";\nstatic constexpr int warps = JVPGEN_WARPS, stages = JVPGEN_STAGES;\nstatic constexpr int M = " + own +
      " / (16 * warps), N = " + streamed +
      ";\nstatic constexpr int score_tiles = " + std::to_string(model.score_tiles) +
      ", output_features = " + std::to_string(model.output_features) + ";\n\n" + operands + "\n" + measure + *mask;
  const std::string arguments = "const Args &args, const Owner<Policy> &own, const Sequence &s";
  policy += "\nstruct State {\n" + indent(state + points.members, 2) + "\n  DEV void clear() {\n" +
            indent(clearing, 4) + "  }\n" + "  /// What is known once the query head is.\n  DEV void enter(" +
            arguments + ") {\n" + indent(points.text[Scope::Head] + points.text[Scope::Row], 4) + "  }\n" +
            "  /// A tile is met; `partial` says that some of its entries do not count.\n  DEV void meet(" + arguments +
            ", const OwnRows<Policy> &rows,\n                const Streamed<Policy> &tile, const Keep<M, N> &keep, "
            "bool partial) {\n" +
            indent(*meet, 4) + "  }\n" + indent(skip, 2) +
            "  DEV void leave(const Args &args, const Owner<Policy> &own) {\n" + indent(*leave, 4) + "  }\n};\n";

  KernelText out;
  out.text = "// " + title + "\n" + formulas() + "#include \"sweep.cuh\"\n\n" + parameters.declaration() +
             "\nstruct Policy {\n" + indent(policy, 2) +
             "};\n\nstatic_assert(Placement<Policy>::shared_bytes() == JVPGEN_SHARED_BYTES);\n\nKERNEL(32 * "
             "JVPGEN_WARPS, 1)\n" +
             kernel + "(PARAMETER Args args) { Sweep<Policy>(args).run(); }\n";
  out.launch.kernel = kernel;
  out.launch.owners = rowSweep ? "bnri" : "bnj";
  out.launch.rows_per_block = rowSweep ? "tile_m" : "tile_n";
  out.launch.tensors = parameters.names();
  out.launch.resources = model;
  return out;
}

Result<KernelText> jvpgen::sweepText(const SweepProgram &program, const std::string &kernel, const std::string &title,
                                     llvm::ArrayRef<TensorInfo> kept) {
  return SweepWriter(program, kept).write(kernel, title);
}
