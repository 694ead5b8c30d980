#include "compiler/emit/SweepWriter.h"

#include "compiler/emit/Text.h"
#include <numbers>

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

namespace {

/// A row's greatest score: of which tile, and how the maximum follows from that tile's.
struct Maximum {
  Value tile;
  double coefficient = 1, constant = 0;
};

} // namespace

/// max(c t + k) = c max(t) + k for c > 0.
static Maximum maximumOf(const SweepProgram &program, MaxOp max) {
  Value score = program.resolve(max.getScore());
  if (auto lin = score.getDefiningOp<LinOp>(); lin && lin.getTerms().size() == 1) {
    double c = toDouble(cast<StringAttr>(lin.getCoefficients()[0]).getValue());
    if (c > 0) return {program.resolve(lin.getTerms()[0]), c, toDouble(lin.getConstant())};
  }
  return {score};
}

Result<void> SweepWriter::checkOperands() {
  const DType dtype = [&] {
    for (const Operand &o : program.own)
      if (interface.tensors.count(o.tensor)) return interface.tensors.lookup(o.tensor).dtype;
    for (const Operand &o : program.streamed)
      if (interface.tensors.count(o.tensor)) return interface.tensors.lookup(o.tensor).dtype;
    return DType::F32;
  }();
  for (const auto *list : {&program.own, &program.streamed})
    for (const Operand &o : *list) {
      auto tensor = interface.tensors.find(o.tensor);
      if (tensor == interface.tensors.end())
        return fail(ErrorKind::Unsupported, "a product of \"" + o.tensor +
                                                "\" was asked for, which is no tensor of the interface; "
                                                "the portable skeleton multiplies tensors only.");
      if (tensor->second.dtype != dtype)
        return fail(ErrorKind::Unsupported, "a product of \"" + o.tensor + "\" of type " +
                                                std::string(name(tensor->second.dtype)) + " with operands of type " +
                                                std::string(name(dtype)) +
                                                " was asked for; give all of them one type.");
    }
  for (AccumulatorOp acc : program.accumulators)
    if (AccumulatorOp(acc).getPlace() == "global")
      return fail(ErrorKind::Unsupported, "the accumulator \"" + AccumulatorOp(acc).getName().str() +
                                              "\" in memory was asked for; the portable skeleton adds up in registers; "
                                              "choose a variant that is not fused.");
  if (program.maxima.size() > 1)
    return fail(ErrorKind::Unsupported,
                "two running maxima in one sweep were asked for; the portable skeleton keeps one.");
  for (ScoreOp score : program.scores)
    for (unsigned i = 0; i < score.getRows().size(); ++i)
      if (SweepProgram::find(program.own, program.ownFactor(score, i)) < 0 ||
          SweepProgram::find(program.streamed, program.streamedFactor(score, i)) < 0)
        return fail(ErrorKind::Unsupported,
                    "a product of a computed matrix was asked for; the portable skeleton multiplies tensors only.");
  for (OutOp out : program.outs)
    if (SweepProgram::find(program.streamed, program.resolve(out.getMatrix())) < 0)
      return fail(ErrorKind::Unsupported,
                  "a product with a computed matrix was asked for; the portable skeleton multiplies tensors only.");
  return {};
}

/// "s1 = tq.k + q.tk", for people.
std::string SweepWriter::formulas() {
  std::string out;
  for (ScoreOp score : program.scores) {
    out += "//   " + scoreName(score.getResult()) + " =";
    for (unsigned i = 0; i < score.getRows().size(); ++i) {
      auto tensor = [&](Value v) { return program.resolve(v).getDefiningOp<InputOp>().getName().str(); };
      out += std::string(i ? " + " : " ") + tensor(score.getRows()[i]) + "." + tensor(score.getColumns()[i]);
    }
    out += "\n";
  }
  for (OutOp out_ : program.outs)
    out += "//   " + out_.getAccumulator().str() + " += " +
           scaled(toDouble(out_.getCoefficient()),
                  weightsName(program.resolve(out_.getTile()), toDouble(out_.getCoefficient()))) +
           "." + program.resolve(out_.getMatrix()).getDefiningOp<InputOp>().getName().str() + "\n";
  return out;
}

