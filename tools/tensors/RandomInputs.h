// Random inputs for a specification, made to be hard to get right.
#ifndef JVPGEN_TOOLS_TENSORS_RANDOMINPUTS_H
#define JVPGEN_TOOLS_TENSORS_RANDOMINPUTS_H

#include "tools/tensors/Interface.h"

namespace jvpgen {

/// A boolean tensor of which square tiles are kept as a whole, drawn at random; each row of tiles keeps one at least.
struct KeptTiles {
  double share = 0; ///< of the tiles; 0: the tensor is drawn entry by entry
  int64_t size = 128;
};

struct RandomOptions {
  double q_scale = 1;         ///< standard deviation of q: 8 and more reach the flat part of a softcap of 30
  double tangent_mean = 0;    ///< mean of the tangents' entries, in units of their scale
  double bias_infinities = 0; ///< part of the bias' entries that is -inf
  double tangent_scale = 1;   ///< standard deviation of the tangents
  KeptTiles kept_tiles = {};
  bool geometric_head_vectors = false; ///< 2^(-8 (h + 1) / heads), ALiBi's slopes (arXiv 2108.12409), in place of 0.3 N
};

struct RandomInputs {
  Problem problem; ///< packed: q_total, kv_total and the longest lengths of the sequences that were drawn
  TensorSet tensors;
};

/// All inputs of all programs of the specification but saved outputs. Standard normal q, k, v, tangents, cotangents and
/// bias; scalars |N| + 1/2; head vectors 0.3 N; integer vectors are sorted ids of documents; masks drop a fifth of
/// their entries and now and then a whole row. Lengths of padded and packed sequences are random, 0 and the full length
/// among them, and the padding holds NaN and infinities. Depends on the seed, the problem and the tensors' names only.
RandomInputs makeInputs(const AttentionSpec &spec, const Problem &problem, uint64_t seed,
                        const RandomOptions &options = {});

} // namespace jvpgen

#endif
