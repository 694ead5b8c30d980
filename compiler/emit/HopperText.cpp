// The policy of a row sweep on Hopper: products by groups, and what is read of scores as soon as they have landed.
#include "compiler/emit/HopperText.h"

#include "compiler/emit/SweepWriter.h"
#include "compiler/emit/Text.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

static constexpr int kMostFeatures = 256;
static constexpr int kRangeRegisters = 16, kBoxRegisters = 8; // of what judges tiles; spills vanish with them

namespace {

/// Tiles live in the policy's State, for products write them behind the threads' backs.
class HopperWriter : public SweepWriter {
public:
  using SweepWriter::SweepWriter;

  Result<void> check();
  Result<std::vector<KernelText>> write(const std::string &kernel, const std::string &title);

private:
  Result<void> checkOperandUse();
  void splitScores();
  bool isEarly(ScoreOp score) const { return llvm::is_contained(earlyScores, score.getOperation()); }
  /// Score tile (+)= own operand times key operand.
  struct ScoreProduct {
    std::string tile;
    int own, key;
    bool adds;
  };
  std::vector<ScoreProduct> productsOf(bool early);
  std::vector<int> groupsOfKeys();
  static bool endsKey(llvm::ArrayRef<ScoreProduct> products, size_t p);
  std::string multiplyScores(bool early);
  std::string multiplyOutputs();
  std::string holdOutputs();
  std::string loadText();
  std::string counterText();
  std::string landed(bool early);
  std::string dropMasked(Value tile, const std::string &name);
  Result<void> meetTexts();
  Result<void> beginMeeting(MaxOp max);
  std::string mapsText();
  bool walks() const;
  bool draws() const;
  bool loads() const { return !points.loaded.empty() || !points.numbers.empty(); }
  bool loadsForAllBatches() const;
  std::string biasDrops() const;
  std::string stateText(const std::string &leave, const std::string &division);
  std::string policyText(const std::string &state, const std::string &maps, const std::string &mask,
                         int partialNumbers);
  Launch launch(const std::string &kernel, int partialNumbers);
  ResourceModel resources();

  int keys = 0; ///< of the streamed operands, those of scores
  bool late = false;
  llvm::SmallVector<Operation *, 4> earlyScores; ///< that the running maximum needs
  std::string meetEarly, meetLate;
};

} // namespace

static Result<void> refuse(const std::string &asked, const std::string &obstacle) {
  return fail(ErrorKind::Unsupported,
              asked + " was asked for; Hopper's skeleton " + obstacle + "; the portable skeleton runs it.");
}

/// Blocks that last equally long are walked through at equal distances; others are drawn as multiprocessors become
/// free. Both take registers, which what is loaded for each query and key does not leave; nor does a mask that reads
/// memory leave those that drawing takes.
bool HopperWriter::walks() const {
  return !mayBeEmpty(interface) && interface.layout == "dense" && points.loaded.empty();
}
bool HopperWriter::draws() const { return !walks() && points.loaded.empty() && !judgesByMemory(interface); }

/// Operands are q and the like on the left, then keys, then values: none is two of these.
Result<void> HopperWriter::checkOperandUse() {
  llvm::SmallSetVector<int, 8> inScores, inOutputs;
  for (ScoreOp score : program.scores)
    for (unsigned i = 0; i < score.getRows().size(); ++i)
      inScores.insert(SweepProgram::find(program.streamed, program.streamedFactor(score, i)));
  for (OutOp out : program.outs)
    inOutputs.insert(SweepProgram::find(program.streamed, program.resolve(out.getMatrix())));
  for (int y : inScores)
    if (inOutputs.contains(y))
      return refuse("\"" + program.streamed[static_cast<size_t>(y)].tensor + "\" in scores and in output products",
                    "streams keys and values apart");
  keys = static_cast<int>(inScores.size());
  auto sameLength = [&](llvm::ArrayRef<Operand> operands) {
    return llvm::all_of(operands, [&](const Operand &o) { return o.features == operands.front().features; });
  };
  const llvm::ArrayRef<Operand> streamed = program.streamed;
  const size_t first = static_cast<size_t>(keys);
  if (program.own.empty() || !keys || streamed.size() == first || !sameLength(program.own) ||
      !sameLength(streamed.take_front(first)) || !sameLength(streamed.drop_front(first)) ||
      program.own[0].features != streamed[0].features)
    return refuse("a sweep of operands of several lengths", "takes one for scores and one for outputs");
  for (const auto *list : {&program.own, &program.streamed})
    for (const Operand &o : *list) {
      const TensorInfo &tensor = interface.tensors.find(o.tensor)->second;
      if (tensor.dtype != DType::BF16 && tensor.dtype != DType::F16)
        return refuse("a product of " + std::string(name(tensor.dtype)) + " numbers", "multiplies bf16 and f16");
      if (o.features % 8 || o.features > kMostFeatures)
        return refuse("\"" + o.tensor + "\" with rows of " + std::to_string(o.features),
                      "takes multiples of 8 up to " + std::to_string(kMostFeatures));
      if (tensor.in_workspace)
        return refuse("\"" + o.tensor + "\" of the workspace", "copies tensors of the interface");
    }
  return {};
}

