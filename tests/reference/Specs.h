// Specifications for tests of the reference.
#ifndef JVPGEN_TESTS_REFERENCE_SPECS_H
#define JVPGEN_TESTS_REFERENCE_SPECS_H

#include "compiler/spec/AttentionSpec.h"
#include "support/AtomicFile.h"
#include <cmath>
#include <gtest/gtest.h>

namespace jvpgen {

inline AttentionSpec specFrom(const std::string &toml) {
  Result<AttentionSpec> spec = parseSpec(toml, "test.toml");
  EXPECT_TRUE(spec) << (spec ? "" : spec.error().text());
  return spec ? *spec : AttentionSpec();
}

inline AttentionSpec example(const std::string &name) {
  Result<std::string> text = readFile(std::string(JVPGEN_SOURCE_DIR "/examples/specs/") + name + ".toml");
  EXPECT_TRUE(text) << (text ? "" : text.error().text());
  return specFrom(text.value_or(""));
}

inline const std::vector<std::string> &examples() {
  static const std::vector<std::string> names = {
      "plain",         "causal",          "softcap",          "alibi", "window_softcap",
      "relative_bias", "cross_q_tangent", "packed_documents", "hvp",   "temperature"};
  return names;
}

/// The same specification, all in float32.
inline AttentionSpec inFloat32(AttentionSpec spec) {
  spec.dtype = spec.output_dtype = spec.gradient_dtype = DType::F32;
  for (NamedInput &input : spec.inputs)
    if (input.kind == NamedInput::Kind::Bias) input.dtype = DType::F32;
  return spec;
}

/// Narrower heads with the scale that belongs to them: the same mathematics in less time.
inline AttentionSpec narrow(AttentionSpec spec, int head_dim = 16) {
  spec.head_dim_qk = spec.head_dim_v = head_dim;
  spec.softmax_scale = 1 / std::sqrt(double(head_dim));
  return spec;
}

} // namespace jvpgen

#endif
