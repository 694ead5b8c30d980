// Slots of tensors, and addresses: data + b * stride_b + head * stride_head + i * stride_i + j * stride_j + feature.
#include "compiler/cpu/Storage.h"
#include "compiler/cpu/Frame.h"
#include <algorithm>

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

int64_t cpu::workspaceShape(const Tensor &t, const Problem &p, int64_t stride[4]) {
  auto padded = [](int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; };
  int64_t size = t.padded_feature;
  auto take = [&](bool present, int64_t count) {
    int64_t s = present ? size : 0;
    if (present) size *= count;
    return s;
  };
  // Rows are padded to the register blocks of the matrix products that add to them.
  stride[3] = take(t.has('j'), padded(p.kv_length, 16));
  stride[2] = take(t.has('i'), padded(p.q_length, 16));
  stride[1] = take(t.has('n') || t.has('r'), t.has('r') ? p.heads : p.kv_heads);
  stride[0] = take(t.has('b'), p.batch);
  return padded(size * 4, 256);
}

/// Sixteen tasks in all where there are fewer key heads, unless that leaves a task so few rows that clearing and adding
/// up its copy would show.
TaskSplit TaskSplit::along(char axis, const Problem &p) {
  constexpr int64_t kTasks = 16, kLeastRows = 512;
  int64_t rows = axis == 'i' ? p.q_length : p.kv_length, heads = std::max<int64_t>(p.batch * p.kv_heads, 1);
  int64_t wanted = (kTasks + heads - 1) / heads;
  int64_t each = std::max((rows + wanted - 1) / wanted, kLeastRows);
  each = (each + 255) / 256 * 256; // whole blocks of an owner
  return {each, std::max<int64_t>((rows + each - 1) / each, 1)};
}

int64_t cpu::blockRows(char axis, const Problem &p) {
  constexpr int64_t kTasks = 16, kMostRows = 256, kLeastRows = 64;
  int64_t rows = (axis == 'i' ? p.q_length * p.heads : p.kv_length * p.kv_heads) * p.batch, each = kMostRows;
  while (each > kLeastRows && rows / each < kTasks) each /= 2;
  return each;
}

Storage::Storage(ModuleOp module) : module(module) {
  auto dim = [&](StringRef name) -> int64_t {
    auto attribute = module->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : 0;
  };
  head_dim_qk = dim("attn.head_dim_qk");
  head_dim_v = dim("attn.head_dim_v");
  if (auto text = module->getAttrOfType<StringAttr>("attn.layout"))
    layout_ = text.getValue() == "padded"   ? Layout::Padded
              : text.getValue() == "packed" ? Layout::Packed
                                            : Layout::Dense;
}

int64_t Storage::featureLength(StringRef indices) const {
  return indices.contains('d') ? head_dim_qk : indices.contains('e') ? head_dim_v : 1;
}

const Tensor *Storage::find(StringRef name) const {
  for (const Tensor &t : used)
    if (t.name == name) return &t;
  return nullptr;
}

static DType dtypeNamed(StringRef text) {
  for (DType t : {DType::F32, DType::BF16, DType::F16, DType::I32, DType::I8})
    if (name(t) == std::string_view(text)) return t;
  return DType::F32;
}

const Tensor &Storage::named(StringRef name, StringRef indices) {
  if (const Tensor *t = find(name)) return *t;
  Tensor tensor;
  tensor.name = name.str();
  tensor.indices = indices.str();
  tensor.in_workspace = true;
  for (auto declared : module.getOps<attn::TensorOp>())
    if (declared.getSymName() == name) {
      tensor.indices = declared.getIndices().str();
      tensor.dtype = dtypeNamed(declared.getDtype());
      tensor.in_workspace = false;
      tensor.per_sequence = declared.getPerSequence();
    }
  tensor.slot = static_cast<int>(used.size());
  tensor.feature = static_cast<int>(featureLength(tensor.indices));
  tensor.padded_feature = tensor.feature == 1 ? 1 : (tensor.feature + 15) / 16 * 16;
  return used.emplace_back(std::move(tensor));
}

// ---- addresses -----------------------------------------------------------------------------------------------------

Access::Access(Code &code, Storage &storage, Arguments arguments)
    : storage(storage), code(code), arguments(arguments), entry(code.builder().getInsertionBlock()) {}

Value Access::word(int64_t index) {
  Value &value = words[index];
  if (!value) {
    OpBuilder::InsertionGuard guard(code.builder());
    code.builder().setInsertionPointToStart(entry);
    value = code.loadWhole(arguments.frame, code.whole(index));
  }
  return value;
}

Value Access::pointer(const Tensor &tensor) {
  int64_t key = -1 - tensor.slot;
  Value &value = words[key];
  if (!value) {
    OpBuilder::InsertionGuard guard(code.builder());
    code.builder().setInsertionPointToStart(entry);
    value = code.loadPointer(arguments.frame, 8 * (kFirstTensor + kTensorWords * tensor.slot));
  }
  return value;
}

Value Access::stride(const Tensor &tensor, int k) { return word(kFirstTensor + kTensorWords * tensor.slot + 1 + k); }

Value Access::sequence(int64_t frameWord, Value batch) {
  int64_t key = -1000000 - frameWord;
  Value &array = words[key];
  if (!array) {
    OpBuilder::InsertionGuard guard(code.builder());
    code.builder().setInsertionPointToStart(entry);
    array = code.loadPointer(arguments.frame, 8 * frameWord);
  }
  return code.loadWhole(array, batch);
}

Value Access::length(char axis, Value batch) {
  return batch ? sequence(axis == 'i' ? kQLengths : kKvLengths, batch) : longest(axis);
}

Value Access::writtenLength(char axis, Value batch) {
  return batch && storage.layout() == Layout::Packed ? length(axis, batch) : longest(axis);
}

Value Access::offset(const Tensor &t, const Place &place) {
  Value sum = code.whole(0);
  auto addTerm = [&](Value index, int k) { sum = code.add(sum, code.mul(index, stride(t, k))); };
  bool packed = storage.layout() == Layout::Packed && t.isPackable() && place.b;
  if (t.has('b')) addTerm(place.b, 0);
  if (t.has('r'))
    addTerm(place.h, 1);
  else if (t.has('n'))
    addTerm(place.n, 1);
  if (t.has('i')) addTerm(packed ? code.add(place.i, sequence(kQStarts, place.b)) : place.i, 2);
  if (t.has('j')) addTerm(packed ? code.add(place.j, sequence(kKvStarts, place.b)) : place.j, 3);
  return sum;
}

Value Access::read(const Tensor &t, const Place &place, Value feature, unsigned width) {
  Value at = offset(t, place);
  if (feature) at = code.add(at, feature);
  Value raw = Code::widthOf(at) > 1 ? code.gather(pointer(t), at, t.dtype) : code.read(pointer(t), at, t.dtype, width);
  return raw;
}

void Access::write(Value value, const Tensor &t, const Place &place, Value feature) {
  Value at = offset(t, place);
  if (feature) at = code.add(at, feature);
  code.write(value, pointer(t), at, t.dtype);
}