Result<void> HopperWriter::check() {
  if (Result<void> checked = checkOperands(); !checked) return checked;
  if (!program.isRowSweep()) return refuse("a column sweep", "runs row sweeps");
  if (storesTiles()) return refuse("a tile of weights in memory", "keeps all weights in registers");
  return checkOperandUse();
}

/// Early are the scores that the running maximum, or without one the exponents, are computed from.
void HopperWriter::splitScores() {
  std::vector<Value> pending;
  for (MaxOp max : program.maxima) pending.push_back(MaxOp(max).getScore());
  if (pending.empty())
    for (Operation *op : program.flat.body)
      if (auto mexp = dyn_cast<MexpOp>(op)) pending.push_back(mexp.getExponent());
  llvm::SmallPtrSet<Operation *, 16> met;
  while (!pending.empty()) {
    Operation *op = program.resolve(pending.back()).getDefiningOp();
    pending.pop_back();
    if (!met.insert(op).second) continue;
    if (isa<ScoreOp>(op))
      earlyScores.push_back(op);
    else
      pending.insert(pending.end(), op->operand_begin(), op->operand_end());
  }
  late = earlyScores.size() < program.scores.size();
}

/// The products of early or of late scores, in order.
std::vector<HopperWriter::ScoreProduct> HopperWriter::productsOf(bool early) {
  std::vector<ScoreProduct> out;
  for (ScoreOp score : program.scores)
    for (unsigned i = 0; isEarly(score) == early && i < score.getRows().size(); ++i)
      out.push_back({scoreName(score.getResult()), SweepProgram::find(program.own, program.ownFactor(score, i)),
                     SweepProgram::find(program.streamed, program.streamedFactor(score, i)), i > 0});
  return out;
}

/// Late products by groups: one ends where a key operand has been read for the last time. Numbers of the last groups
/// that read each operand, the early scores being group 0.
std::vector<int> HopperWriter::groupsOfKeys() {
  std::vector<int> groups(static_cast<size_t>(keys), 0);
  int group = 1;
  const std::vector<ScoreProduct> products = productsOf(false);
  for (size_t p = 0; p < products.size(); ++p) {
    groups[static_cast<size_t>(products[p].key)] = group;
    group += endsKey(products, p);
  }
  return groups;
}

bool HopperWriter::endsKey(llvm::ArrayRef<ScoreProduct> products, size_t p) {
  return llvm::none_of(products.drop_front(p + 1), [&](const ScoreProduct &x) { return x.key == products[p].key; });
}

/// The first product of each tile does not add to it. Where keys come one by one, so do groups of late products.
std::string HopperWriter::multiplyScores(bool early) {
  std::string forgotten, text;
  const std::vector<ScoreProduct> products = productsOf(early);
  for (size_t p = 0; p < products.size(); ++p) {
    const ScoreProduct &x = products[p];
    if (!x.adds) forgotten += "forget(" + x.tile + ");\n";
    text += "multiply_scores<Policy, " + std::to_string(x.own) + ", " + std::to_string(x.key) + ", " +
            (x.adds ? "true" : "false") + ">(" + x.tile + ", at);\n";
    if (!early && p + 1 < products.size() && endsKey(products, p))
      text += "if constexpr (HopperPlacement<Policy>::key_parts > 1) end_products();\n";
  }
  return forgotten + "begin_products();\n" + text + "end_products();\n";
}

std::string HopperWriter::holdOutputs() {
  std::string out;
  for (AccumulatorOp acc : program.accumulators)
    if (cast<ValueType>(acc.getType()).hasFeature()) out += "hold(" + acc.getName().str() + ");\n";
  for (auto &[key, name] : weights) out += "hold(" + name + ");\n";
  return out;
}

