// Tangent forward of causal attention with a plain score, head dims 64, scale 1/8: 6 products in one row sweep.
module attributes {attn.name = "causal", attn.head_dim_qk = 64 : i64, attn.head_dim_v = 64 : i64, attn.dtype = "f32",
                   attn.layout = "dense", attn.precision = "3xtf32", attn.softmax_scale = 0.125 : f64} {
  attn.tensor @q "bnrid" "f32" "primal"
  attn.tensor @k "bnjd" "f32" "primal"
  attn.tensor @v "bnje" "f32" "primal"
  attn.tensor @tq "bnrid" "f32" "tangent"
  attn.tensor @tk "bnjd" "f32" "tangent"
  attn.tensor @tv "bnje" "f32" "tangent"
  attn.tensor @o "bnrie" "f32" "output"
  attn.tensor @to "bnrie" "f32" "output"
  attn.tensor @lse "bnri" "f32" "output"
  attn.tensor @mu "bnri" "f32" "output"
  attn.mask keep {
  ^bb0(%b: i32, %h: i32, %i: i32, %j: i32, %ql: i32, %kl: i32):
    %keep = arith.cmpi sle, %j, %i : i32
    attn.yield %keep : i1
  } classify {
  ^bb0(%b: i32, %h: i32, %i0: i32, %i1: i32, %j0: i32, %j1: i32, %ql: i32, %kl: i32):
    %t = arith.cmpi sle, %j0, %i1 : i32
    %f = arith.cmpi sgt, %j1, %i0 : i32
    attn.yield %t, %f : i1, i1
  }
  attn.plan @tangent_forward_row program "tangent_forward" variant "row" {
    attn.sweep "row" streamed "j" {
      attn.accumulator "acc0" : !attn.v<"bnrie"> "register"
      attn.accumulator "acc1" : !attn.v<"bnrie"> "register"
      attn.accumulator "acc2" : !attn.v<"bnri"> "register"
      attn.accumulator "acc3" : !attn.v<"bnri"> "register"
      attn.role {
        %q = attn.input "q" "primal" : !attn.v<"bnrid">
        %k = attn.input "k" "primal" : !attn.v<"bnjd">
        %v = attn.input "v" "primal" : !attn.v<"bnje">
        %tq = attn.input "tq" "tangent" : !attn.v<"bnrid">
        %tk = attn.input "tk" "tangent" : !attn.v<"bnjd">
        %tv = attn.input "tv" "tangent" : !attn.v<"bnje">
        %s0 = attn.score ["d"] rows(%q : !attn.v<"bnrid">) columns(%k : !attn.v<"bnjd">) : !attn.v<"bnrij">
        %s1 = attn.score ["d", "d"] rows(%tq, %q : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%k, %tk : !attn.v<"bnjd">, !attn.v<"bnjd">) : !attn.v<"bnrij">
        %m = attn.max "m" %s0 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %r0 = attn.shift "r0" %s1 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %x = attn.lin(%s0, %m) ["1/8", "-1/8"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
        %p = attn.mexp %x : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %c = attn.lin(%s1, %r0) ["1", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
        %t = attn.mul(%p, %c) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.reduce "acc2" += "1" %t : !attn.v<"bnrij">
        attn.reduce "acc3" += "1" %p : !attn.v<"bnrij">
        attn.out "acc0" += "1" %p, %v : !attn.v<"bnrij">, !attn.v<"bnje">
        attn.out "acc1" += "1" %p, %tv : !attn.v<"bnrij">, !attn.v<"bnje">
        attn.out "acc1" += "1/8" %t, %v : !attn.v<"bnrij">, !attn.v<"bnje">
      }
      attn.epilogue "o" {
        %a = attn.input "acc0" "acc" : !attn.v<"bnrie">
        %l = attn.input "acc3" "acc" : !attn.v<"bnri">
        %w = attn.apply "recip0"(%l) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %o = attn.mul(%a, %w) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        attn.yield %o : !attn.v<"bnrie">
      }
      attn.epilogue "lse" {
        %l = attn.input "acc3" "acc" : !attn.v<"bnri">
        %m = attn.input "m" "max" : !attn.v<"bnri">
        %log = attn.apply "log"(%l) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %lse = attn.lin(%log, %m) ["1", "1/8"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %lse : !attn.v<"bnri">
      }
      attn.epilogue "to" {
        %a = attn.input "acc1" "acc" : !attn.v<"bnrie">
        %o = attn.input "acc0" "acc" : !attn.v<"bnrie">
        %u = attn.input "acc2" "acc" : !attn.v<"bnri">
        %l = attn.input "acc3" "acc" : !attn.v<"bnri">
        %w = attn.apply "recip0"(%l) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %x = attn.mul(%a, %w) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %y = attn.mul(%o, %u, %w, %w) : (!attn.v<"bnrie">, !attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %to = attn.lin(%x, %y) ["1", "-1/8"] + "0" : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
        attn.yield %to : !attn.v<"bnrie">
      }
      attn.epilogue "mu" {
        %u = attn.input "acc2" "acc" : !attn.v<"bnri">
        %r = attn.input "r0" "shift" : !attn.v<"bnri">
        %l = attn.input "acc3" "acc" : !attn.v<"bnri">
        %w = attn.apply "recip0"(%l) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %x = attn.mul(%u, %w) : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        %mu = attn.lin(%x, %r) ["1/8", "1/8"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %mu : !attn.v<"bnri">
      }
    }
  }
}
