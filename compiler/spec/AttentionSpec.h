// An attention specification: parsed, checked, with every default filled in.
#ifndef JVPGEN_COMPILER_SPEC_ATTENTIONSPEC_H
#define JVPGEN_COMPILER_SPEC_ATTENTIONSPEC_H

#include "compiler/spec/Expression.h"
#include "runtime/abi/Tensor.h"
#include "support/Result.h"
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jvpgen {

/// A named input beside q, k, v.
struct NamedInput {
  enum class Kind {
    Bias,       ///< float tensor over a subset of batch, heads, queries, keys; name "bias"; differentiable
    Scalar,     ///< one float32; differentiable
    HeadVector, ///< one float32 per query head; differentiable
    IntVector,  ///< int32 per query or per key of each sequence (indices "bi", "bj"), for masks
    IntScalar,  ///< one int32, for masks
    Mask,       ///< int8 tensor, 0 masks the entry; name "mask"; over a subset of batch, heads, queries, keys
  };
  std::string name;
  Kind kind = Kind::Scalar;
  std::string indices; ///< letters of "bnrij" that it has, in that order; heads are "nr"
  DType dtype = DType::F32;
  unsigned line = 0, column = 0;

  bool isDifferentiable() const { return kind == Kind::Bias || kind == Kind::Scalar || kind == Kind::HeadVector; }
};

enum class Layout { Dense, Padded, Packed };

/// The score is a function of z (the scaled logit), bias, q_index, kv_index, head, batch, q_length, kv_length, scalars
/// and head vectors; always present (plain: "z", with a bias that it does not name added: "z + bias"). The mask is a
/// predicate of q_index, kv_index, head, batch, q_length, kv_length, integer vectors (at the query or key they belong
/// to) and integer scalars; causal and window are already part of it. Absent = every entry is kept. The boolean tensor
/// and -inf in a bias mask besides.
struct AttentionSpec {
  std::string name;
  std::string file;
  DType dtype = DType::BF16;          ///< of q, k, v, their tangents and cotangents of o
  DType output_dtype = DType::BF16;   ///< of o, to (lse, mu are float32)
  DType gradient_dtype = DType::BF16; ///< of dq dk dv dtq dtk dtv, dbias (scalars' and vectors' gradients are float32)
  bool three_xtf32 = true;            ///< products of float32 inputs: 3xTF32, or plain TF32
  int head_dim_qk = 64, head_dim_v = 64;
  int group = 1; ///< query heads per key head
  double softmax_scale = 0.125;
  Layout layout = Layout::Dense;
  Expr score;
  std::optional<Expr> mask;
  std::vector<NamedInput> inputs; ///< in the file's order

  std::vector<std::string> tangents;   ///< of q, k, v, bias, scalars, head vectors: those whose tangents exist
  std::vector<std::string> outputs;    ///< of o, to, lse, mu: those wanted
  std::vector<std::string> cotangents; ///< of o, to, lse, mu: those whose cotangents exist
  std::vector<std::string> gradients;  ///< of primals ("q", "bias", "slope") and tangents ("tq", "tbias"): those wanted

  const NamedInput *input(std::string_view name) const;
  bool hasTangent(std::string_view name) const;
};

/// Whether the specification knows a tensor of that name; q_lengths, kv_lengths, q_offsets, kv_offsets are always
/// known.
bool isTensor(const AttentionSpec &spec, std::string_view tensor);

/// Letters of "bnrijde" that an input, tangent, cotangent, output or gradient has; "" if the name is unknown.
/// Names: q tq dq dtq k .. v .., o to do dto, lse mu dlse dmu, and for each named input x: x tx dx dtx; lengths and
/// offsets have "b" (offsets are one longer than the batch). In packed layouts integer vectors lie packed as q and k
/// do.
std::string indicesOf(const AttentionSpec &spec, std::string_view tensor);

/// Whether a tensor counts i and j inside a sequence even in packed layouts: a bias, its tangent and gradients, a mask.
bool isPerSequence(const AttentionSpec &spec, std::string_view tensor);

/// The type in memory of any of those tensors.
DType dtypeOf(const AttentionSpec &spec, std::string_view tensor);

/// Programs that the specification allows, of forward, tangent_forward, backward, tangent_backward, in that order.
std::vector<std::string> programsOf(const AttentionSpec &spec);

/// What a program may read, outputs of earlier programs (lse, mu, o, to) included, and what it writes; lengths,
/// offsets, vectors, masks included. tangent_* programs use the tangents; forward and backward do not.
std::vector<std::string> inputsOf(const AttentionSpec &spec, std::string_view program);
std::vector<std::string> outputsOf(const AttentionSpec &spec, std::string_view program);

/// Reads TOML text; `file` is for messages. The one entry of this stage.
Result<AttentionSpec> parseSpec(std::string_view toml, std::string_view file);

/// Canonical TOML text that parses to the same specification; its hash identifies it.
std::string print(const AttentionSpec &spec);

} // namespace jvpgen

#endif
