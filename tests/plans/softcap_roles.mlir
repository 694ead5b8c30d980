module attributes {attn.dtype = "f32", attn.head_dim_qk = 16 : i64, attn.head_dim_v = 24 : i64, attn.layout = "dense", attn.name = "softcap", attn.precision = "3xtf32", attn.softmax_scale = 2.500000e-01 : f64} {
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
    %0 = arith.cmpi sle, %arg3, %arg2 : i32
    attn.yield %0 : i1
  } classify {
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: i32, %arg4: i32, %arg5: i32, %arg6: i32, %arg7: i32):
    %0 = arith.cmpi sle, %arg4, %arg3 : i32
    %1 = arith.cmpi sgt, %arg5, %arg2 : i32
    attn.yield %0, %1 : i1, i1
  }
  attn.plan @tangent_forward_row program "tangent_forward" variant "row" {
    attn.sweep "row" streamed "j" {
      attn.accumulator "acc0" : !attn.v<"bnri"> "register"
      attn.accumulator "acc1" : !attn.v<"bnrie"> "register"
      attn.accumulator "acc2" : !attn.v<"bnrie"> "register"
      attn.accumulator "acc3" : !attn.v<"bnri"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "tq" "tangent" : <"bnrid">
        %3 = attn.input "tk" "tangent" : <"bnjd">
        %4 = attn.input "v" "primal" : <"bnje">
        %5 = attn.input "tv" "tangent" : <"bnje">
        %6 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %7 = attn.score ["d", "d"] rows(%2, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %3 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %8 = attn.lin(%6) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %9 = attn.apply "tanh"(%8) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %10 = attn.max "m" %9 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %11 = attn.mul(%9, %9) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %12 = attn.lin(%11) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %13 = attn.mul(%7, %12) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %14 = attn.shift "r0" %13 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %15 = attn.lin(%10, %9) ["-3", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %16 = attn.mexp %15 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %17 = attn.lin(%14, %13) ["1/4", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %18 = attn.mul(%16, %17) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.reduce "acc0" + = "1" %16 : <"bnrij">
        attn.reduce "acc3" + = "1" %18 : <"bnrij">
        attn.out "acc1" + = "1" %16, %4 : <"bnrij">, <"bnje">
        attn.out "acc2" + = "1" %16, %5 : <"bnrij">, <"bnje">
        attn.out "acc2" + = "1" %18, %4 : <"bnrij">, <"bnje">
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
        %3 = attn.lin(%0, %2) ["3", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %3 : !attn.v<"bnri">
      }
      attn.epilogue "to" {
        %0 = attn.input "acc2" "acc" : <"bnrie">
        %1 = attn.input "acc0" "acc" : <"bnri">
        %2 = attn.input "acc1" "acc" : <"bnrie">
        %3 = attn.input "acc3" "acc" : <"bnri">
        %4 = attn.apply "recip0"(%1) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %5 = attn.mul(%0, %4) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %6 = attn.mul(%2, %3, %4, %4) : (!attn.v<"bnrie">, !attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %7 = attn.lin(%5, %6) ["1", "-1"] + "0" : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
        attn.yield %7 : !attn.v<"bnrie">
      }
      attn.epilogue "mu" {
        %0 = attn.input "r0" "shift" : <"bnri">
        %1 = attn.input "acc3" "acc" : <"bnri">
        %2 = attn.input "acc0" "acc" : <"bnri">
        %3 = attn.apply "recip0"(%2) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %4 = attn.mul(%1, %3) : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        %5 = attn.lin(%0, %4) ["-1/4", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %5 : !attn.v<"bnri">
      }
    }
  }
  attn.plan @tangent_backward_row_col_split program "tangent_backward" variant "row+col split" {
    attn.pre "stat0" {
      %0 = attn.input "dmu" "cotangent" : <"bnri">
      %1 = attn.input "dto" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.lin(%0, %4) ["-1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %5 : !attn.v<"bnri">
    }
    attn.pre "stat1" {
      %0 = attn.input "dlse" "cotangent" : <"bnri">
      %1 = attn.input "do" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.input "dto" "cotangent" : <"bnrie">
      %6 = attn.input "to" "saved" : <"bnrie">
      %7 = attn.mul(%5, %6) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %8 = attn.sum "e" %7 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %9 = attn.lin(%0, %4, %8) ["-1", "1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %9 : !attn.v<"bnri">
    }
    attn.sweep "row" streamed "j" {
      attn.accumulator "acc0" : !attn.v<"bnrid"> "register"
      attn.accumulator "acc1" : !attn.v<"bnrid"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "v" "primal" : <"bnje">
        %3 = attn.input "dto" "cotangent" : <"bnrie">
        %4 = attn.input "tv" "tangent" : <"bnje">
        %5 = attn.input "do" "cotangent" : <"bnrie">
        %6 = attn.input "tq" "tangent" : <"bnrid">
        %7 = attn.input "tk" "tangent" : <"bnjd">
        %8 = attn.input "lse" "saved" : <"bnri">
        %9 = attn.input "stat0" "stat" : <"bnri">
        %10 = attn.input "stat1" "stat" : <"bnri">
        %11 = attn.input "mu" "saved" : <"bnri">
        %12 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %13 = attn.score ["e"] rows(%3 : !attn.v<"bnrie">) columns(%2 : !attn.v<"bnje">) : <"bnrij">
        %14 = attn.score ["e", "e"] rows(%3, %5 : !attn.v<"bnrie">, !attn.v<"bnrie">) columns(%4, %2 : !attn.v<"bnje">, !attn.v<"bnje">) : <"bnrij">
        %15 = attn.score ["d", "d"] rows(%6, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %7 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %16 = attn.lin(%12) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %17 = attn.apply "tanh"(%16) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %18 = attn.mul(%17, %17) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %19 = attn.lin(%18) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %20 = attn.lin(%8, %17) ["-1", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %21 = attn.mexp %20 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %22 = attn.lin(%9, %13) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %23 = attn.mul(%19, %21, %22) : (!attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %24 = attn.mul(%19, %15) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %25 = attn.lin(%11, %24) ["1", "1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %26 = attn.mul(%22, %25) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %27 = attn.lin(%10, %14, %26) ["-1", "1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %28 = attn.mul(%19, %27) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %29 = attn.mul(%11, %22) : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %30 = attn.lin(%26, %29) ["-1", "1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %31 = attn.mul(%17, %30) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %32 = attn.lin(%28, %31) ["-1", "2/3"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %33 = attn.mul(%21, %32) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc0" + = "1" %23, %7 : <"bnrij">, <"bnjd">
        attn.out "acc1" + = "1" %23, %1 : <"bnrij">, <"bnjd">
        attn.out "acc0" + = "1" %33, %1 : <"bnrij">, <"bnjd">
      }
      attn.epilogue "dq" {
        %0 = attn.input "acc0" "acc" : <"bnrid">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
        attn.yield %1 : !attn.v<"bnrid">
      }
      attn.epilogue "dtq" {
        %0 = attn.input "acc1" "acc" : <"bnrid">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
        attn.yield %1 : !attn.v<"bnrid">
      }
    }
    attn.sweep "col" streamed "i" {
      attn.accumulator "acc2" : !attn.v<"bnje"> "register"
      attn.accumulator "acc3" : !attn.v<"bnje"> "register"
      attn.accumulator "acc4" : !attn.v<"bnjd"> "register"
      attn.accumulator "acc5" : !attn.v<"bnjd"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "tq" "tangent" : <"bnrid">
        %3 = attn.input "tk" "tangent" : <"bnjd">
        %4 = attn.input "lse" "saved" : <"bnri">
        %5 = attn.input "mu" "saved" : <"bnri">
        %6 = attn.input "dto" "cotangent" : <"bnrie">
        %7 = attn.input "do" "cotangent" : <"bnrie">
        %8 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %9 = attn.score ["d", "d"] rows(%2, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %3 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %10 = attn.lin(%8) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %11 = attn.apply "tanh"(%10) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %12 = attn.mul(%11, %11) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %13 = attn.lin(%12) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %14 = attn.lin(%4, %11) ["-1", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %15 = attn.mexp %14 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %16 = attn.mul(%13, %15) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %17 = attn.mul(%9, %13) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %18 = attn.lin(%5, %17) ["-1", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %19 = attn.mul(%13, %18) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %20 = attn.mul(%11, %17) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %21 = attn.lin(%19, %20) ["-1", "1/6"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %22 = attn.mul(%15, %21) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %23 = attn.mul(%15, %18) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.export "X0" %16 : <"bnrij">
        attn.export "X1" %22 : <"bnrij">
        attn.out "acc2" + = "1" %23, %6 : <"bnrij">, <"bnrie">
        attn.out "acc2" + = "1" %15, %7 : <"bnrij">, <"bnrie">
        attn.out "acc3" + = "1" %15, %6 : <"bnrij">, <"bnrie">
      }
      attn.role {
        %0 = attn.import "X0" : <"bnrij">
        %1 = attn.import "X1" : <"bnrij">
        %2 = attn.input "v" "primal" : <"bnje">
        %3 = attn.input "dto" "cotangent" : <"bnrie">
        %4 = attn.input "tv" "tangent" : <"bnje">
        %5 = attn.input "do" "cotangent" : <"bnrie">
        %6 = attn.input "stat0" "stat" : <"bnri">
        %7 = attn.input "tq" "tangent" : <"bnrid">
        %8 = attn.input "q" "primal" : <"bnrid">
        %9 = attn.input "stat1" "stat" : <"bnri">
        %10 = attn.score ["e"] rows(%3 : !attn.v<"bnrie">) columns(%2 : !attn.v<"bnje">) : <"bnrij">
        %11 = attn.score ["e", "e"] rows(%3, %5 : !attn.v<"bnrie">, !attn.v<"bnrie">) columns(%4, %2 : !attn.v<"bnje">, !attn.v<"bnje">) : <"bnrij">
        %12 = attn.lin(%6, %10) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %13 = attn.mul(%0, %12) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %14 = attn.lin(%9, %11) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %15 = attn.mul(%0, %14) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %16 = attn.mul(%1, %12) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %17 = attn.lin(%15, %16) ["1", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc4" + = "1" %13, %7 : <"bnrij">, <"bnrid">
        attn.out "acc5" + = "1" %13, %8 : <"bnrij">, <"bnrid">
        attn.out "acc4" + = "1" %17, %8 : <"bnrij">, <"bnrid">
      }
      attn.epilogue "dk" {
        %0 = attn.input "acc4" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dv" {
        %0 = attn.input "acc2" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
      attn.epilogue "dtk" {
        %0 = attn.input "acc5" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dtv" {
        %0 = attn.input "acc3" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
    }
  }
}