/// The counter that blocks are drawn from.
std::string HopperWriter::counterText() {
  if (!draws()) return "";
  const TensorInfo counter = {kCounter.str(), "", DType::I32, true};
  return "static DEV u32 *counter(const Args &args) { return static_cast<u32 *>(" + parameters.use(counter) +
         ".data); }\n";
}

/// What a loading warp does for a tile, and which bytes a number of each tensor has.
std::string HopperWriter::loadText() {
  std::string copies, bytes;
  for (auto [o, entry] : llvm::enumerate(points.loaded)) {
    const TensorInfo &tensor = *entry.first;
    copies += "loader.template load<" + tensor.type() + ">(" + parameters.use(tensor) + ", " + placeOf(tensor) + ", " +
              headOf(tensor) + ", HopperPlacement<Policy>::load_offset(" + std::to_string(o) + "));\n";
    bytes += (o ? ", " : "") + std::to_string(byteSize(tensor.dtype));
  }
  const std::string count = "static constexpr int loaded_tensors = " + std::to_string(points.loaded.size()) + ";\n";
  const std::string size = points.loaded.empty()
                               ? "static DEV constexpr int loaded_bytes(int) { return 0; }\n"
                               : "static DEV constexpr int loaded_bytes(int o) {\n  constexpr int bytes[] = {" + bytes +
                                     "};\n  return bytes[o];\n}\n";
  if (!loads()) return count + size;
  return count + size +
         "/// What is given for each query and key.\ntemplate <class Loader>\n"
         "static DEV void load(const Args &args, const Sequence &s, Loader &loader) {\n" +
         indent(copies, 2) + "}\n";
}

/// Where values come one by one, product by product; else interleaved.
std::string HopperWriter::multiplyOutputs() {
  std::string apart, products;
  for (OutOp o : program.outs) {
    const std::string head = "  multiply_output<Policy, " +
                             std::to_string(SweepProgram::find(program.streamed, program.resolve(o.getMatrix()))) +
                             ">(" + o.getAccumulator().str() + ", " +
                             weightsName(program.resolve(o.getTile()), toDouble(o.getCoefficient()));
    apart += head + ", at);\n";
    products += head + ", k, at);\n";
  }
  const bool canBeApart = program.streamed.size() > static_cast<size_t>(keys) + 1;
  return "hold_outputs();\nbegin_products();\n" +
         (canBeApart ? "if constexpr (HopperPlacement<Policy>::value_parts > 1) {\n" + apart + "} else\n" : "") +
         "#pragma unroll\nfor (int k = 0; k < N; k += 16) {\n" + products + "}\nend_products();\n";
}

std::string HopperWriter::landed(bool early) {
  std::string out;
  for (ScoreOp score : program.scores)
    if (isEarly(score) == early) out += "hold(" + scoreName(score.getResult()) + ");\n";
  return out;
}

std::string HopperWriter::dropMasked(Value tile, const std::string &name) {
  masked.insert(tile);
  return "if (partial) drop_masked(" + name + ", keep);\n";
}

/// The tile that the running maximum reads, and the maximum as soon as that tile can carry the mask.
Result<void> HopperWriter::beginMeeting(MaxOp max) {
  const Value tile = program.resolve(maximumTile(max));
  const std::string name = earlyTile(tile);
  const bool isScore = scoreNames.count(tile);
  Result<std::string> pass = earlyText(early);
  if (!pass) return tl::unexpected(pass.error());
  meetEarly += *pass;
  const size_t known = early.size();
  auto finish = [&](std::string &where) -> Result<void> {
    Result<std::string> text = maximumText(max);
    if (!text) return tl::unexpected(text.error());
    where += *text;
    return {};
  };
  if (isScore) return finish(meetEarly);
  if (points.carryMask(tile)) {
    meetEarly += dropMasked(tile, name);
    return finish(meetEarly);
  }
  for (ShiftOp shift : program.shifts) (void)earlyTile(shift.getTile());
  Result<std::string> rest = earlyText(llvm::ArrayRef(early).drop_front(known));
  if (!rest) return tl::unexpected(rest.error());
  std::string &where = late ? meetLate : meetEarly;
  where += *rest;
  if (points.carryMask(tile)) where += dropMasked(tile, name);
  return finish(where);
}

