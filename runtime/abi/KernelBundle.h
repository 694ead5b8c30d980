// What the compiler hands to the runtime: text to compile, and how to launch what it becomes.
#ifndef JVPGEN_RUNTIME_ABI_KERNELBUNDLE_H
#define JVPGEN_RUNTIME_ABI_KERNELBUNDLE_H

#include "runtime/abi/Tensor.h"
#include "schedule/Schedule.h"
#include <string>
#include <vector>

namespace jvpgen {

/// A tensor of the interface, or a buffer in the workspace. `indices` are letters of "bnrijde": see compiler/ir/Attn.td.
struct TensorDeclaration {
  std::string name;
  std::string indices;
  DType dtype = DType::F32;
  bool is_output = false; ///< written by some launch of the bundle's programs
};

/// One kernel. Its grid is one-dimensional: batch * heads * ceil(length of the axis / rows per block) blocks.
struct Launch {
  std::string kernel;                    ///< extern "C" entry point, unique in the bundle
  std::string source;                    ///< name of its text in KernelBundle::files
  std::string owners;                    ///< "bnri" query rows, "bnj" key rows, "bn", "b", "" one block, ...: what blocks own
  std::string rows_per_block;            ///< field of the Schedule ("tile_m", "tile_n") or a number
  std::vector<std::string> tensors;      ///< names of the arguments, in order: interface tensors and workspace buffers
  ResourceModel resources;
};

/// One way to run a program: launches in order on one stream.
struct KernelVariant {
  std::string program; ///< forward, tangent_forward, backward, tangent_backward
  std::string variant; ///< row, row+col, row+col split, by output group, fused
  std::string skeleton = "portable";
  std::vector<TensorDeclaration> workspace;
  std::vector<Launch> launches;
  Schedule schedule; ///< the default; a pure function of specification and target
};

struct SourceFile {
  std::string name; ///< as #include or Launch::source names it
  std::string text;
};

struct KernelBundle {
  static constexpr int kVersion = 1;
  std::string name;                        ///< of the specification
  std::string digest;                      ///< SHA-256 of the specification's canonical text
  int head_dim_qk = 0, head_dim_v = 0;
  std::string layout = "dense";            ///< dense, padded, packed
  std::vector<TensorDeclaration> tensors;  ///< the interface
  std::vector<KernelVariant> variants;     ///< the first of a program is its default
  std::vector<SourceFile> files;           ///< emitted policies and templates
};

} // namespace jvpgen

#endif
