// The plans written by hand parse, verify, and print back to themselves.
// RUN: attn-opt %S/../plans/tangent_forward.mlir -o %t.1 && attn-opt %t.1 -o %t.2 && diff %t.1 %t.2
// RUN: attn-opt %S/../plans/tangent_backward.mlir -o %t.1 && attn-opt %t.1 -o %t.2 && diff %t.1 %t.2
// RUN: FileCheck %s --input-file=%t.1
// CHECK: attn.plan @tangent_backward_split program "tangent_backward" variant "row+col split"