/// Score tiles: every fragment of a streamed operand is loaded once, and multiplied by all owned ones that meet it.
std::string SweepWriter::scoresText() {
  std::string out;
  for (ScoreOp score : program.scores)
    out += "Tile<M, N> " + scoreName(score.getResult()) + ";\n" + scoreName(score.getResult()) + ".clear();\n";
  for (char feature : {'d', 'e'}) {
    struct Product {
      int own;
      std::string tile;
    };
    std::map<int, std::vector<Product>> byStreamed;
    llvm::SmallSetVector<int, 8> ownUsed;
    for (ScoreOp score : program.scores)
      for (unsigned i = 0; i < score.getRows().size(); ++i) {
        if (cast<StringAttr>(score.getOver()[i]).getValue()[0] != feature) continue;
        int x = SweepProgram::find(program.own, program.ownFactor(score, i));
        byStreamed[SweepProgram::find(program.streamed, program.streamedFactor(score, i))].push_back(
            {x, scoreName(score.getResult())});
        ownUsed.insert(x);
      }
    if (byStreamed.empty()) continue;
    const int length = (interface.features(StringRef(&feature, 1)) + 15) / 16 * 16;
    out += "#pragma unroll Placement<Policy>::score_unroll()\nfor (int f = 0; f < " + std::to_string(length) +
           "; f += Element::step) {\n";
    for (int x : ownUsed) {
      const std::string name = identifier(program.own[x].tensor) + "_rows";
      out += "  Element::Left " + name + "[M];\n  rows.get<" + std::to_string(x) + ">(" + name + ", f);\n";
    }
    out += "#pragma unroll\n  for (int n = 0; n < N; n += 16) {\n";
    for (auto &[y, products] : byStreamed) {
      const std::string name = identifier(program.streamed[y].tensor) + "_columns";
      out += "    const auto " + name + " = tile.right<" + std::to_string(y) + ">(n, f);\n";
      for (const Product &product : products)
        out += "    multiply_add<Element, M, N>(" + product.tile + ", n, " +
               identifier(program.own[product.own].tensor) + "_rows, " + name + ");\n";
    }
    out += "  }\n}\n";
  }
  return out;
}

/// Output products: every fragment of a streamed matrix is loaded once, and multiplied by all weights that meet it.
std::string SweepWriter::outsText() {
  std::string out;
  std::vector<int> matrices;
  for (OutOp o : program.outs) {
    int y = SweepProgram::find(program.streamed, program.resolve(o.getMatrix()));
    if (!llvm::is_contained(matrices, y)) matrices.push_back(y);
  }
  for (int y : matrices) {
    const int length = (program.streamed[y].features + 15) / 16 * 16;
    const std::string name = identifier(program.streamed[y].tensor) + "_rows";
    out += "#pragma unroll\nfor (int k = 0; k < N; k += 16)\n#pragma unroll\n  for (int f = 0; f < " +
           std::to_string(length) + "; f += 16) {\n    const auto " + name + " = tile.deep<" + std::to_string(y) +
           ">(k, f);\n";
    for (OutOp o : program.outs)
      if (SweepProgram::find(program.streamed, program.resolve(o.getMatrix())) == y)
        out += "    multiply_add(" + o.getAccumulator().str() + ", f, " +
               weightsName(program.resolve(o.getTile()), toDouble(o.getCoefficient())) + ", k, " + name + ");\n";
    out += "  }\n";
  }
  return out;
}

/// The packed weights made of a tile times a coefficient.
std::string SweepWriter::weightsName(Value tile, double coefficient) {
  for (auto &[key, name] : weights)
    if (key.first == tile && key.second == coefficient) return name;
  weights.push_back({{tile, coefficient}, "w" + std::to_string(weights.size())});
  return weights.back().second;
}