/// What happens to scores: as much as possible once the early ones have landed, the rest when all have.
Result<void> HopperWriter::meetTexts() {
  points.holds_memory = points.clears_masked = true;
  nameScores();
  makeRoomBesideReference();
  splitScores();
  meetEarly = landed(true);
  if (late) meetLate = landed(false);
  for (Operation *op : program.flat.body)
    if (auto mexp = dyn_cast<MexpOp>(op))
      if (Value score = points.maskedTile(mexp); score && scoreNames.count(score) && !masked.contains(score))
        (isEarly(score.getDefiningOp<ScoreOp>()) ? meetEarly : meetLate) += dropMasked(score, scoreNames[score]);
  for (MaxOp max : program.maxima)
    if (Result<void> done = beginMeeting(max); !done) return done;
  std::string &where = late ? meetLate : meetEarly;
  const size_t known = early.size();
  std::string centres;
  for (ShiftOp shift : program.shifts) centres += centreText(shift);
  Result<std::string> rest = earlyText(llvm::ArrayRef(early).drop_front(known));
  if (!rest) return tl::unexpected(rest.error());
  Result<std::string> range = rangeText();
  if (!range) return tl::unexpected(range.error());
  Result<std::string> pass = passText([&] { return sinksText(); }, "");
  if (!pass) return tl::unexpected(pass.error());
  where += *rest + centres + *range + *pass;
  return {};
}

/// Features of the boxes that rows come in (templates/hopper_boxes.cuh).
static std::vector<int> boxWidths(int features, bool isEven) {
  const int length = (features + 15) / 16 * 16;
  if (isEven) return {length % 64 == 0 ? 64 : length % 32 == 0 ? 32 : 16};
  std::vector<int> widths;
  if (length >= 64) widths.push_back(64);
  if (length % 64 >= 32) widths.push_back(32);
  if (length % 32) widths.push_back(16);
  return widths;
}

/// Which tensors the operands are: one function a kind, chosen at compile time.
std::string HopperWriter::mapsText() {
  auto kind = [&](const std::string &name, const std::vector<Operand> &operands, size_t uneven) {
    std::string lengths, choice;
    for (auto [i, o] : llvm::enumerate(operands)) {
      lengths += (i ? ", " : "") + std::to_string(o.features);
      for (int width : boxWidths(o.features, i >= uneven))
        choice += "if constexpr (o == " + std::to_string(i) + " && w == " + std::to_string(width) + ") return " +
                  parameters.useMap(interface.tensors.find(o.tensor)->second, width) + ";\n";
    }
    return "static constexpr int " + name + "_operands = " + std::to_string(operands.size()) +
           ";\nstatic DEV constexpr int " + name + "_features(int o) {\n  constexpr int features[] = {" + lengths +
           "};\n  return features[o];\n}\ntemplate <int o, int w> static DEV const TensorMap &" + name +
           "_map(const Args &args) {\n" + indent(choice, 2) + "}\n";
  };
  std::string groups;
  const std::vector<int> ofKeys = groupsOfKeys();
  for (int group : ofKeys) groups += (groups.empty() ? "" : ", ") + std::to_string(group);
  const std::string maps =
      kind("own", program.own, program.own.size()) + kind("streamed", program.streamed, static_cast<size_t>(keys));
  std::string prefetches;
  for (auto &[tensor, width] : parameters.mappedTensors())
    prefetches += "prefetch_map(" + parameters.useMap(interface.tensors.find(tensor)->second, width) + ");\n";
  return maps + "static DEV void prefetch_maps(const Args &args) {\n" + indent(prefetches, 2) +
         "}\nstatic constexpr int key_operands = " + std::to_string(keys) +
         ", late_groups = " + std::to_string(*llvm::max_element(ofKeys)) +
         ";\nstatic DEV constexpr int key_group(int o) {\n  constexpr int groups[] = {" + groups +
         "};\n  return groups[o];\n}\n";
}

ResourceModel HopperWriter::resources() {
  ResourceModel model = program.resources();
  model.warpgroups = true;
  model.own_features = model.streamed_features = model.key_features = 0;
  auto padded = [](const Operand &o) { return (o.features + 15) / 16 * 16; };
  for (const Operand &o : program.own) model.own_features += padded(o);
  for (auto [i, o] : llvm::enumerate(program.streamed)) {
    model.streamed_features += padded(o);
    if (static_cast<int>(i) < keys) model.key_features += padded(o);
  }
  model.mask_registers = judgesTogether(interface) ? kRangeRegisters : judgesByMemory(interface) ? kBoxRegisters : 0;
  model.score_tiles = static_cast<int>(program.scores.size());
  for (auto &[tensor, tile] : points.loaded) model.fetched_tiles += tensor->dtype == DType::F32 ? 2 : 1;
  model.streamed_numbers = static_cast<int>(points.numbers.size());
  model.early_scores = static_cast<int>(earlyScores.size());
  model.packed_tiles = static_cast<int>(weights.size());
  return model;
}

