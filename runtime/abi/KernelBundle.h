// What the compiler hands to the runtime: text to compile, and how to launch what it becomes.
#ifndef JVPGEN_RUNTIME_ABI_KERNELBUNDLE_H
#define JVPGEN_RUNTIME_ABI_KERNELBUNDLE_H

#include "runtime/abi/Tensor.h"
#include "schedule/Schedule.h"
#include <string>
#include <vector>

namespace jvpgen {

/// A tensor of the interface, or a buffer in the workspace. `indices` are letters of "bnrijde": see
/// compiler/ir/Attn.td.
struct TensorDeclaration {
  std::string name;
  std::string indices;
  DType dtype = DType::F32;
  bool is_output = false;           ///< written by some launch of the bundle's programs
  bool per_sequence = false;        ///< its i and j count inside a sequence, packed layouts included
  int query_step = 1, key_step = 1; ///< of the workspace: one entry for so many of i and of j
};

/// A tensor as Hopper's copy engine sees it: boxes of rows of a sequence (lengths up to the tensor's own), and of
/// features that lie together in shared memory, swizzled over the bytes of such a row.
struct TensorMapDeclaration {
  std::string tensor;
  std::string rows; ///< field of the Schedule: "tile_m", "tile_n"
  int features = 64;
};

/// One kernel.
///
/// Compiling: Launch::source with these definitions, from the Schedule that the launch runs with (its own or another
/// legal one):
///   -DJVPGEN_TILE_M -DJVPGEN_TILE_N -DJVPGEN_WARPS -DJVPGEN_STAGES -DJVPGEN_SHARED_BYTES=sharedBytes(resources,
///   schedule). Language options: -std=c++20. Includes come by name from KernelBundle::files.
/// Grid: one-dimensional, the product over the letters of `owners`: b batch, n key heads, r heads / key heads, i
/// q_length,
///   j kv_length, where the last of i, j in `owners` counts ceil(length / rows per block). No letters: one block. A
///   grid of 0 blocks is not launched; where the kernel `walks` or has a `counter`, one of more blocks than the GPU has
///   multiprocessors shrinks to these. Threads per block: 32 * schedule.warps. Dynamic shared memory:
///   sharedBytes(resources, schedule).
/// Parameters: one, by value: the fields of Problem in order, then for each of `tensors` {void *data; int64_t
/// stride[4];},
///   nothing between them (56 + 40 n bytes), and of the same form, where `partial_numbers` is not 0, the division: data
///   is where the parts lie, the first two strides are `whole` and `parts`; then, from the next multiple of 64 bytes
///   on, 128 bytes for each of `maps`. The launches of a variant run in order on one stream.
/// Division (schedule/Division.h): where `partial_numbers` is not 0, the grid's first `whole` blocks meet all they own,
///   and each other one a `parts`-th of the streamed rows: whole + (blocks - whole) * parts blocks. Each part leaves
///   partial_numbers float32 numbers for 2 * tile_m threads in the workspace, behind the buffers; the next launch
///   `joins` them, with a block for each that was divided, and is left out where none was.
struct Launch {
  std::string kernel;         ///< extern "C" entry point, unique in the bundle
  std::string source;         ///< name of its text in KernelBundle::files
  std::string owners;         ///< "bnri" query rows, "bnj" key rows, "bn", "b", "" one block, ...: what blocks own
  std::string rows_per_block; ///< field of the Schedule ("tile_m", "tile_n") or a number
  bool walks = false;         ///< a block may own several of the grid's blocks, one after the other
  std::string counter;        ///< a buffer of the workspace, an integer: blocks beyond a grid of as many as there are
                              ///< multiprocessors are drawn from it; 0 before each launch
  int partial_numbers = 0;    ///< that each thread leaves of a part; 0: blocks are not divided
  bool joins = false;         ///< takes the division of the launch before, and adds up its parts
  std::vector<std::string> tensors; ///< names of the arguments, in order: interface tensors and workspace buffers
  std::vector<TensorMapDeclaration> maps;
  ResourceModel resources;
  Schedule schedule; ///< the default; a pure function of specification and target
};

/// One way to run a program: launches in order on one stream.
///
/// Workspace buffers follow one another in the order of their declarations, each padded to 256 bytes: contiguous
/// of their type, the letters of `indices` in order, with Problem's batch, kv_heads, heads / kv_heads, q_length,
/// kv_length (the longest, also when packed: inside the workspace every sequence has its own rows). A launch names them
/// as it names tensors.
struct KernelVariant {
  std::string program;               ///< forward, tangent_forward, backward, tangent_backward
  std::string variant;               ///< row, row+col, row+col split, by output group, fused
  std::string skeleton = "portable"; ///< of the sweep with most products: portable, hopper
  std::string fallback_reason; ///< why a target's own skeleton does not run it; empty if it does, or there is none
  std::vector<TensorDeclaration> workspace;
  std::vector<Launch> launches;
  Schedule schedule;            ///< that of the sweep with most products: what reports and records name
  double executed_products = 0; ///< products of 2 Sq Sk d that the launches carry out, d = head_dim_qk
};

struct SourceFile {
  std::string name; ///< as #include or Launch::source names it
  std::string text;
};

/// A kernel that was compiled ahead of time. It takes the place of compiling where arch and schedule fit and its texts
/// are still the bundle's.
struct MachineCode {
  std::string kernel; ///< Launch::kernel
  std::string arch;   ///< exact: "sm_90a"
  Schedule schedule;
  std::string key;      ///< SHA-256 over texts and options: machineCodeKey
  std::string compiler; ///< build ids of the NVRTC that made it
  int registers = 0, spill_bytes = 0, serialised = 0, static_shared_bytes = 0;
  std::string cubin;
};

struct KernelBundle {
  static constexpr int kVersion = 4;
  std::string name;          ///< of the specification
  std::string digest;        ///< SHA-256 of the specification's canonical text, with an empty name in it
  std::string specification; ///< canonical text, from which the bundle can be emitted again; may be empty
  std::string arch;          ///< whose skeletons and default schedules it was emitted with
  int head_dim_qk = 0, head_dim_v = 0;
  std::string layout = "dense";           ///< dense, padded, packed
  std::vector<TensorDeclaration> tensors; ///< the interface
  std::vector<KernelVariant> variants;    ///< the first of a program is its default
  std::vector<KernelVariant> references;  ///< what they are verified by (runtime/abi/References.h)
  std::vector<SourceFile> files;          ///< emitted policies and templates
  std::vector<MachineCode> machine_code;  ///< for some archs and schedules; may be empty
  std::vector<std::string> notices;       ///< what a user should know: variants left out, limits of f16
};

} // namespace jvpgen

#endif