const TensorInfo *SweepWriter::tileTensor(AccumulatorOp acc) {
  std::string target = acc.getOutput() ? acc.getOutput()->str() : acc.getName().str();
  if (acc.getOutput()) return &interface.tensors.find(target)->second;
  for (const TensorInfo &k : kept)
    if (k.name == target) return &k;
  return nullptr;
}

/// Stores a tile of weights where its accumulator lies.
std::string SweepWriter::storeTile(ReduceOp reduce, const std::string &tile) {
  const TensorInfo *tensor = tileTensor(program.accumulator(reduce.getAccumulator()));
  if (!tensor) return "";
  const std::string q = "int(args.problem.q_length)", kv = "int(args.problem.kv_length)";
  return "store_tile<Policy, " + tensor->type() + ">(" + tile + ", " + parameters.use(*tensor) + ", " +
         placeOf(*tensor) + ", " + headOf(*tensor) + ", own, tile, " +
         (program.isRowSweep() ? q + ", " + kv : kv + ", " + q) + ");\n";
}

/// Sums over the streamed axis, stored tiles and packed weights: what an entry is computed for.
Result<std::string> SweepWriter::sinksText() {
  std::string out;
  llvm::DenseMap<Value, std::string> kept;
  auto value = [&](Value v) -> Result<std::string> {
    v = program.resolve(v);
    if (auto it = kept.find(v); it != kept.end()) return it->second;
    Result<std::string> text = points.use(v);
    if (!text) return text;
    if (!points.vanishesWhereMasked(v)) {
      std::string name = "z" + std::to_string(kept.size());
      points.masks_entries = true;
      out += "const float " + name + " = keep(m, n, e) ? " + *text + " : 0.f;\n";
      text = name;
    }
    return kept[v] = *text;
  };
  for (ReduceOp reduce : program.reduces) {
    Result<std::string> text = value(reduce.getTile());
    if (!text) return text;
    if (program.accumulator(reduce.getAccumulator()).getPlace() == "tile")
      out += reduce.getAccumulator().str() + "_tile.x[m][n][e] = " + scaled(toDouble(reduce.getCoefficient()), *text) +
             ";\n";
    else
      out += reduce.getAccumulator().str() + "[r] += " + scaled(toDouble(reduce.getCoefficient()), *text) + ";\n";
  }
  for (OutOp o : program.outs) (void)weightsName(program.resolve(o.getTile()), toDouble(o.getCoefficient()));
  for (auto &[key, name] : weights) {
    Result<std::string> text = value(key.first);
    if (!text) return text;
    out += name + ".put(m, n, e, " + scaled(key.second, *text) + ");\n";
    for (ReduceOp reduce : program.reduces)
      if (isSummedRounded(reduce) && program.resolve(reduce.getTile()) == key.first)
        out += "if (e & 1) " + roundedName(reduce.getAccumulator()) +
               "[r] += " + scaled(toDouble(reduce.getCoefficient()) / key.second, name + ".pair_sum(m, n, e)") + ";\n";
  }
  return out;
}

std::string SweepWriter::roundedName(StringRef accumulator) { return accumulator.str() + "_rounded"; }

bool SweepWriter::isRounded(StringRef accumulator) {
  return llvm::any_of(program.reduces, [&](ReduceOp reduce) {
    return reduce.getAccumulator() == accumulator && isSummedRounded(reduce);
  });
}

/// What an output product of weights is corrected by has to be the sum of the weights as the product rounded them:
///   to = sum_j (w_ij - (sum_k w_ik) P_ij) v_j
/// vanishes in a row with one key only if both are the same w. Weights that are exponentials are not corrected, and
/// those of rows that are centred anew are small where their exponentials are large.
bool SweepWriter::isSummedRounded(ReduceOp reduce) {
  if (recentres()) return false;
  const Value tile = program.resolve(reduce.getTile());
  AccumulatorOp acc = program.accumulator(reduce.getAccumulator());
  if (acc.getPlace() != "register" || tile.getDefiningOp<MexpOp>()) return false;
  if (llvm::none_of(program.outs, [&](OutOp o) { return program.resolve(o.getTile()) == tile; })) return false;
  return llvm::any_of(program.epilogues, [&](EpilogueOp epilogue) {
    return writesFeatures(epilogue) && llvm::any_of(epilogue.getBody().getOps<InputOp>(), [&](InputOp input) {
             return input.getKind() == "acc" && input.getName() == reduce.getAccumulator();
           });
  });
}

