// The tensors that a plan touches, of the interface and of the workspace, and the addresses of their elements.
#ifndef JVPGEN_COMPILER_CPU_STORAGE_H
#define JVPGEN_COMPILER_CPU_STORAGE_H

#include "compiler/cpu/Code.h"
#include "compiler/ir/Dialect.h"
#include "runtime/abi/Problem.h"
#include <deque>
#include <string>

namespace jvpgen::cpu {

/// A tensor of the interface, or a float32 buffer in the workspace.
struct Tensor {
  std::string name;
  std::string indices;
  DType dtype = DType::F32;
  bool in_workspace = false;
  bool per_sequence = false; ///< i and j count inside a sequence, packed layouts included
  int slot = 0;              ///< in the frame
  int feature = 1;           ///< length of the feature index, 1 without one
  int padded_feature = 1;    ///< in the workspace, multiple of 16
  char added_along = 0;      ///< own axis of the sweep that adds to it, each task to its own copy; 0 for all others

  bool has(char index) const { return indices.find(index) != std::string::npos; }
  bool isTile() const { return has('i') && has('j'); }
  /// Packed sequences follow one another along i and along j; in the workspace each has rows of its own.
  bool isPackable() const { return !in_workspace && !per_sequence && (has('i') || has('j')); }
};

/// Bytes of one copy of a workspace buffer (multiple of 256), and its strides.
int64_t workspaceShape(const Tensor &tensor, const Problem &problem, int64_t stride[4]);

/// Owners of one key head that add to the same memory are shared out to a few tasks of `rows` own rows, each with a
/// copy of that memory. The shape alone decides how many: results do not depend on the number of threads.
struct TaskSplit {
  int64_t rows, copies;
  static TaskSplit along(char axis, const Problem &problem);
};

/// Most rows of an owner that adds to no other's memory: fewer where there would be few tasks.
int64_t blockRows(char axis, const Problem &problem);

/// Where an element is: numbers of its indices (i64, or vectors of them along one of i, j); null for those that are not
/// bound.
struct Place {
  mlir::Value b, h, n, i, j;
};

enum class Layout { Dense, Padded, Packed };

/// All tensors of one plan.
class Storage {
public:
  Storage(mlir::ModuleOp module);

  /// The tensor that an input or an output names: of the interface, else a workspace buffer, made if it is not there
  /// yet.
  const Tensor &named(llvm::StringRef name, llvm::StringRef indices);
  const Tensor *find(llvm::StringRef name) const;
  void addAlong(const Tensor &tensor, char axis) { used[tensor.slot].added_along = axis; }
  int64_t featureLength(llvm::StringRef indices) const; ///< 1 without feature index
  const std::deque<Tensor> &tensors() const { return used; }
  Layout layout() const { return layout_; }

private:
  mlir::ModuleOp module;
  std::deque<Tensor> used; ///< in the order of their slots
  int64_t head_dim_qk, head_dim_v;
  Layout layout_ = Layout::Dense;
};

/// Reads and writes elements inside one generated function; pointers and strides are loaded once, at its start.
class Access {
public:
  using Value = mlir::Value;
  Access(Code &code, Storage &storage, Arguments arguments);

  Value word(int64_t frameWord);                  ///< i64, loaded at the start of the function
  Value sequence(int64_t frameWord, Value batch); ///< element of one of the frame's arrays
  Value length(char axis, Value batch);           ///< of the sequence; the longest if batch is null
  Value longest(char axis) { return word(axis == 'i' ? 4 : 5); }
  /// Rows of the axis that outputs of the sequence have: the longest, or in packed layouts the sequence's own.
  Value writtenLength(char axis, Value batch);

  Value pointer(const Tensor &tensor);
  Value stride(const Tensor &tensor, int k);              ///< 4: from one copy to the next
  Value offset(const Tensor &tensor, const Place &place); ///< in elements; a vector if the place has one
  Value read(const Tensor &tensor, const Place &place, Value feature = {}, unsigned width = 1);
  void write(Value value, const Tensor &tensor, const Place &place, Value feature = {});

  Storage &storage;

private:
  Code &code;
  Arguments arguments;
  mlir::Block *entry;
  llvm::DenseMap<int64_t, Value> words;
};

} // namespace jvpgen::cpu

#endif
