module attributes {attn.dtype = "f32", attn.head_dim_qk = 256 : i64, attn.head_dim_v = 256 : i64, attn.layout = "dense", attn.name = "wide", attn.precision = "3xtf32", attn.softmax_scale = 6.250000e-02 : f64} {
  attn.tensor @q "bnrid" "f32" "primal"
  attn.tensor @k "bnjd" "f32" "primal"
  attn.tensor @v "bnje" "f32" "primal"
  attn.tensor @o "bnrie" "f32" "output"
  attn.tensor @lse "bnri" "f32" "output"
  attn.tensor @tq "bnrid" "f32" "tangent"
  attn.tensor @tk "bnjd" "f32" "tangent"
  attn.tensor @tv "bnje" "f32" "tangent"
  attn.tensor @to "bnrie" "f32" "output"
  attn.tensor @mu "bnri" "f32" "output"
  attn.tensor @do "bnrie" "f32" "cotangent"
  attn.tensor @dlse "bnri" "f32" "cotangent"
  attn.tensor @dq "bnrid" "f32" "gradient"
  attn.tensor @dk "bnjd" "f32" "gradient"
  attn.tensor @dv "bnje" "f32" "gradient"
  attn.tensor @dto "bnrie" "f32" "cotangent"
  attn.tensor @dmu "bnri" "f32" "cotangent"
  attn.tensor @dtq "bnrid" "f32" "gradient"
  attn.tensor @dtk "bnjd" "f32" "gradient"
  attn.tensor @dtv "bnje" "f32" "gradient"
  attn.mask keep {
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: i32, %arg4: i32, %arg5: i32):
    %true = arith.constant true
    attn.yield %true : i1
  } classify {
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: i32, %arg4: i32, %arg5: i32, %arg6: i32, %arg7: i32):
    %true = arith.constant true
    %false = arith.constant false
    attn.yield %true, %false : i1, i1
  }
  attn.plan @tangent_forward_two_pass program "tangent_forward" variant "two-pass" {
    attn.sweep "pass1" streamed "j" {
      attn.accumulator "acc0" : !attn.v<"bnri"> "register"
      attn.accumulator "acc1" : !attn.v<"bnrie"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "v" "primal" : <"bnje">
        %3 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %4 = attn.max "m" %3 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %5 = attn.lin(%4, %3) ["-1/16", "1/16"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %6 = attn.mexp %5 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.reduce "acc0" + = "1" %6 : <"bnrij">
        attn.out "acc1" + = "1" %6, %2 : <"bnrij">, <"bnje">
      }
      attn.epilogue "o" {
        %0 = attn.input "acc1" "acc" : <"bnrie">
        %1 = attn.input "acc0" "acc" : <"bnri">
        %2 = attn.apply "recip0"(%1) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %3 = attn.mul(%0, %2) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        attn.yield %3 : !attn.v<"bnrie">
      }
      attn.epilogue "lse" {
        %0 = attn.input "m" "max" : <"bnri">
        %1 = attn.input "acc0" "acc" : <"bnri">
        %2 = attn.apply "log"(%1) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %3 = attn.lin(%0, %2) ["1/16", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %3 : !attn.v<"bnri">
      }
    }
    attn.sweep "pass2" streamed "j" {
      attn.accumulator "acc2" : !attn.v<"bnrie"> "register"
      attn.accumulator "acc3" : !attn.v<"bnri"> "register"
      attn.role {
        %0 = attn.input "k" "primal" : <"bnjd">
        %1 = attn.input "tq" "tangent" : <"bnrid">
        %2 = attn.input "q" "primal" : <"bnrid">
        %3 = attn.input "tk" "tangent" : <"bnjd">
        %4 = attn.input "lse" "saved" : <"bnri">
        %5 = attn.input "tv" "tangent" : <"bnje">
        %6 = attn.input "v" "primal" : <"bnje">
        %7 = attn.score ["d", "d"] rows(%1, %2 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%0, %3 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %8 = attn.score ["d"] rows(%2 : !attn.v<"bnrid">) columns(%0 : !attn.v<"bnjd">) : <"bnrij">
        %9 = attn.shift "r0" %7 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %10 = attn.lin(%4, %8) ["-1", "1/16"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %11 = attn.mexp %10 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %12 = attn.lin(%9, %7) ["-1/16", "1/16"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %13 = attn.mul(%11, %12) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.reduce "acc3" + = "1" %13 : <"bnrij">
        attn.out "acc2" + = "1" %11, %5 : <"bnrij">, <"bnje">
        attn.out "acc2" + = "1" %13, %6 : <"bnrij">, <"bnje">
      }
      attn.epilogue "to" {
        %0 = attn.input "acc2" "acc" : <"bnrie">
        %1 = attn.input "acc3" "acc" : <"bnri">
        %2 = attn.input "o" "saved" : <"bnrie">
        %3 = attn.mul(%2, %1) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %4 = attn.lin(%0, %3) ["1", "-1"] + "0" : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
        attn.yield %4 : !attn.v<"bnrie">
      }
      attn.epilogue "mu" {
        %0 = attn.input "r0" "shift" : <"bnri">
        %1 = attn.input "acc3" "acc" : <"bnri">
        %2 = attn.lin(%0, %1) ["1/16", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %2 : !attn.v<"bnri">
      }
    }
  }
}