bool SweepWriter::writesFeatures(EpilogueOp epilogue) {
  auto yield = cast<YieldOp>(epilogue.getBody().front().getTerminator());
  return cast<ValueType>(yield.getValues()[0].getType()).hasFeature();
}

/// One pass over the tile's entries.
Result<std::string> SweepWriter::passText(llvm::function_ref<Result<std::string>()> sinks, const std::string &before) {
  points.beginPass();
  Result<std::string> ends = sinks();
  if (!ends) return ends;
  std::string entry = points.text[Scope::Entry] + *ends;
  std::string out = before + points.text[Scope::Tile];
  points.text[Scope::Tile].clear();
  if (entry.empty()) return out;
  out += "#pragma unroll\nfor (int n = 0; n < N / 8; ++n) {\n" + indent(points.text[Scope::Column], 2) +
         "#pragma unroll\n  for (int m = 0; m < M; ++m)\n#pragma unroll\n    for (int e = 0; e < 4; ++e) {\n" +
         std::string(entry.find("[r]") != std::string::npos || entry.find("(r)") != std::string::npos
                         ? "      const int r = 2 * m + e / 2;\n"
                         : "") +
         std::string(entry.find("[c]") != std::string::npos ? "      const int c = e % 2;\n" : "") + indent(entry, 6) +
         "    }\n}\n";
  return out;
}

/// The tile of registers that holds a value which maxima or centres read.
std::string SweepWriter::earlyTile(Value v) {
  v = program.resolve(v);
  if (auto it = scoreNames.find(v); it != scoreNames.end()) return it->second;
  for (auto &[value, name] : early)
    if (value == v) return name;
  early.push_back({v, "t" + std::to_string(early.size())});
  return early.back().second;
}

Value SweepWriter::maximumTile(MaxOp max) { return maximumOf(program, max).tile; }

/// The coefficient with which exponents subtract the maximum; 0 if none does.
static double subtractedBy(const SweepProgram &program, MaxOp max) {
  double unit = 0;
  for (Operation *op : program.flat.body)
    if (auto mexp = dyn_cast<MexpOp>(op))
      if (auto lin = program.resolve(mexp.getExponent()).getDefiningOp<LinOp>())
        for (auto [term, c] : llvm::zip(lin.getTerms(), lin.getCoefficients()))
          if (program.resolve(term) == max.getResult()) unit = -toDouble(cast<StringAttr>(c).getValue());
  return unit;
}

/// All sums over the streamed axis so far, times a factor for each row.
std::string SweepWriter::scaleSums(const std::string &factor) {
  std::string out;
  for (AccumulatorOp acc : program.accumulators) {
    if (acc.getPlace() != "register") continue;
    const std::string a = acc.getName().str();
    if (isRounded(a)) out += "for (int r = 0; r < 2 * M; ++r) " + roundedName(a) + "[r] *= " + factor + "[r];\n";
    out += cast<ValueType>(acc.getType()).hasFeature()
               ? a + ".scale_rows(" + factor + ");\n"
               : "for (int r = 0; r < 2 * M; ++r) " + a + "[r] *= " + factor + "[r];\n";
  }
  return out;
}

/// Powers of two: by how much exponentials may exceed 1 before the reference moves, and how many times a key must
/// outweigh those that a row's centre comes from for the row to be centred anew.
constexpr double kSlack = 16, kLead = 6;