/// Whether nothing that is loaded for each query and key depends on the batch.
bool HopperWriter::loadsForAllBatches() const {
  return !points.loaded.empty() && llvm::none_of(points.loaded, [](auto &entry) { return entry.first->has('b'); });
}

/// Whether a bias that was loaded drops an entry of the thread's, as an expression; empty if none does.
std::string HopperWriter::biasDrops() const {
  std::string out;
  if (MaskOp mask = interface.mask)
    mask.getKeep().walk([&](FetchOp fetch) {
      if (!fetch.getType().isF32()) return;
      for (auto &[tensor, tile] : points.loaded)
        if (tensor->name == fetch.getName()) out = tile + ".has_minus_infinity()";
      for (auto [number, tensor] : llvm::enumerate(points.numbers))
        if (tensor->name == fetch.getName()) out = "tile.template has_minus_infinity<" + std::to_string(number) + ">()";
    });
  return interface.tensors.count(kMaskBoxes) ? "" : out;
}

std::string HopperWriter::stateText(const std::string &leave, const std::string &division) {
  std::string tiles;
  for (ScoreOp score : program.scores) tiles += "Tile<M, N> " + scoreName(score.getResult()) + ";\n";
  for (auto &[value, name] : early) tiles += "Tile<M, N> " + name + ";\n";
  for (auto &[key, name] : weights) tiles += "Weights<Element, M, N> " + name + ";\n";
  for (auto &[tensor, tile] : points.loaded) tiles += "LoadedTile<" + tensor->type() + ", N> " + tile + ";\n";
  auto function = [](const std::string &comment, const std::string &head, const std::string &body,
                     const std::string &type = "void") {
    return (comment.empty() ? "" : "  /// " + comment + "\n") + "  DEV " + type + " " + head + " {\n" +
           indent(body, 4) + "  }\n";
  };
  const std::string block = "const Args &args, const Owner<Policy> &own, const Sequence &s",
                    meeting = "(" + block +
                              ",\n                      const Streamed<Policy> &tile, const Keep<M, N> "
                              "&keep, bool partial)";
  std::string out = "struct State {\n" + indent(state + points.members + tiles, 2) + "\n";
  out += function("", "clear()", clearing);
  out += function("What is known once the query head is.", "enter(" + block + ")",
                  points.text[Scope::Head] + points.text[Scope::Row]);
  out += function("The scores that come first.", "multiply_early(const Operands &at)", multiplyScores(true));
  if (late) out += function("The other scores.", "multiply_late(const Operands &at)", multiplyScores(false));
  if (const std::string drops = biasDrops(); !drops.empty())
    out += function("Whether what was loaded drops an entry of the warp's rows.",
                    "drops(const Streamed<Policy> &tile) const", "return any_in_warp(" + drops + ");\n", "bool");
  if (loads()) {
    std::string taking, clearing;
    for (auto [o, entry] : llvm::enumerate(points.loaded)) {
      taking += entry.second + ".take(slot + HopperPlacement<Policy>::load_offset(" + std::to_string(o) + "));\n";
      clearing += entry.second + ".clear_dropped(keep);\n";
    }
    out += function("What has been loaded for the next tile.", "take(SharedAddress slot)", taking);
    out += function("", "clear_dropped(const Keep<M, N> &keep)", clearing);
  }
  out += function("The first scores have landed; `partial` says that some of the tile's entries do not count.",
                  "meet_early" + meeting, meetEarly);
  if (late) out += function("All scores have landed.", "meet_late" + meeting, meetLate);
  out += function("", "multiply_outputs(const Operands &at)", multiplyOutputs());
  out += function("What output products read and write.", "hold_outputs()", holdOutputs());
  out += function("", "leave(const Args &args, const Owner<Policy> &own)", leave);
  return out + indent(division, 2) + "};\n";
}

