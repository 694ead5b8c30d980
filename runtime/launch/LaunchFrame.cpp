// Parameters filled once, then patched; and who may patch which.
#include "runtime/launch/LaunchFrame.h"

#include <algorithm>
#include <cstring>
#include <thread>

using namespace jvpgen;

LaunchFrame::LaunchFrame(const LaunchArguments &arguments)
    : arguments(arguments), views(arguments.signature().size()), alignment(views.size()), may_be_null(views.size()),
      calls(arguments.launches()), has_moved(views.size()) {
  size_t pieces = 0; // of 128 bytes, so that each parameter begins at a multiple of its alignment
  auto piecesOf = [&](size_t k) {
    return (arguments.parameterBytes(k) + sizeof(TensorMapBytes) - 1) / sizeof(TensorMapBytes);
  };
  for (size_t k = 0; k < calls.size(); ++k) pieces += piecesOf(k);
  storage.resize(pieces + sizeof(KernelParameter) / sizeof(TensorMapBytes)); // `pack` sees a whole one behind each
  pieces = 0;
  for (size_t k = 0; k < calls.size(); ++k) {
    calls[k].parameter = reinterpret_cast<KernelParameter *>(&storage[pieces]);
    calls[k].buffer_offsets.resize(arguments.tensorCount(k));
    pieces += piecesOf(k);
  }
}

bool LaunchFrame::isFor(const Problem &asked, std::span<const TensorView> given) const {
  if (!is_laid_out || !(asked == problem) || given.size() != views.size()) return false;
  for (size_t k = 0; k < views.size(); ++k)
    if (given[k].dtype != views[k].dtype || std::memcmp(given[k].stride, views[k].stride, sizeof views[k].stride))
      return false;
  return true;
}

/// Maps as the driver encodes them; what lies outside a tensor is zero.
static int encode(const Driver &driver, const TensorMapFacts &facts, TensorMapBytes &map) {
  constexpr int kF16 = 6, kBF16 = 9;                             // CU_TENSOR_MAP_DATA_TYPE_...
  constexpr int kNoInterleave = 0, kPromote256 = 3, kZeros = 0;  // ..._INTERLEAVE_, _L2_PROMOTION_L2_256B, _OOB_FILL_
  constexpr int kSwizzle32 = 1, kSwizzle64 = 2, kSwizzle128 = 3; // ..._SWIZZLE_
  const uint32_t box[] = {facts.box_features, facts.box_rows, 1, 1}, steps[] = {1, 1, 1, 1};
  const int swizzle = facts.box_features == 64 ? kSwizzle128 : facts.box_features == 32 ? kSwizzle64 : kSwizzle32;
  return driver.TensorMapEncodeTiled(&map, facts.dtype == DType::F16 ? kF16 : kBF16, 4, facts.data, facts.extent,
                                     facts.stride_bytes, box, steps, kNoInterleave, swizzle, kPromote256, kZeros);
}

Result<void> LaunchFrame::encodeMaps(const Driver &driver, std::span<const TensorView> given) {
  for (size_t k = 0; k < calls.size(); ++k) {
    TensorMapBytes *maps = calls[k].parameter->maps(arguments.tensorCount(k));
    for (size_t m = 0; m < arguments.mapCount(k); ++m) {
      const TensorMapFacts facts = arguments.map(k, m, problem, given);
      if (facts.isEmpty()) continue; // nothing will be read
      if (int code = encode(driver, facts, maps[m]))
        return driver.check(code, "describing the tensor '" + arguments.signature()[arguments.tensorOfMap(k, m)].name +
                                      "' to the GPU");
    }
  }
  return {};
}

