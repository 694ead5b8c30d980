// What the passes refuse.
// RUN: not attn-opt %S/Inputs/forward.mlir --attn-tangent=tangents=w 2>&1 | FileCheck %s --check-prefix=TANGENT
// TANGENT: error: attn-tangent: program @forward has no input "w"
// RUN: not attn-opt %S/Inputs/forward.mlir --attn-adjoint="of=tangent_forward cotangents=o" 2>&1 | FileCheck %s --check-prefix=OF
// OF: error: attn-adjoint needs the program @tangent_forward, which the module lacks
// RUN: not attn-opt %S/Inputs/forward.mlir --attn-adjoint="cotangents=to wanted=q" 2>&1 | FileCheck %s --check-prefix=COTANGENT
// COTANGENT: error: attn-adjoint: program @forward has no output "to"
