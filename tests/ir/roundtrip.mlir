// Every operation of the upper level prints and parses back to itself.
// RUN: attn-opt %s | attn-opt | FileCheck %s

// CHECK: attn.tensor @q "bnrid" "bf16" "primal"
attn.tensor @q "bnrid" "bf16" "primal"
// CHECK: attn.mask keep
attn.mask keep {
^bb0(%b: i32, %h: i32, %i: i32, %j: i32, %ql: i32, %kl: i32):
  // CHECK: attn.fetch "doc" "i"[%{{.*}}] : i32
  %x = attn.fetch "doc" "i" [%i] : i32
  %y = attn.fetch "doc" "j" [%j] : i32
  %keep = arith.cmpi eq, %x, %y : i32
  attn.yield %keep : i1
} classify {
^bb0(%b: i32, %h: i32, %i0: i32, %i1: i32, %j0: i32, %j1: i32, %ql: i32, %kl: i32):
  // CHECK: attn.fetch_range "doc" "i"[%{{.*}}, %{{.*}}]
  %x0, %x1 = attn.fetch_range "doc" "i" [%i0, %i1]
  %y0, %y1 = attn.fetch_range "doc" "j" [%j0, %j1]
  %t = arith.cmpi sle, %x0, %y1 : i32
  %f = arith.cmpi ne, %x0, %y1 : i32
  attn.yield %t, %f : i1, i1
}
// CHECK: attn.program @forward
attn.program @forward {
  // CHECK: %[[Q:.*]] = attn.input "q" "primal" : <"bnrid">
  %q = attn.input "q" "primal" : !attn.v<"bnrid">
  %k = attn.input "k" "primal" : !attn.v<"bnjd">
  %v = attn.input "v" "primal" : !attn.v<"bnje">
  // CHECK: attn.mul(%[[Q]], %{{.*}}) : (!attn.v<"bnrid">, !attn.v<"bnjd">) -> !attn.v<"bnrijd">
  %qk = attn.mul(%q, %k) : (!attn.v<"bnrid">, !attn.v<"bnjd">) -> !attn.v<"bnrijd">
  // CHECK: %[[S:.*]] = attn.sum "d" %{{.*}} : (!attn.v<"bnrijd">) -> !attn.v<"bnrij">
  %s = attn.sum "d" %qk : (!attn.v<"bnrijd">) -> !attn.v<"bnrij">
  // CHECK: attn.index "h" : <"nr">
  %h = attn.index "h" : !attn.v<"nr">
  // CHECK: attn.constant "-1/3" : <"">
  %c = attn.constant "-1/3" : !attn.v<"">
  // CHECK: attn.apply "max"(%{{.*}}, %{{.*}}) : (!attn.v<"nr">, !attn.v<"">) -> !attn.v<"nr">
  %hc = attn.apply "max"(%h, %c) : (!attn.v<"nr">, !attn.v<"">) -> !attn.v<"nr">
  // CHECK: attn.lin(%[[S]], %{{.*}}) ["1/8", "-2"] + "1/2" : (!attn.v<"bnrij">, !attn.v<"nr">) -> !attn.v<"bnrij">
  %z = attn.lin(%s, %hc) ["1/8", "-2"] + "1/2" : (!attn.v<"bnrij">, !attn.v<"nr">) -> !attn.v<"bnrij">
  // CHECK: attn.lse "j" %{{.*}} : (!attn.v<"bnrij">) -> !attn.v<"bnri">
  %lse = attn.lse "j" %z : (!attn.v<"bnrij">) -> !attn.v<"bnri">
  %x = attn.lin(%z, %lse) ["1", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
  // CHECK: attn.mexp %{{.*}} : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
  %p = attn.mexp %x : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
  %pv = attn.mul(%p, %v) : (!attn.v<"bnrij">, !attn.v<"bnje">) -> !attn.v<"bnrije">
  %o = attn.sum "j" %pv : (!attn.v<"bnrije">) -> !attn.v<"bnrie">
  // CHECK: attn.return ["o", "lse"] %{{.*}}, %{{.*}} : !attn.v<"bnrie">, !attn.v<"bnri">
  attn.return ["o", "lse"] %o, %lse : !attn.v<"bnrie">, !attn.v<"bnri">
}
// CHECK: attn.program @backward saved ["lse", "o"]
attn.program @backward saved ["lse", "o"] {
  %z = attn.constant "0" : !attn.v<"">
  attn.return ["dq"] %z : !attn.v<"">
}