std::string HopperWriter::policyText(const std::string &state, const std::string &maps, const std::string &mask,
                                     int partialNumbers) {
  auto flag = [](bool x) { return std::string(x ? "true" : "false"); };
  return "using Args = ::Args;\nusing Element = " + elementType() +
         ";\nstatic constexpr Layout layout = Layout::" + interface.layout +
         ";\nstatic constexpr bool owns_queries = true, walks = " + flag(walks()) + ", draws = " + flag(draws()) +
         ", divides = " + flag(partialNumbers) + ", late = " + flag(late) +
         ", checks_own_rows = " + flag(interface.layout == "padded") + ", masked = " + flag(mayBeEmpty(interface)) +
         ", judges_together = " + flag(judgesTogether(interface)) +
         ", judges_by_memory = " + flag(judgesByMemory(interface)) + ", loads = " + flag(loads()) +
         ", loads_for_all_batches = " + flag(loadsForAllBatches()) + ", drops_by_bias = " + flag(!biasDrops().empty()) +
         ";\nstatic constexpr int warps = JVPGEN_WARPS, stages = JVPGEN_STAGES, own_rows = JVPGEN_TILE_M, M = 1, "
         "N = JVPGEN_TILE_N;\n" +
         (partialNumbers ? "static constexpr int partial_numbers = " + std::to_string(partialNumbers) + ";\n" : "") +
         "\n" + maps + loadText() + statisticsText() + counterText() + "\n" + measureText(parameters, interface) +
         mask + "\n" + state;
}

Launch HopperWriter::launch(const std::string &kernel, int partialNumbers) {
  Launch out;
  out.kernel = kernel;
  out.owners = "bnri";
  out.rows_per_block = "tile_m";
  out.partial_numbers = partialNumbers;
  out.tensors = parameters.names();
  for (auto &[name, features] : parameters.mappedTensors()) {
    const bool isOwn = llvm::any_of(program.own, [&, &tensor = name](const Operand &o) { return o.tensor == tensor; });
    out.maps.push_back({name, isOwn ? "tile_m" : "tile_n", features});
  }
  return out;
}

/// The sweep, and, where blocks may be divided, the kernel that joins their parts.
Result<std::vector<KernelText>> HopperWriter::write(const std::string &kernel, const std::string &title) {
  declareAccumulators();
  Result<std::string> leave = meetTexts().and_then([&] { return leaveText(); });
  if (!leave) return tl::unexpected(leave.error());
  Result<std::string> mask = maskText(parameters, interface, !biasDrops().empty());
  Result<std::string> range = mask ? keptRangeText(parameters, interface) : mask;
  if (!range) return tl::unexpected(range.error());
  const DivisionText division = divisionText().value_or(DivisionText());
  const std::string policy = policyText(stateText(*leave, division.text), mapsText(), *mask + *range, division.numbers);
  const std::string head = "// " + title + "\n" + formulas(),
                    body = std::string("#include \"hopper_") + (division.numbers ? "division" : "sweep") +
                           ".cuh\"\n\n" + parameters.declaration(division.numbers) + "\nstruct Policy {\n" +
                           indent(policy, 2) + "};\n",
                    run = "\nstatic_assert(HopperPlacement<Policy>::shared_bytes() == JVPGEN_SHARED_BYTES);\n\n"
                          "KERNEL(32 * JVPGEN_WARPS, 1)\n" +
                          kernel + "(PARAMETER Args args) { HopperSweep<Policy>(args).run(); }\n";
  KernelText sweep = {head + body + run, launch(kernel, division.numbers), {}};
  sweep.launch.walks = walks();
  if (draws()) sweep.launch.counter = kCounter.str();
  sweep.launch.resources = resources();
  if (!division.numbers) return std::vector{sweep};

  const std::string include = "#include \"" + kernel + ".cuh\"\n";
  sweep.text = "// " + title + "\n" + include + run;
  sweep.headers = {{kernel + ".cuh", head + "#pragma once\n\n" + body}};
  KernelText join = {"// " + title + ": joins the parts of divided blocks\n" + include +
                         "\nKERNEL(32 * JVPGEN_WARPS, 1)\n" + kernel +
                         "_join(PARAMETER Args args) { HopperJoin<Policy>::run(args); }\n",
                     launch(kernel + "_join", division.numbers),
                     {}};
  join.launch.joins = true;
  return std::vector{sweep, join};
}

Result<std::vector<KernelText>> jvpgen::hopperText(const SweepProgram &program, const std::string &kernel,
                                                   const std::string &title, llvm::ArrayRef<TensorInfo> kept) {
  HopperWriter writer(program, kept);
  return writer.check().and_then([&] { return writer.write(kernel, title); });
}
