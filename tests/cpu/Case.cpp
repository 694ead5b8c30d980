// Tensors of the tests.
#include "tests/cpu/Case.h"

#include "mlir/IR/MLIRContext.h"
#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

using namespace jvpgen;
using namespace jvpgen::test;

// ---- storage -------------------------------------------------------------------------------------------------------

Buffer::Buffer(DType dtype, int64_t batch, int64_t heads, int64_t rows, int64_t feature, int64_t gap)
    : batch(batch), heads(heads), rows(rows), feature(feature), dtype(dtype) {
  // [batch, row, head, feature]: heads lie inside rows.
  stride[1] = feature + gap;
  stride[2] = heads * stride[1] + 2 * gap;
  stride[0] = rows * stride[2] + 5;
  bytes.assign((batch * stride[0] + 16) * byteSize(dtype), 0xff); // NaN in every type
}

TensorView Buffer::view() {
  TensorView v{bytes.data(), dtype, {batch > 1 ? stride[0] : 0, stride[1], 0, 0}};
  v.stride[axis == 'i' ? 2 : 3] = stride[2];
  return v;
}

static double bf16ToDouble(uint16_t x) {
  uint32_t bits = uint32_t(x) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

double Buffer::get(int64_t b, int64_t h, int64_t row, int64_t f) const {
  const unsigned char *at = bytes.data() + (b * stride[0] + h * stride[1] + row * stride[2] + f) * byteSize(dtype);
  if (dtype == DType::F32) {
    float x;
    std::memcpy(&x, at, 4);
    return x;
  }
  if (dtype == DType::F16) {
    _Float16 x;
    std::memcpy(&x, at, 2);
    return static_cast<double>(x);
  }
  uint16_t x;
  std::memcpy(&x, at, 2);
  return bf16ToDouble(x);
}

void Buffer::set(double value, int64_t b, int64_t h, int64_t row, int64_t f) {
  unsigned char *at = bytes.data() + (b * stride[0] + h * stride[1] + row * stride[2] + f) * byteSize(dtype);
  float single = static_cast<float>(value);
  if (dtype == DType::F32) {
    std::memcpy(at, &single, 4);
  } else if (dtype == DType::F16) {
    auto half = static_cast<_Float16>(single);
    std::memcpy(at, &half, 2);
  } else {
    uint32_t bits;
    std::memcpy(&bits, &single, 4);
    bits += 0x7fff + (bits >> 16 & 1);
    uint16_t upper = static_cast<uint16_t>(bits >> 16);
    std::memcpy(at, &upper, 2);
  }
}

// ---- plans ---------------------------------------------------------------------------------------------------------

std::string test::planText(const std::string &file) {
  std::ifstream in(std::string(JVPGEN_SOURCE_DIR "/tests/plans/") + file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string test::replaceAll(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

Result<std::unique_ptr<Executable>> test::compile(const std::string &text, const CpuOptions &options) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = attn::parse(text, context);
  if (!module) return fail(ErrorKind::Invalid, "the plan does not parse");
  return compileForCpu(*module, *module->getOps<attn::PlanOp>().begin(), options);
}

// ---- cases ---------------------------------------------------------------------------------------------------------

Case::Case(Shape shape, int head_dim, int head_dim_v, DType dtype, DType output,
           std::function<bool(int b, int h, int i, int j)> keep, double scale, int seed)
    : shape(shape), head_dim(head_dim), head_dim_v(head_dim_v), dtype(dtype), output(output) {
  setLengths();
  makeBuffers();
  fillInputs(seed);
  evaluate(keep, scale);
}

void Case::setLengths() {
  q_offsets = kv_offsets = {0};
  for (int b = 0; b < shape.batch; ++b) {
    q_lengths.push_back(qLength(b));
    kv_lengths.push_back(kvLength(b));
    q_offsets.push_back(q_offsets.back() + qLength(b));
    kv_offsets.push_back(kv_offsets.back() + kvLength(b));
  }
}

bool Case::isKeySide(const std::string &name) const { return name.find_first_of("kv") != std::string::npos; }

void Case::makeBuffers() {
  int64_t batches = shape.packed ? 1 : shape.batch;
  int64_t q_rows = shape.packed ? q_offsets.back() : shape.q_length,
          kv_rows = shape.packed ? kv_offsets.back() : shape.kv_length;
  int gap = 1;
  for (std::string name : {"q",  "k",   "v",    "tq",  "tk", "tv", "o",  "to",  "lse", "mu",
                           "do", "dto", "dlse", "dmu", "dq", "dk", "dv", "dtq", "dtk", "dtv"}) {
    bool key = isKeySide(name), statistic = name.ends_with("lse") || name.ends_with("mu");
    char last = name.back();
    int64_t feature = statistic ? 1 : last == 'v' || last == 'o' ? head_dim_v : head_dim;
    DType type = statistic                                                        ? DType::F32
                 : name == "o" || name == "to" || (name[0] == 'd' && last != 'o') ? output
                                                                                  : dtype;
    Buffer &buffer = buffers[name] =
        Buffer(type, batches, key ? shape.kv_heads : shape.heads, key ? kv_rows : q_rows, feature, 8 + gap++ % 3);
    buffer.axis = key ? 'j' : 'i';
  }
}

void Case::fillInputs(int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  for (std::string name : {"q", "k", "v", "tq", "tk", "tv", "do", "dto", "dlse", "dmu"}) {
    Buffer &x = buffers[name];
    for (int b = 0; b < shape.batch; ++b)
      for (int h = 0; h < x.heads; ++h)
        for (int row = 0; row < (isKeySide(name) ? kvLength(b) : qLength(b)); ++row)
          for (int f = 0; f < x.feature; ++f) {
            int64_t start = shape.packed ? (isKeySide(name) ? kv_offsets : q_offsets)[b] : 0;
            x.set(normal(random), shape.packed ? 0 : b, h, start + row, f);
          }
  }
}

double Case::read(const std::string &name, int b, int head, int row, int f) const {
  const Buffer &x = buffers.at(name);
  if (shape.packed) return x.get(0, head, (isKeySide(name) ? kv_offsets : q_offsets)[b] + row, f);
  return x.get(b, head, row, f);
}

void Case::evaluate(const std::function<bool(int b, int h, int i, int j)> &keep, double scale) {
  int group = shape.heads / shape.kv_heads;
  for (int b = 0; b < shape.batch; ++b)
    for (int h = 0; h < shape.heads; ++h) {
      Head &head = reference.emplace_back();
      head.scale = scale;
      head.keep = [=](int i, int j) { return keep(b, h, i, j); };
      auto matrix = [&](const std::string &name) {
        bool key = isKeySide(name);
        Matrix m(key ? kvLength(b) : qLength(b), static_cast<int>(buffers[name].feature));
        for (int row = 0; row < m.rows; ++row)
          for (int f = 0; f < m.columns; ++f) m(row, f) = read(name, b, key ? h / group : h, row, f);
        return m;
      };
      head.q = matrix("q"), head.k = matrix("k"), head.v = matrix("v");
      head.tq = matrix("tq"), head.tk = matrix("tk"), head.tv = matrix("tv");
      head.g = matrix("do"), head.h = matrix("dto");
      head.gl = matrix("dlse").data, head.gm = matrix("dmu").data;
      head.evaluate();
      magnitudes.push_back(head.magnitudes());
    }
}

Problem Case::problem() const {
  return {shape.batch,
          shape.heads,
          shape.kv_heads,
          shape.q_length,
          shape.kv_length,
          shape.packed ? q_offsets.back() : shape.q_length,
          shape.packed ? kv_offsets.back() : shape.kv_length};
}

Result<void> Case::launch(const Executable &executable) {
  TensorMap tensors = extra;
  for (auto &[name, buffer] : buffers) tensors[name] = buffer.view();
  auto integers = [&](const char *name, std::vector<int32_t> &values) {
    tensors[name] = TensorView{values.data(), DType::I32, {1, 0, 0, 0}};
  };
  integers("q_lengths", q_lengths), integers("kv_lengths", kv_lengths);
  integers("q_offsets", q_offsets), integers("kv_offsets", kv_offsets);
  std::vector<char> workspace(executable.workspaceBytes(problem()), char(0xff));
  return executable.launch(problem(), tensors, workspace.data(), nullptr);
}

double Case::expected(const std::vector<Head> &heads, const std::string &name, int b, int head, int row, int f) const {
  int group = shape.heads / shape.kv_heads;
  bool key = isKeySide(name);
  double sum = 0;
  for (int h = key ? head * group : head; h < (key ? (head + 1) * group : head + 1); ++h) {
    const Head &r = heads[size_t(b) * shape.heads + h];
    if (name == "lse") return r.lse[row];
    if (name == "mu") return r.mu[row];
    const std::pair<const char *, const Matrix *> outputs[] = {{"o", &r.o},     {"to", &r.to},  {"dq", &r.dq},
                                                               {"dk", &r.dk},   {"dv", &r.dv},  {"dtq", &r.dtq},
                                                               {"dtk", &r.dtk}, {"dtv", &r.dtv}};
    for (auto [n, matrix] : outputs)
      if (name == n) sum += (*matrix)(row, f);
  }
  return sum;
}

void Case::expectClose(const std::string &name, double limit) {
  const Buffer &x = buffers.at(name);
  struct Sum {
    double error = 0, norm = 0, magnitude = 0;
    double relative() const {
      double scale = std::sqrt(std::max(norm, 0.01 * magnitude));
      return error == 0 ? 0 : std::sqrt(error) / scale;
    }
  } whole;
  for (int b = 0; b < shape.batch; ++b)
    for (int h = 0; h < x.heads; ++h)
      for (int row = 0; row < (isKeySide(name) ? kvLength(b) : qLength(b)); ++row) {
        Sum one;
        for (int f = 0; f < x.feature; ++f) {
          double want = expected(reference, name, b, h, row, f), got = read(name, b, h, row, f);
          double magnitude = expected(magnitudes, name, b, h, row, f);
          if (want == got) want = got = std::isinf(want) ? 0 : want;
          one.error += (want - got) * (want - got);
          one.norm += want * want;
          one.magnitude += magnitude * magnitude;
        }
        ASSERT_LE(one.relative(), 4 * limit) << name << " batch " << b << " head " << h << " row " << row;
        whole.error += one.error, whole.norm += one.norm, whole.magnitude += one.magnitude;
      }
  EXPECT_LE(whole.relative(), limit) << name;
}

void Case::expectPadding(const std::string &name, double value) {
  const Buffer &x = buffers.at(name);
  for (int b = 0; b < shape.batch; ++b)
    for (int h = 0; h < x.heads; ++h)
      for (int64_t row = isKeySide(name) ? kvLength(b) : qLength(b); row < x.rows; ++row)
        for (int f = 0; f < x.feature; ++f) ASSERT_EQ(x.get(b, h, row, f), value) << name << " row " << row;
}
