// rowsum(P o (G V^T)) = rowsum(G o O): modulo lse and o no sum over the keys remains but dQ itself.
// RUN: attn-opt %S/Inputs/forward.mlir --attn-adjoint="cotangents=o wanted=q" --attn-simplify | FileCheck %s
// CHECK-LABEL: attn.program @backward saved ["lse", "o"] {
// CHECK-NOT: attn.lse
// CHECK: %[[O:.*]] = attn.input "o" "saved"
// CHECK: %[[GO:.*]] = attn.mul(%{{.*}}, %[[O]])
// CHECK: attn.sum "e" %[[GO]]
// CHECK: attn.sum "j" %{{.*}} : (!attn.v<"bnrijd">) -> !attn.v<"bnrid">
// CHECK-NOT: attn.sum "j"
// CHECK: attn.return ["dq"]
