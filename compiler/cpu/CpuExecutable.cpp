// Launching: checks tensors, fills the frame, runs the steps on the pool.
#include "compiler/cpu/CpuExecutable.h"
#include "compiler/cpu/ThreadPool.h"
#include <algorithm>
#include <cstring>
#include <thread>

using namespace jvpgen;
using namespace jvpgen::cpu;

namespace {

constexpr size_t kAlignment = 256;
size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

int64_t copiesOf(const Tensor &t, const Problem &p) {
  return t.added_along ? TaskSplit::along(t.added_along, p).copies : 1;
}

class CpuExecutable : public Executable {
public:
  CpuExecutable(Program program, std::unique_ptr<Jit> jit, std::vector<GeneratedFunction> functions, unsigned threads)
      : program(std::move(program)), jit(std::move(jit)), functions(std::move(functions)), threads(threads) {}

  /// Frame, sequences, buffers, scratch of each thread; room to align the start.
  size_t workspaceBytes(const Problem &problem) const override {
    size_t bytes = kAlignment + frameBytes() + sequenceBytes(problem) + threads * aligned(program.scratch_bytes);
    for (const Tensor &t : program.tensors) {
      int64_t stride[4];
      if (t.in_workspace) bytes += copiesOf(t, problem) * workspaceShape(t, problem, stride);
    }
    return bytes;
  }

  Result<void> launch(const Problem &problem, const TensorMap &tensors, void *workspace, void *) const override;

private:
  size_t frameBytes() const { return aligned((kFirstTensor + kTensorWords * program.tensors.size()) * 8); }
  size_t sequenceBytes(const Problem &p) const { return aligned(4 * 8 * static_cast<size_t>(p.batch)); }
  Result<void> fillSequences(const Problem &problem, const TensorMap &tensors, int64_t *frame,
                             int64_t *sequences) const;
  Result<char *> fillTensors(const Problem &problem, const TensorMap &tensors, int64_t *frame, char *buffers) const;
  void run(const Step &step, GeneratedFunction function, const Problem &problem, const int64_t *frame,
           char *scratch) const;
  void addCopies(const Tensor &tensor, const Problem &problem, const int64_t *frame) const;

  Program program;
  std::unique_ptr<Jit> jit;
  std::vector<GeneratedFunction> functions;
  unsigned threads;
};

tl::unexpected<Error> invalid(const std::string &plan, const std::string &what) {
  return fail(ErrorKind::Invalid, "launch of " + plan + " on the CPU: " + what);
}

const int32_t *integers(const TensorMap &tensors, std::string_view name) {
  auto it = tensors.find(name);
  return it == tensors.end() || it->second.dtype != DType::I32 ? nullptr
                                                               : static_cast<const int32_t *>(it->second.data);
}

} // namespace

/// Lengths are clamped to [0, longest], starts and ends of packed sequences to the rows that exist.
Result<void> CpuExecutable::fillSequences(const Problem &p, const TensorMap &tensors, int64_t *frame,
                                          int64_t *out) const {
  struct Axis {
    const char *lengths, *offsets;
    int64_t longest, total;
  } axes[] = {{"q_lengths", "q_offsets", p.q_length, p.q_total}, {"kv_lengths", "kv_offsets", p.kv_length, p.kv_total}};
  for (int axis = 0; axis < 2; ++axis) {
    const Axis &a = axes[axis];
    int64_t *length = out + axis * p.batch, *start = out + (2 + axis) * p.batch;
    const int32_t *lengths = integers(tensors, a.lengths), *offsets = integers(tensors, a.offsets);
    if (program.layout == Layout::Padded && !lengths)
      return invalid(program.plan,
                     std::string("the padded layout needs ") + a.lengths + "; hand over int32 lengths, one a batch");
    if (program.layout == Layout::Packed && !offsets)
      return invalid(program.plan,
                     std::string("the packed layout needs ") + a.offsets + "; hand over batch + 1 int32 offsets");
    for (int64_t b = 0; b < p.batch; ++b) {
      start[b] = program.layout == Layout::Packed ? std::clamp<int64_t>(offsets[b], 0, a.total) : 0;
      int64_t n = program.layout == Layout::Packed   ? std::min<int64_t>(offsets[b + 1], a.total) - start[b]
                  : program.layout == Layout::Padded ? lengths[b]
                                                     : a.longest;
      length[b] = std::clamp<int64_t>(n, 0, a.longest);
    }
    frame[kQLengths + axis] = reinterpret_cast<int64_t>(length);
    frame[kQStarts + axis] = reinterpret_cast<int64_t>(start);
  }
  return {};
}

