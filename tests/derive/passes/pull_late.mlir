// tO = (P o tS) V - mu O + P tV: the late statistic mu leaves the product, so that one sweep makes everything.
// RUN: attn-opt %S/Inputs/forward.mlir --attn-tangent=tangents=q,k,v --attn-simplify | FileCheck %s
// CHECK-LABEL: attn.program @tangent_forward
// CHECK: %[[O:.*]] = attn.sum "j" %{{.*}} -> !attn.v<"bnrie">
// CHECK: %[[MU:.*]] = attn.sum "j" %{{.*}} -> !attn.v<"bnri">
// CHECK: attn.mul(%[[O]], %[[MU]]) : (!attn.v<"bnrie">, !attn.v<"bnri">)
// CHECK: attn.return ["o", "lse", "to", "mu"]