Result<void> LaunchFrame::layOut(const Driver &driver, const Problem &asked, std::span<const TensorView> given,
                                 void *workspace) {
  is_laid_out = false;
  if (Result<void> ok = arguments.check(asked, given, workspace); !ok) return ok;
  problem = asked;
  needs_workspace = arguments.workspaceBytes(problem) > 0;
  for (size_t k = 0; k < views.size(); ++k) {
    const bool used = arguments.isUsed(k);
    alignment[k] = used ? arguments.alignment(k, problem, given) - 1 : 0;
    may_be_null[k] = !used || arguments.isEmpty(k, problem);
  }
  for (size_t k = 0; k < calls.size(); ++k) {
    Call &call = calls[k];
    call.blocks = arguments.blocks(k, problem);
    call.counter = arguments.counterAt(k, problem);
    arguments.pack(k, problem, given, workspace, *call.parameter);
    for (size_t place = 0; place < call.buffer_offsets.size(); ++place)
      if (arguments.tensorAt(k, place) < 0)
        call.buffer_offsets[place] =
            size_t(static_cast<std::byte *>(call.parameter->tensors[place].data) - static_cast<std::byte *>(workspace));
  }
  if (Result<void> ok = encodeMaps(driver, given); !ok) return ok;
  std::copy(given.begin(), given.end(), views.begin());
  is_laid_out = true;
  return {};
}

bool LaunchFrame::replace(const Driver &driver, std::span<const TensorView> given, void *workspace) {
  const bool is_aligned = reinterpret_cast<uintptr_t>(workspace) % LaunchArguments::kWorkspaceAlignment == 0;
  if (needs_workspace && !(workspace && is_aligned)) return false;
  for (size_t k = 0; k < views.size(); ++k) {
    void *const data = given[k].data;
    if (reinterpret_cast<uintptr_t>(data) & alignment[k] || (!data && !may_be_null[k])) return false;
    has_moved[k] = data != views[k].data;
  }
  is_laid_out = false; // until all of it is
  for (size_t k = 0; k < calls.size(); ++k) {
    Call &call = calls[k];
    if (call.blocks == 0) continue;
    for (size_t place = 0; place < call.buffer_offsets.size(); ++place) {
      const int64_t tensor = arguments.tensorAt(k, place);
      call.parameter->tensors[place].data =
          tensor < 0 ? static_cast<std::byte *>(workspace) + call.buffer_offsets[place] : given[size_t(tensor)].data;
    }
    TensorMapBytes *maps = call.parameter->maps(call.buffer_offsets.size());
    for (size_t m = 0; m < arguments.mapCount(k); ++m) {
      const size_t tensor = arguments.tensorOfMap(k, m);
      if (has_moved[tensor] && !may_be_null[tensor] &&
          driver.TensorMapReplaceAddress(&maps[m], given[tensor].data) != 0)
        return false;
    }
  }
  for (size_t k = 0; k < views.size(); ++k) views[k].data = given[k].data;
  is_laid_out = true;
  return true;
}

// ---- who may patch which
// -----------------------------------------------------------------------------------------------

struct LaunchFrames::Slot {
  explicit Slot(const LaunchArguments &arguments) : frame(arguments) {}
  std::atomic_flag is_lent;
  uint64_t used = 0; ///< when it was last lent; read and written by the holder
  LaunchFrame frame;
};

LaunchFrames::LaunchFrames(const LaunchArguments &arguments) {
  for (size_t k = 0; k < kFrames; ++k) slots.push_back(std::make_unique<Slot>(arguments));
}

LaunchFrames::~LaunchFrames() = default;

LaunchFrames::Loan::~Loan() { slot->is_lent.clear(std::memory_order_release); }
LaunchFrame *LaunchFrames::Loan::operator->() const { return &slot->frame; }

LaunchFrames::Loan LaunchFrames::lend(const Problem &problem, std::span<const TensorView> views) {
  for (;; std::this_thread::yield()) {
    const size_t first = latest.load(std::memory_order_relaxed);
    Slot *oldest = nullptr; // held
    for (size_t k = 0; k < kFrames; ++k) {
      Slot *slot = slots[(first + k) % kFrames].get();
      if (slot->is_lent.test_and_set(std::memory_order_acquire)) continue;
      const bool fits = slot->frame.isFor(problem, views);
      if (!fits && oldest && oldest->used <= slot->used) {
        slot->is_lent.clear(std::memory_order_release);
        continue;
      }
      if (oldest) oldest->is_lent.clear(std::memory_order_release);
      oldest = slot;
      if (!fits) continue;
      latest.store((first + k) % kFrames, std::memory_order_relaxed);
      break;
    }
    if (!oldest) continue;
    oldest->used = clock.fetch_add(1, std::memory_order_relaxed) + 1;
    return Loan(oldest);
  }
}
