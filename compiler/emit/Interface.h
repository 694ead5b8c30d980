// The tensors that a kernel takes: what is known of each, and the parameter list as it grows while the text is written.
#ifndef JVPGEN_COMPILER_EMIT_INTERFACE_H
#define JVPGEN_COMPILER_EMIT_INTERFACE_H

#include "compiler/ir/Dialect.h"
#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include <optional>

namespace jvpgen {

/// A tensor of the interface or of the workspace.
struct TensorInfo {
  std::string name, indices;
  DType dtype = DType::F32;
  bool in_workspace = false;
  bool per_sequence = false; ///< rows count inside a sequence, packed layouts included; so they do in the workspace

  /// Every sequence has rows of its own, from 0 to the longest length.
  bool hasOwnRows() const { return in_workspace || per_sequence; }
  bool has(char index) const { return indices.find(index) != std::string::npos; }
  std::string type() const; ///< the element type of templates/elements.cuh
};

/// Everything that a module says about its tensors and shapes.
struct Interface {
  explicit Interface(mlir::ModuleOp module);

  std::string name, layout, element_f32;
  int head_dim_qk = 0, head_dim_v = 0;
  llvm::StringMap<TensorInfo> tensors;
  std::vector<TensorDeclaration> declarations;
  attn::MaskOp mask;

  int features(llvm::StringRef indices) const {
    return indices.contains('d') ? head_dim_qk : indices.contains('e') ? head_dim_v : 0;
  }
};

/// The parameters of one kernel, in the order of their first use.
class Parameters {
public:
  /// "args.name", declaring the parameter.
  std::string use(const TensorInfo &tensor);
  /// "args.name_map64", declaring the tensor's map for copies of boxes of so many features.
  std::string useMap(const TensorInfo &tensor, int features);
  /// The struct that the kernel takes, with its division among blocks if there may be one.
  std::string declaration(bool divides = false) const;
  const std::vector<std::string> &names() const { return order; }
  /// Tensors with maps, and the features of their boxes.
  const std::vector<std::pair<std::string, int>> &mappedTensors() const { return maps; }

private:
  std::vector<std::string> order;
  std::vector<std::pair<std::string, int>> maps;
};

/// The head that a tensor is indexed by: key head, or query head.
std::string headOf(const TensorInfo &tensor);
/// The sequence `s`, or its rows in the workspace.
std::string placeOf(const TensorInfo &tensor);
/// A number of a tensor at "i", "j" (texts; used only if the tensor has them), of sequence `s`, as float.
std::string numberAt(Parameters &parameters, const TensorInfo &tensor, const std::string &i, const std::string &j);
/// The address of such a number, or of the first feature there.
std::string addressOf(Parameters &parameters, const TensorInfo &tensor, const std::string &i, const std::string &j);
/// The function `measure` of a policy: the lengths of a sequence.
std::string measureText(Parameters &parameters, const Interface &interface);
/// The functions `keep`, `may_keep`, `may_drop` of a policy; `may_drop` does not speak of a bias that the sweep itself
/// looks at.
Result<std::string> maskText(Parameters &parameters, const Interface &interface, bool seesBias = false);
/// The function `bound_keys`, and whether it says all that `keep` does: where a row's keys are one range.
Result<std::string> keptRangeText(Parameters &parameters, const Interface &interface);
/// The function `keep` alone.
Result<std::string> keepText(Parameters &parameters, const Interface &interface);

/// Boxes of a mask that reads a boolean tensor are judged once, before the sweeps: a byte each, by the indices that the
/// mask depends on. Nothing for other masks, whose classifiers tell at once.
std::optional<TensorDeclaration> maskBoxes(const Interface &interface);
/// The name of those bytes in the workspace.
inline constexpr llvm::StringLiteral kMaskBoxes = "mask_boxes";
/// Whether a tile may be empty: its entries all dropped, as the mask's classifier tells.
bool mayBeEmpty(const Interface &interface);
/// Whether the classifier looks at ranges of tensors, which a warp does together; whether it reads memory at all.
bool judgesTogether(const Interface &interface);
bool judgesByMemory(const Interface &interface);

/// The name of the workspace's integer that blocks of rows are drawn from.
inline constexpr llvm::StringLiteral kCounter = "drawn";

} // namespace jvpgen

#endif