/// The running maximum; when it moves, what was summed so far is scaled to the new one.
Result<std::string> SweepWriter::maximumText(MaxOp max) {
  const Maximum maximum = maximumOf(program, max);
  const std::string name = "reference", tile = earlyTile(maximum.tile);
  const double unit = subtractedBy(program, max);
  if (unit <= 0)
    return fail(ErrorKind::Unsupported,
                "a running maximum that no exponent subtracts was asked for; subtract it in the exponent.");
  const double scale = unit * maximum.coefficient * std::numbers::log2e;
  referenceScale = scale;
  state += "float " + name + "[2 * M]; ///< reference of the exponentials, per row\n";
  clearing += "for (int r = 0; r < 2 * M; ++r) " + name + "[r] = -infinity();\n";
  std::string moves = "move_reference<M>(" + name + ", factor, ", others;
  std::string greatest = name;
  if (recentres()) {
    state += "float mark[2 * M]; ///< greatest score of the tile that a row's centre comes from\n";
    clearing += "for (int r = 0; r < 2 * M; ++r) mark[r] = -infinity();\n";
    greatest = "mark";
    const std::string flags = "centre_" + ShiftOp(program.shifts[0]).getName().str() + "_set";
    moves += "mark, " + flags + ", top, " + literal(scale) + ", " + literal(kSlack / scale) + ", " +
             literal(kLead / scale) + ")";
    for (ShiftOp other : llvm::drop_begin(program.shifts))
      others += "for (int r = 0; r < 2 * M; ++r) centre_" + other.getName().str() + "_set[r] = " + flags + "[r];\n";
  } else
    moves += "top, " + literal(scale) + ", " + (isLazy() ? literal(kSlack / scale) : "0.f") + ")";
  const bool isMasked = masked.contains(maximum.tile);
  softmaxWeight = "BySoftmax<M, N>{" + tile + ", " + greatest + ", " + literal(scale) + "}";
  if (!isMasked) softmaxWeight = "KeptBySoftmax<M, N>{keep, " + softmaxWeight + "}";
  std::string out = "float top[2 * M], factor[2 * M];\ngreatest_of_rows(top, " + tile + (isMasked ? "" : ", keep") +
                    ");\nif (" + moves + ") {\n" + indent(scaleSums("factor"), 2);
  std::vector<std::string> value = {scaled(maximum.coefficient, name + "[r]")};
  if (maximum.constant != 0) value.push_back(literal(maximum.constant));
  const bool isPlain = value.size() == 1 && maximum.coefficient == 1;
  points.name(max.getResult(), isPlain ? value[0] : "(" + joinTerms(value) + ")", Scope::Tile);
  return out + "}\n" + others;
}

std::string SweepWriter::centreText(ShiftOp shift) {
  const std::string name = "centre_" + shift.getName().str(), tile = earlyTile(shift.getTile());
  state += "float " + name + "[2 * M]; ///< centre of a row\nbool " + name + "_set[2 * M];\n";
  clearing += "for (int r = 0; r < 2 * M; ++r) " + name + "[r] = 0.f, " + name + "_set[r] = false;\n";
  points.name(shift.getResult(), name + "[r]", Scope::Tile);
  const std::string fall = "fall_" + shift.getName().str(),
                    weigh = softmaxWeight.empty() ? "AllAlike<M, N>{keep}" : softmaxWeight;
  if (!recentres()) return "set_centre<M, N>(" + name + ", " + name + "_set, " + tile + ", " + weigh + ");\n";
  return "float " + fall + "[2 * M];\nif (set_centre<M, N>(" + name + ", " + name + "_set, " + fall + ", " + tile +
         ", " + weigh + ")) {\n" + indent(moveSums(shift, fall), 2) + "}\n";
}

/// The reference of exponentials may lag behind the running maximum; f16 weights above 1 would lose range.
bool SweepWriter::isLazy() const { return elementType() == "Bf16"; }

/// Whether rows are centred anew when later keys outweigh those that their centre comes from: all sums have to be such
/// that they can be moved.
bool SweepWriter::recentres() {
  if (!isLazy() || program.maxima.empty() || program.shifts.empty()) return false;
  return llvm::all_of(program.accumulators, [&](AccumulatorOp acc) {
    return acc.getPlace() == "register" &&
           llvm::all_of(program.shifts, [&](ShiftOp shift) { return movedBy(acc.getName(), shift).has_value(); });
  });
}