/// Returns where the workspace's buffers end.
Result<char *> CpuExecutable::fillTensors(const Problem &p, const TensorMap &tensors, int64_t *frame,
                                          char *buffers) const {
  for (const Tensor &t : program.tensors) {
    int64_t *words = frame + kFirstTensor + kTensorWords * t.slot;
    if (t.in_workspace) {
      words[0] = reinterpret_cast<int64_t>(buffers);
      int64_t bytes = workspaceShape(t, p, words + 1);
      words[5] = bytes / 4;
      buffers += bytes * copiesOf(t, p);
      continue;
    }
    auto it = tensors.find(t.name);
    if (it == tensors.end()) return invalid(program.plan, "tensor " + t.name + " is missing; hand it over");
    if (it->second.dtype != t.dtype)
      return invalid(program.plan, "tensor " + t.name + " is " + std::string(name(it->second.dtype)) + "; it must be " +
                                       std::string(name(t.dtype)));
    words[0] = reinterpret_cast<int64_t>(it->second.data);
    std::copy_n(it->second.stride, 4, words + 1);
  }
  return buffers;
}

Result<void> CpuExecutable::launch(const Problem &p, const TensorMap &tensors, void *workspace, void *) const {
  if (p.kv_heads <= 0 || p.heads % p.kv_heads)
    return invalid(program.plan, std::to_string(p.heads) + " query heads are no multiple of " +
                                     std::to_string(p.kv_heads) + " key heads; make them one");
  char *at = reinterpret_cast<char *>(aligned(reinterpret_cast<size_t>(workspace)));
  auto *frame = reinterpret_cast<int64_t *>(at);
  auto *sequences = reinterpret_cast<int64_t *>(at + frameBytes());
  const int64_t sizes[] = {p.batch, p.heads, p.kv_heads, p.group(), p.q_length, p.kv_length};
  std::copy(std::begin(sizes), std::end(sizes), frame);
  frame[kQTaskRows] = TaskSplit::along('i', p).rows;
  frame[kKvTaskRows] = TaskSplit::along('j', p).rows;
  frame[kQBlockRows] = blockRows('i', p);
  frame[kKvBlockRows] = blockRows('j', p);
  if (auto ok = fillSequences(p, tensors, frame, sequences); !ok) return ok;
  auto scratch = fillTensors(p, tensors, frame, at + frameBytes() + sequenceBytes(p));
  if (!scratch) return tl::unexpected(scratch.error());
  for (size_t k = 0; k < functions.size(); ++k) run(program.steps[k], functions[k], p, frame, *scratch);
  return {};
}

void CpuExecutable::run(const Step &step, GeneratedFunction function, const Problem &p, const int64_t *frame,
                        char *scratch) const {
  int64_t batches = step.over_batch ? p.batch : 1;
  int64_t heads = step.heads == Step::QueryHeads ? p.heads : step.heads == Step::KeyHeads ? p.kv_heads : 1;
  int64_t rows = step.axis == 'i' ? p.q_length : p.kv_length;
  int64_t size = step.is_sweep ? std::min(step.rows, blockRows(step.axis, p)) : step.rows;
  int64_t blocks = !step.added.empty() ? TaskSplit::along(step.axis, p).copies
                   : step.axis         ? (rows + size - 1) / size
                                       : 1;
  ThreadPool::shared().run(threads, batches * heads * blocks, [&](int64_t task, unsigned worker) {
    // Heads run fastest, so that the largest blocks of all heads are begun first.
    int64_t block = task / (batches * heads), head = task % heads, batch = task / heads % batches;
    if (step.largest_last) block = blocks - 1 - block;
    function(frame, batch, head, block, scratch + worker * aligned(program.scratch_bytes));
  });
  for (int slot : step.added) addCopies(program.tensors[slot], p, frame);
}

/// first copy += the others, in their order
void CpuExecutable::addCopies(const Tensor &t, const Problem &p, const int64_t *frame) const {
  constexpr int64_t kRun = 1 << 14;
  int64_t copies = copiesOf(t, p);
  if (copies == 1) return;
  const int64_t *words = frame + kFirstTensor + kTensorWords * t.slot;
  auto *sum = reinterpret_cast<float *>(words[0]);
  int64_t size = words[5];
  ThreadPool::shared().run(threads, (size + kRun - 1) / kRun, [&](int64_t task, unsigned) {
    int64_t first = task * kRun, last = std::min(first + kRun, size);
    for (int64_t copy = 1; copy < copies; ++copy)
      for (int64_t k = first; k < last; ++k) sum[k] += sum[copy * size + k];
  });
}

Result<std::unique_ptr<Executable>> cpu::makeExecutable(Program program, std::unique_ptr<Jit> jit,
                                                        const CpuOptions &options) {
  std::vector<GeneratedFunction> functions;
  for (const Step &step : program.steps) {
    auto function = jit->find(step.function);
    if (!function) return tl::unexpected(function.error());
    functions.push_back(*function);
  }
  unsigned threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return std::make_unique<CpuExecutable>(std::move(program), std::move(jit), std::move(functions), threads);
}
