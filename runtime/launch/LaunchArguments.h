// From a problem and tensors to what each kernel of a variant receives: checked, laid out, without a single allocation.
#ifndef JVPGEN_RUNTIME_LAUNCH_LAUNCHARGUMENTS_H
#define JVPGEN_RUNTIME_LAUNCH_LAUNCHARGUMENTS_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include "runtime/abi/Tensor.h"
#include "runtime/launch/TensorMaps.h"
#include "schedule/Division.h"
#include "support/Result.h"
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace jvpgen {

/// How a kernel's parameter describes a tensor (`Tensor` in templates/abi.cuh).
struct TensorParameter {
  void *data = nullptr;
  int64_t stride[4] = {0, 0, 0, 0};
};

/// The one parameter of a kernel: a Problem, then tensors, then maps (see Launch). CUDA passes at most 4 KiB to every
/// GPU.
struct alignas(64) KernelParameter {
  static constexpr size_t kMostTensors = (4096 - sizeof(Problem)) / sizeof(TensorParameter);
  Problem problem;
  std::array<TensorParameter, kMostTensors> tensors;

  /// The maps of a kernel that takes so many tensors.
  TensorMapBytes *maps(size_t tensorCount) {
    return reinterpret_cast<TensorMapBytes *>(reinterpret_cast<std::byte *>(this) + mapsOffset(tensorCount));
  }
};
static_assert(sizeof(Problem) == 56 && sizeof(TensorParameter) == 40 && sizeof(KernelParameter) <= 4096);

/// Whether the sizes make sense: none negative, query heads a multiple of key heads, each below 2^31.
Result<void> checkShape(const Problem &problem);

/// A variant's launches with every name resolved; what CUDA and the host's emulation share. Tensors are handed over as
/// views in the order of `signature`.
class LaunchArguments {
public:
  static constexpr size_t kWorkspaceAlignment = 256;
  static constexpr size_t kMostTensors = KernelParameter::kMostTensors; ///< of a signature

  /// With 0 multiprocessors no grid shrinks to them.
  static Result<LaunchArguments> create(const KernelBundle &bundle, const KernelVariant &variant,
                                        int multiprocessors = 0);

  /// The interface's tensors that some variant of the program uses, in the bundle's order.
  const std::vector<TensorDeclaration> &signature() const { return tensors; }
  /// Whether this variant uses one of them; the views of others are not looked at.
  bool isUsed(size_t tensor) const { return used[tensor]; }

  /// Views in order, from views by name; `out` has as many places as the signature.
  Result<void> resolve(const TensorMap &given, std::span<TensorView> out) const;

  size_t workspaceBytes(const Problem &problem) const;

  /// Whether the problem makes sense, and each tensor has the type, alignment and strides that kernels rely on. What
  /// `data` points to is not looked at.
  Result<void> check(const Problem &problem, std::span<const TensorView> views, const void *workspace) const;

  size_t launches() const { return calls.size(); }

  /// Blocks of a launch's grid; 0: nothing to do. `check` has seen to it that it is small enough.
  int64_t blocks(size_t launch, const Problem &problem) const;

  /// Fills what the kernel receives, maps left out. The views have passed `check`.
  void pack(size_t launch, const Problem &problem, std::span<const TensorView> views, void *workspace,
            KernelParameter &out) const;

  /// The place in a launch's parameter of the counter that has to be 0 when it begins; negative: there is none.
  int64_t counterAt(size_t launch, const Problem &problem) const;

  /// Which blocks a launch divides, and into how many parts; a launch that joins has the division of the one before.
  Division division(size_t launch, const Problem &problem) const;
  /// The most parts into which some launch divides blocks.
  int splits(const Problem &problem) const;

  size_t tensorCount(size_t launch) const { return calls[launch].arguments.size(); }
  /// What a launch takes at a place of its parameter: a tensor of the signature, or a negative number for what lies in
  /// the workspace.
  int64_t tensorAt(size_t launch, size_t place) const;

  size_t mapCount(size_t launch) const { return calls[launch].maps.size(); }
  /// The tensor of the signature that a map describes.
  size_t tensorOfMap(size_t launch, size_t index) const { return calls[launch].maps[index].tensor; }
  /// A map of a launch. The views have passed `check`.
  TensorMapFacts map(size_t launch, size_t index, const Problem &problem, std::span<const TensorView> views) const;
  /// Bytes of a launch's parameter, maps included.
  size_t parameterBytes(size_t launch) const;

  /// What a tensor's address has to be a multiple of if it holds anything.
  size_t alignment(size_t tensor, const Problem &problem, std::span<const TensorView> views) const;
  bool isEmpty(size_t tensor, const Problem &problem) const { return elements(tensors[tensor], problem) == 0; }

private:
  struct Argument {
    enum { Tensor, Buffer, Division } kind = Tensor;
    size_t index = 0; ///< in `tensors` or `buffers`
  };
  struct Map {
    TensorMapDeclaration declaration;
    size_t tensor = 0; ///< in `tensors`
  };
  struct Call {
    std::string owners;
    Schedule schedule;
    std::vector<Map> maps;
    int64_t rows_per_block = 1;
    bool walks = false, joins = false;
    int64_t counter = -1; ///< in `arguments`
    int64_t partial_numbers = 0;
    std::vector<Argument> arguments;
  };
  int64_t ownedBlocks(const Call &call, const Problem &problem) const;
  int64_t allBlocks(size_t launch, const Problem &problem) const;
  size_t partsBytes(size_t launch, const Problem &problem) const;
  size_t buffersBytes(const Problem &problem) const;
  int64_t extent(char index, const Problem &problem) const;
  int64_t extent(const TensorDeclaration &tensor, char index, const Problem &problem) const;
  int64_t elements(const TensorDeclaration &tensor, const Problem &problem) const;
  size_t paddedBytes(const TensorDeclaration &buffer, const Problem &problem) const;
  int64_t features(const TensorDeclaration &tensor) const;
  Result<void> checkMaps(const Problem &problem, std::span<const TensorView> views) const;
  Result<void> checkTensor(const TensorDeclaration &tensor, const Problem &problem, const TensorView &view) const;
  tl::unexpected<Error> refuse(const TensorDeclaration &tensor, const std::string &obstacle,
                               const std::string &remedy) const;

  int64_t head_dim_qk = 0, head_dim_v = 0, multiprocessors = 0;
  bool packed = false;
  std::string bundle_name, program;
  std::vector<TensorDeclaration> tensors; ///< the signature
  std::vector<bool> used;                 ///< one for each of `tensors`
  std::vector<TensorDeclaration> buffers; ///< of the workspace
  std::vector<Call> calls;
};

} // namespace jvpgen

#endif
