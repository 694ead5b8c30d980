// As the rules give it, the backward of the primal computes its row statistic by a pass over the keys: nothing is saved.
// RUN: attn-opt %S/Inputs/forward.mlir --attn-adjoint="cotangents=o wanted=q" | FileCheck %s
// CHECK-LABEL: attn.program @backward {
// CHECK: attn.lse "j"
// CHECK: attn.input "do" "cotangent"
// CHECK: attn.sum "j" %{{.*}} : (!attn.v<"bnrij">) -> !attn.v<"bnri">
// CHECK: attn.return ["dq"]
