// With a tangent on the values alone, tO = P tV: the product of the primal with other values; mu is structurally zero.
// RUN: attn-opt %S/Inputs/forward.mlir --attn-tangent=tangents=v | FileCheck %s
// CHECK-LABEL: attn.program @tangent_forward
// CHECK: %[[P:.*]] = attn.mexp
// CHECK: %[[TV:.*]] = attn.input "tv" "tangent"
// CHECK: %[[X:.*]] = attn.mul(%[[P]], %[[TV]])
// CHECK: %[[TO:.*]] = attn.sum "j" %[[X]]
// CHECK: %[[MU:.*]] = attn.constant "0"
// CHECK: attn.return ["o", "lse", "to", "mu"] %{{.*}}, %{{.*}}, %[[TO]], %[[MU]]