/// All sums so far, relative to a centre that has fallen.
std::string SweepWriter::moveSums(ShiftOp shift, const std::string &fall) {
  std::string out;
  for (AccumulatorOp acc : program.accumulators) {
    const std::string name = acc.getName().str();
    const Moved moved = *movedBy(name, shift);
    if (moved.base.empty()) continue;
    const std::string by = literal(moved.coefficient);
    out += cast<ValueType>(acc.getType()).hasFeature()
               ? name + ".add_rows(" + moved.base + ", " + fall + ", " + by + ");\n"
               : "for (int r = 0; r < 2 * M; ++r) " + name + "[r] += " + by + " * " + fall + "[r] * " + moved.base +
                     "[r];\n";
  }
  return out;
}

/// Computes values that maxima and centres read into tiles of registers.
Result<std::string> SweepWriter::earlyText(llvm::ArrayRef<std::pair<Value, std::string>> values) {
  if (values.empty()) return std::string();
  auto sinks = [&]() -> Result<std::string> {
    std::string sinkText;
    for (auto &[value, name] : values) {
      Result<std::string> text = points.use(value);
      if (!text) return text;
      sinkText += name + ".x[m][n][e] = " + *text + ";\n";
    }
    return sinkText;
  };
  Result<std::string> pass = passText(sinks, "");
  if (!pass) return pass;
  for (auto &[value, name] : values) points.keepInTile(value, name);
  return pass;
}

/// The running maximum and the centres; tiles that they need are computed first.
Result<std::string> SweepWriter::referenceText() {
  std::string moves;
  for (MaxOp max : program.maxima) {
    Result<std::string> text = maximumText(max);
    if (!text) return text;
    moves += *text;
  }
  for (ShiftOp shift : program.shifts) moves += centreText(shift);
  Result<std::string> pass = earlyText(early);
  if (!pass) return pass;
  std::string declarations;
  for (auto &[value, name] : early) declarations += "Tile<M, N> " + name + ";\n";
  return declarations + *pass + moves;
}

void SweepWriter::nameScores() {
  for (auto [i, score] : llvm::enumerate(program.scores)) {
    scoreNames[ScoreOp(score).getResult()] = "s" + std::to_string(i);
    points.keepInTile(ScoreOp(score).getResult(), "s" + std::to_string(i));
  }
}

Result<std::string> SweepWriter::meetText() {
  nameScores();
  makeRoomBesideReference();
  for (Operation *op : program.flat.body)
    if (auto mexp = dyn_cast<MexpOp>(op))
      if (Value score = points.maskedTile(mexp); score && scoreNames.count(score)) masked.insert(score);
  Result<std::string> reference = referenceText();
  if (!reference) return reference;
  Result<std::string> range = rangeText();
  if (!range) return range;
  Result<std::string> pass = passText([&] { return sinksText(); }, "");
  if (!pass) return pass;

  std::string out, stores;
  for (auto &[tensor, tile] : points.loaded)
    out += "Tile<M, N> " + tile + ";\nload_tile<Policy, " + tensor->type() + ">(" + tile + ", " +
           parameters.use(*tensor) + ", " + placeOf(*tensor) + ", " + headOf(*tensor) + ", own, tile);\n";
  out += scoresText();
  for (Value score : masked) out += "if (partial) drop_masked(" + scoreNames[score] + ", keep);\n";
  out += *reference + *range;
  for (auto &[key, name] : weights) out += "Weights<Element, M, N> " + name + ";\n";
  for (ReduceOp reduce : program.reduces)
    if (program.accumulator(reduce.getAccumulator()).getPlace() == "tile") {
      const std::string tile = reduce.getAccumulator().str() + "_tile";
      out += "Tile<M, N> " + tile + ";\n";
      stores += storeTile(reduce, tile);
    }
  return out + *pass + stores + outsText();
}
