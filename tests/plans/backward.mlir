// Backward of attention with a plain score (no mask), head dims 64, scale 1/8: a row sweep of 3 products and a
// column sweep of 4; the row statistic comes from the saved output.
module attributes {attn.name = "plain", attn.head_dim_qk = 64 : i64, attn.head_dim_v = 64 : i64, attn.dtype = "f32",
                   attn.layout = "dense", attn.precision = "3xtf32", attn.softmax_scale = 0.125 : f64} {
  attn.tensor @q "bnrid" "f32" "primal"
  attn.tensor @k "bnjd" "f32" "primal"
  attn.tensor @v "bnje" "f32" "primal"
  attn.tensor @o "bnrie" "f32" "output"
  attn.tensor @lse "bnri" "f32" "output"
  attn.tensor @do "bnrie" "f32" "cotangent"
  attn.tensor @dlse "bnri" "f32" "cotangent"
  attn.tensor @dq "bnrid" "f32" "gradient"
  attn.tensor @dk "bnjd" "f32" "gradient"
  attn.tensor @dv "bnje" "f32" "gradient"
  attn.mask keep {
  ^bb0(%b: i32, %h: i32, %i: i32, %j: i32, %ql: i32, %kl: i32):
    %keep = arith.constant true
    attn.yield %keep : i1
  } classify {
  ^bb0(%b: i32, %h: i32, %i0: i32, %i1: i32, %j0: i32, %j1: i32, %ql: i32, %kl: i32):
    %t = arith.constant true
    %f = arith.constant false
    attn.yield %t, %f : i1, i1
  }
  attn.plan @backward_row_col program "backward" variant "row+col" {
    attn.pre "stat0" {
      %o = attn.input "o" "saved" : !attn.v<"bnrie">
      %do = attn.input "do" "cotangent" : !attn.v<"bnrie">
      %dlse = attn.input "dlse" "cotangent" : !attn.v<"bnri">
      %a = attn.mul(%do, %o) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %as = attn.sum "e" %a : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %x = attn.lin(%dlse, %as) ["-1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %x : !attn.v<"bnri">
    }
    attn.sweep "row" streamed "j" {
      attn.accumulator "acc0" : !attn.v<"bnrid"> "register"
      attn.role {
        %q = attn.input "q" "primal" : !attn.v<"bnrid">
        %k = attn.input "k" "primal" : !attn.v<"bnjd">
        %v = attn.input "v" "primal" : !attn.v<"bnje">
        %do = attn.input "do" "cotangent" : !attn.v<"bnrie">
        %lse = attn.input "lse" "saved" : !attn.v<"bnri">
        %st0 = attn.input "stat0" "stat" : !attn.v<"bnri">
        %s0 = attn.score ["d"] rows(%q : !attn.v<"bnrid">) columns(%k : !attn.v<"bnjd">) : !attn.v<"bnrij">
        %B = attn.score ["e"] rows(%do : !attn.v<"bnrie">) columns(%v : !attn.v<"bnje">) : !attn.v<"bnrij">
        %x = attn.lin(%s0, %lse) ["1/8", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
        %p = attn.mexp %x : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %bd = attn.lin(%B, %st0) ["1", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
        %dz = attn.mul(%p, %bd) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc0" += "1" %dz, %k : !attn.v<"bnrij">, !attn.v<"bnjd">
      }
      attn.epilogue "dq" {
        %a = attn.input "acc0" "acc" : !attn.v<"bnrid">
        %x = attn.lin(%a) ["1/8"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
        attn.yield %x : !attn.v<"bnrid">
      }
    }
    attn.sweep "col" streamed "i" {
      attn.accumulator "acc2" : !attn.v<"bnjd"> "register"
      attn.accumulator "acc4" : !attn.v<"bnje"> "register"
      attn.role {
        %q = attn.input "q" "primal" : !attn.v<"bnrid">
        %k = attn.input "k" "primal" : !attn.v<"bnjd">
        %v = attn.input "v" "primal" : !attn.v<"bnje">
        %do = attn.input "do" "cotangent" : !attn.v<"bnrie">
        %lse = attn.input "lse" "saved" : !attn.v<"bnri">
        %st0 = attn.input "stat0" "stat" : !attn.v<"bnri">
        %s0 = attn.score ["d"] rows(%q : !attn.v<"bnrid">) columns(%k : !attn.v<"bnjd">) : !attn.v<"bnrij">
        %B = attn.score ["e"] rows(%do : !attn.v<"bnrie">) columns(%v : !attn.v<"bnje">) : !attn.v<"bnrij">
        %x = attn.lin(%s0, %lse) ["1/8", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
        %p = attn.mexp %x : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %bd = attn.lin(%B, %st0) ["1", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
        %dz = attn.mul(%p, %bd) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc2" += "1" %dz, %q : !attn.v<"bnrij">, !attn.v<"bnrid">
        attn.out "acc4" += "1" %p, %do : !attn.v<"bnrij">, !attn.v<"bnrie">
      }
      attn.epilogue "dk" {
        %a = attn.input "acc2" "acc" : !attn.v<"bnjd">
        %x = attn.lin(%a) ["1/8"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %x : !attn.v<"bnjd">
      }
      attn.epilogue "dv" {
        %a = attn.input "acc4" "acc" : !attn.v<"bnje">
        %x = attn.lin(%a) ["1"] + "0" : (!attn.v<"bnje">) -> !attn.v<"bnje">
        attn.yield %x : !attn.v<"bnje">
      }
    }
  }
}
