module attributes {attn.dtype = "f32", attn.head_dim_qk = 16 : i64, attn.head_dim_v = 24 : i64, attn.layout = "dense", attn.name = "softcap", attn.precision = "3xtf32", attn.softmax_scale = 2.500000e-01 : f64} {
  attn.tensor @q "bnrid" "f32" "primal"
  attn.tensor @k "bnjd" "f32" "primal"
  attn.tensor @v "bnje" "f32" "primal"
  attn.tensor @o "bnrie" "f32" "output"
  attn.tensor @lse "bnri" "f32" "output"
  attn.tensor @tq "bnrid" "f32" "tangent"
  attn.tensor @t2q "bnrid" "f32" "tangent"
  attn.tensor @tk "bnjd" "f32" "tangent"
  attn.tensor @t2k "bnjd" "f32" "tangent"
  attn.tensor @tv "bnje" "f32" "tangent"
  attn.tensor @t2v "bnje" "f32" "tangent"
  attn.tensor @to "bnrie" "f32" "output"
  attn.tensor @t2o "bnrie" "f32" "output"
  attn.tensor @mu "bnri" "f32" "output"
  attn.tensor @mu2 "bnri" "f32" "output"
  attn.tensor @do "bnrie" "f32" "cotangent"
  attn.tensor @dlse "bnri" "f32" "cotangent"
  attn.tensor @dq "bnrid" "f32" "gradient"
  attn.tensor @dk "bnjd" "f32" "gradient"
  attn.tensor @dv "bnje" "f32" "gradient"
  attn.tensor @dto "bnrie" "f32" "cotangent"
  attn.tensor @dt2o "bnrie" "f32" "cotangent"
  attn.tensor @dmu "bnri" "f32" "cotangent"
  attn.tensor @dmu2 "bnri" "f32" "cotangent"
  attn.tensor @dtq "bnrid" "f32" "gradient"
  attn.tensor @dt2q "bnrid" "f32" "gradient"
  attn.tensor @dtk "bnjd" "f32" "gradient"
  attn.tensor @dt2k "bnjd" "f32" "gradient"
  attn.tensor @dtv "bnje" "f32" "gradient"
  attn.tensor @dt2v "bnje" "f32" "gradient"
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
      attn.accumulator "acc3" : !attn.v<"bnrie"> "register"
      attn.accumulator "acc4" : !attn.v<"bnri"> "register"
      attn.accumulator "acc5" : !attn.v<"bnri"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "tq" "tangent" : <"bnrid">
        %3 = attn.input "tk" "tangent" : <"bnjd">
        %4 = attn.input "t2q" "tangent" : <"bnrid">
        %5 = attn.input "t2k" "tangent" : <"bnjd">
        %6 = attn.input "v" "primal" : <"bnje">
        %7 = attn.input "tv" "tangent" : <"bnje">
        %8 = attn.input "t2v" "tangent" : <"bnje">
        %9 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %10 = attn.score ["d", "d"] rows(%2, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %3 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %11 = attn.score ["d", "d"] rows(%4, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %5 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %12 = attn.lin(%9) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %13 = attn.apply "tanh"(%12) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %14 = attn.max "m" %13 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %15 = attn.mul(%13, %13) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %16 = attn.lin(%15) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %17 = attn.mul(%10, %16) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %18 = attn.shift "r0" %17 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %19 = attn.mul(%16, %11) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %20 = attn.shift "r1" %19 : (!attn.v<"bnrij">) -> !attn.v<"bnri">
        %21 = attn.lin(%14, %13) ["-3", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %22 = attn.mexp %21 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %23 = attn.lin(%18, %17) ["1/4", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %24 = attn.mul(%22, %23) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %25 = attn.lin(%20, %19) ["1/4", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %26 = attn.mul(%22, %25) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.reduce "acc0" + = "1" %22 : <"bnrij">
        attn.reduce "acc4" + = "1" %24 : <"bnrij">
        attn.reduce "acc5" + = "1" %26 : <"bnrij">
        attn.out "acc1" + = "1" %22, %6 : <"bnrij">, <"bnje">
        attn.out "acc2" + = "1" %22, %7 : <"bnrij">, <"bnje">
        attn.out "acc3" + = "1" %22, %8 : <"bnrij">, <"bnje">
        attn.out "acc2" + = "1" %24, %6 : <"bnrij">, <"bnje">
        attn.out "acc3" + = "1" %26, %6 : <"bnrij">, <"bnje">
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
        %3 = attn.input "acc4" "acc" : <"bnri">
        %4 = attn.apply "recip0"(%1) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %5 = attn.mul(%0, %4) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %6 = attn.mul(%2, %3, %4, %4) : (!attn.v<"bnrie">, !attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %7 = attn.lin(%5, %6) ["1", "-1"] + "0" : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
        attn.yield %7 : !attn.v<"bnrie">
      }
      attn.epilogue "mu" {
        %0 = attn.input "r0" "shift" : <"bnri">
        %1 = attn.input "acc4" "acc" : <"bnri">
        %2 = attn.input "acc0" "acc" : <"bnri">
        %3 = attn.apply "recip0"(%2) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %4 = attn.mul(%1, %3) : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        %5 = attn.lin(%0, %4) ["-1/4", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
        attn.yield %5 : !attn.v<"bnri">
      }
      attn.epilogue "t2o" {
        %0 = attn.input "acc3" "acc" : <"bnrie">
        %1 = attn.input "acc0" "acc" : <"bnri">
        %2 = attn.input "acc1" "acc" : <"bnrie">
        %3 = attn.input "acc5" "acc" : <"bnri">
        %4 = attn.apply "recip0"(%1) : (!attn.v<"bnri">) -> !attn.v<"bnri">
        %5 = attn.mul(%0, %4) : (!attn.v<"bnrie">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %6 = attn.mul(%2, %3, %4, %4) : (!attn.v<"bnrie">, !attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnrie">
        %7 = attn.lin(%5, %6) ["1", "-1"] + "0" : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
        attn.yield %7 : !attn.v<"bnrie">
      }
      attn.epilogue "mu2" {
        %0 = attn.input "r1" "shift" : <"bnri">
        %1 = attn.input "acc5" "acc" : <"bnri">
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
      %0 = attn.input "dmu2" "cotangent" : <"bnri">
      %1 = attn.input "dt2o" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.lin(%0, %4) ["-1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %5 : !attn.v<"bnri">
    }
    attn.pre "stat1" {
      %0 = attn.input "dmu" "cotangent" : <"bnri">
      %1 = attn.input "dto" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.lin(%0, %4) ["-1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %5 : !attn.v<"bnri">
    }
    attn.pre "stat2" {
      %0 = attn.input "dlse" "cotangent" : <"bnri">
      %1 = attn.input "do" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.input "dt2o" "cotangent" : <"bnrie">
      %6 = attn.input "t2o" "saved" : <"bnrie">
      %7 = attn.mul(%5, %6) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %8 = attn.sum "e" %7 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %9 = attn.input "dto" "cotangent" : <"bnrie">
      %10 = attn.input "to" "saved" : <"bnrie">
      %11 = attn.mul(%9, %10) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %12 = attn.sum "e" %11 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %13 = attn.lin(%0, %4, %8, %12) ["-1", "1", "1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %13 : !attn.v<"bnri">
    }
    attn.sweep "row" streamed "j" {
      attn.accumulator "acc0" : !attn.v<"bnrid"> "register"
      attn.accumulator "acc1" : !attn.v<"bnrid"> "register"
      attn.accumulator "acc2" : !attn.v<"bnrid"> "register"
      attn.role {
        %0 = attn.input "v" "primal" : <"bnje">
        %1 = attn.input "dt2o" "cotangent" : <"bnrie">
        %2 = attn.input "q" "primal" : <"bnrid">
        %3 = attn.input "k" "primal" : <"bnjd">
        %4 = attn.input "dto" "cotangent" : <"bnrie">
        %5 = attn.input "t2v" "tangent" : <"bnje">
        %6 = attn.input "tv" "tangent" : <"bnje">
        %7 = attn.input "do" "cotangent" : <"bnrie">
        %8 = attn.input "tq" "tangent" : <"bnrid">
        %9 = attn.input "tk" "tangent" : <"bnjd">
        %10 = attn.input "t2q" "tangent" : <"bnrid">
        %11 = attn.input "t2k" "tangent" : <"bnjd">
        %12 = attn.input "stat0" "stat" : <"bnri">
        %13 = attn.input "lse" "saved" : <"bnri">
        %14 = attn.input "stat1" "stat" : <"bnri">
        %15 = attn.input "stat2" "stat" : <"bnri">
        %16 = attn.input "mu" "saved" : <"bnri">
        %17 = attn.input "mu2" "saved" : <"bnri">
        %18 = attn.score ["e"] rows(%1 : !attn.v<"bnrie">) columns(%0 : !attn.v<"bnje">) : <"bnrij">
        %19 = attn.score ["d"] rows(%2 : !attn.v<"bnrid">) columns(%3 : !attn.v<"bnjd">) : <"bnrij">
        %20 = attn.score ["e"] rows(%4 : !attn.v<"bnrie">) columns(%0 : !attn.v<"bnje">) : <"bnrij">
        %21 = attn.score ["e", "e", "e"] rows(%1, %4, %7 : !attn.v<"bnrie">, !attn.v<"bnrie">, !attn.v<"bnrie">) columns(%5, %6, %0 : !attn.v<"bnje">, !attn.v<"bnje">, !attn.v<"bnje">) : <"bnrij">
        %22 = attn.score ["d", "d"] rows(%8, %2 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%3, %9 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %23 = attn.score ["d", "d"] rows(%10, %2 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%3, %11 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %24 = attn.lin(%12, %18) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %25 = attn.lin(%19) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %26 = attn.apply "tanh"(%25) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %27 = attn.mul(%26, %26) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %28 = attn.lin(%27) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %29 = attn.lin(%13, %26) ["-1", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %30 = attn.mexp %29 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %31 = attn.mul(%28, %30) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %32 = attn.mul(%24, %31) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %33 = attn.lin(%14, %20) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %34 = attn.mul(%31, %33) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %35 = attn.mul(%28, %22) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %36 = attn.lin(%16, %35) ["1", "1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %37 = attn.mul(%33, %36) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %38 = attn.mul(%28, %23) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %39 = attn.lin(%17, %38) ["1", "1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %40 = attn.mul(%24, %39) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %41 = attn.lin(%15, %21, %37, %40) ["-1", "1", "1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %42 = attn.mul(%28, %41) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %43 = attn.mul(%16, %33) : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %44 = attn.mul(%17, %24) : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %45 = attn.lin(%37, %40, %43, %44) ["-1", "-1", "1", "1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %46 = attn.mul(%26, %45) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %47 = attn.lin(%42, %46) ["-1", "2/3"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %48 = attn.mul(%30, %47) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc0" + = "1" %32, %11 : <"bnrij">, <"bnjd">
        attn.out "acc0" + = "1" %34, %9 : <"bnrij">, <"bnjd">
        attn.out "acc1" + = "1" %34, %3 : <"bnrij">, <"bnjd">
        attn.out "acc2" + = "1" %32, %3 : <"bnrij">, <"bnjd">
        attn.out "acc0" + = "1" %48, %3 : <"bnrij">, <"bnjd">
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
      attn.epilogue "dt2q" {
        %0 = attn.input "acc2" "acc" : <"bnrid">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
        attn.yield %1 : !attn.v<"bnrid">
      }
    }
    attn.sweep "col" streamed "i" {
      attn.accumulator "acc3" : !attn.v<"bnje"> "register"
      attn.accumulator "acc4" : !attn.v<"bnje"> "register"
      attn.accumulator "acc5" : !attn.v<"bnje"> "register"
      attn.accumulator "acc6" : !attn.v<"bnjd"> "register"
      attn.accumulator "acc7" : !attn.v<"bnjd"> "register"
      attn.accumulator "acc8" : !attn.v<"bnjd"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "t2q" "tangent" : <"bnrid">
        %3 = attn.input "t2k" "tangent" : <"bnjd">
        %4 = attn.input "tq" "tangent" : <"bnrid">
        %5 = attn.input "tk" "tangent" : <"bnjd">
        %6 = attn.input "lse" "saved" : <"bnri">
        %7 = attn.input "mu2" "saved" : <"bnri">
        %8 = attn.input "mu" "saved" : <"bnri">
        %9 = attn.input "dt2o" "cotangent" : <"bnrie">
        %10 = attn.input "dto" "cotangent" : <"bnrie">
        %11 = attn.input "do" "cotangent" : <"bnrie">
        %12 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %13 = attn.score ["d", "d"] rows(%2, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %3 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %14 = attn.score ["d", "d"] rows(%4, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %5 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %15 = attn.lin(%12) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %16 = attn.apply "tanh"(%15) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %17 = attn.mul(%16, %16) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %18 = attn.lin(%17) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %19 = attn.lin(%6, %16) ["-1", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %20 = attn.mexp %19 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %21 = attn.mul(%18, %20) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %22 = attn.mul(%16, %13) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %23 = attn.mul(%13, %18) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %24 = attn.lin(%7, %22, %23) ["6", "1", "3/2"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %25 = attn.mul(%21, %24) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %26 = attn.mul(%16, %14) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %27 = attn.mul(%18, %14) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %28 = attn.lin(%8, %26, %27) ["6", "1", "3/2"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %29 = attn.mul(%21, %28) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %30 = attn.lin(%7, %23) ["-1", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %31 = attn.mul(%20, %30) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %32 = attn.lin(%8, %27) ["-1", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %33 = attn.mul(%20, %32) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.export "X0" %21 : <"bnrij">
        attn.export "X1" %25 : <"bnrij">
        attn.export "X2" %29 : <"bnrij">
        attn.out "acc3" + = "1" %31, %9 : <"bnrij">, <"bnrie">
        attn.out "acc3" + = "1" %33, %10 : <"bnrij">, <"bnrie">
        attn.out "acc3" + = "1" %20, %11 : <"bnrij">, <"bnrie">
        attn.out "acc4" + = "1" %20, %10 : <"bnrij">, <"bnrie">
        attn.out "acc5" + = "1" %20, %9 : <"bnrij">, <"bnrie">
      }
      attn.role {
        %0 = attn.import "X0" : <"bnrij">
        %1 = attn.import "X1" : <"bnrij">
        %2 = attn.import "X2" : <"bnrij">
        %3 = attn.input "v" "primal" : <"bnje">
        %4 = attn.input "dt2o" "cotangent" : <"bnrie">
        %5 = attn.input "dto" "cotangent" : <"bnrie">
        %6 = attn.input "t2v" "tangent" : <"bnje">
        %7 = attn.input "tv" "tangent" : <"bnje">
        %8 = attn.input "do" "cotangent" : <"bnrie">
        %9 = attn.input "stat0" "stat" : <"bnri">
        %10 = attn.input "t2q" "tangent" : <"bnrid">
        %11 = attn.input "stat1" "stat" : <"bnri">
        %12 = attn.input "tq" "tangent" : <"bnrid">
        %13 = attn.input "q" "primal" : <"bnrid">
        %14 = attn.input "stat2" "stat" : <"bnri">
        %15 = attn.score ["e"] rows(%4 : !attn.v<"bnrie">) columns(%3 : !attn.v<"bnje">) : <"bnrij">
        %16 = attn.score ["e"] rows(%5 : !attn.v<"bnrie">) columns(%3 : !attn.v<"bnje">) : <"bnrij">
        %17 = attn.score ["e", "e", "e"] rows(%4, %5, %8 : !attn.v<"bnrie">, !attn.v<"bnrie">, !attn.v<"bnrie">) columns(%6, %7, %3 : !attn.v<"bnje">, !attn.v<"bnje">, !attn.v<"bnje">) : <"bnrij">
        %18 = attn.lin(%9, %15) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %19 = attn.mul(%18, %0) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %20 = attn.lin(%11, %16) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %21 = attn.mul(%0, %20) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %22 = attn.lin(%14, %17) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %23 = attn.mul(%0, %22) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %24 = attn.mul(%18, %1) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %25 = attn.mul(%2, %20) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %26 = attn.lin(%23, %24, %25) ["1", "-1/6", "-1/6"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc6" + = "1" %19, %10 : <"bnrij">, <"bnrid">
        attn.out "acc6" + = "1" %21, %12 : <"bnrij">, <"bnrid">
        attn.out "acc7" + = "1" %21, %13 : <"bnrij">, <"bnrid">
        attn.out "acc8" + = "1" %19, %13 : <"bnrij">, <"bnrid">
        attn.out "acc6" + = "1" %26, %13 : <"bnrij">, <"bnrid">
      }
      attn.epilogue "dk" {
        %0 = attn.input "acc6" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dv" {
        %0 = attn.input "acc3" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
      attn.epilogue "dtk" {
        %0 = attn.input "acc7" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dt2k" {
        %0 = attn.input "acc8" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dtv" {
        %0 = attn.input "acc4" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
      attn.epilogue "dt2v" {
        %0 = attn.input "acc5" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
    }
  }
  attn.plan @tangent_backward_fused program "tangent_backward" variant "fused" {
    attn.pre "stat0" {
      %0 = attn.input "dmu2" "cotangent" : <"bnri">
      %1 = attn.input "dt2o" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.lin(%0, %4) ["-1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %5 : !attn.v<"bnri">
    }
    attn.pre "stat1" {
      %0 = attn.input "dmu" "cotangent" : <"bnri">
      %1 = attn.input "dto" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.lin(%0, %4) ["-1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %5 : !attn.v<"bnri">
    }
    attn.pre "stat2" {
      %0 = attn.input "dlse" "cotangent" : <"bnri">
      %1 = attn.input "do" "cotangent" : <"bnrie">
      %2 = attn.input "o" "saved" : <"bnrie">
      %3 = attn.mul(%1, %2) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %4 = attn.sum "e" %3 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %5 = attn.input "dt2o" "cotangent" : <"bnrie">
      %6 = attn.input "t2o" "saved" : <"bnrie">
      %7 = attn.mul(%5, %6) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %8 = attn.sum "e" %7 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %9 = attn.input "dto" "cotangent" : <"bnrie">
      %10 = attn.input "to" "saved" : <"bnrie">
      %11 = attn.mul(%9, %10) : (!attn.v<"bnrie">, !attn.v<"bnrie">) -> !attn.v<"bnrie">
      %12 = attn.sum "e" %11 : (!attn.v<"bnrie">) -> !attn.v<"bnri">
      %13 = attn.lin(%0, %4, %8, %12) ["-1", "1", "1", "1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">, !attn.v<"bnri">) -> !attn.v<"bnri">
      attn.yield %13 : !attn.v<"bnri">
    }
    attn.sweep "fused" streamed "i" {
      attn.accumulator "acc0" : !attn.v<"bnje"> "register"
      attn.accumulator "acc1" : !attn.v<"bnje"> "register"
      attn.accumulator "acc2" : !attn.v<"bnje"> "register"
      attn.accumulator "acc3" : !attn.v<"bnrid"> "global"
      attn.accumulator "acc4" : !attn.v<"bnjd"> "register"
      attn.accumulator "acc5" : !attn.v<"bnrid"> "global"
      attn.accumulator "acc6" : !attn.v<"bnrid"> "global"
      attn.accumulator "acc7" : !attn.v<"bnjd"> "register"
      attn.accumulator "acc8" : !attn.v<"bnjd"> "register"
      attn.role {
        %0 = attn.input "q" "primal" : <"bnrid">
        %1 = attn.input "k" "primal" : <"bnjd">
        %2 = attn.input "t2q" "tangent" : <"bnrid">
        %3 = attn.input "t2k" "tangent" : <"bnjd">
        %4 = attn.input "tq" "tangent" : <"bnrid">
        %5 = attn.input "tk" "tangent" : <"bnjd">
        %6 = attn.input "v" "primal" : <"bnje">
        %7 = attn.input "dt2o" "cotangent" : <"bnrie">
        %8 = attn.input "dto" "cotangent" : <"bnrie">
        %9 = attn.input "t2v" "tangent" : <"bnje">
        %10 = attn.input "tv" "tangent" : <"bnje">
        %11 = attn.input "do" "cotangent" : <"bnrie">
        %12 = attn.input "lse" "saved" : <"bnri">
        %13 = attn.input "mu2" "saved" : <"bnri">
        %14 = attn.input "mu" "saved" : <"bnri">
        %15 = attn.input "stat0" "stat" : <"bnri">
        %16 = attn.input "stat1" "stat" : <"bnri">
        %17 = attn.input "stat2" "stat" : <"bnri">
        %18 = attn.score ["d"] rows(%0 : !attn.v<"bnrid">) columns(%1 : !attn.v<"bnjd">) : <"bnrij">
        %19 = attn.score ["d", "d"] rows(%2, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %3 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %20 = attn.score ["d", "d"] rows(%4, %0 : !attn.v<"bnrid">, !attn.v<"bnrid">) columns(%1, %5 : !attn.v<"bnjd">, !attn.v<"bnjd">) : <"bnrij">
        %21 = attn.score ["e"] rows(%7 : !attn.v<"bnrie">) columns(%6 : !attn.v<"bnje">) : <"bnrij">
        %22 = attn.score ["e"] rows(%8 : !attn.v<"bnrie">) columns(%6 : !attn.v<"bnje">) : <"bnrij">
        %23 = attn.score ["e", "e", "e"] rows(%7, %8, %11 : !attn.v<"bnrie">, !attn.v<"bnrie">, !attn.v<"bnrie">) columns(%9, %10, %6 : !attn.v<"bnje">, !attn.v<"bnje">, !attn.v<"bnje">) : <"bnrij">
        %24 = attn.lin(%18) ["1/12"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %25 = attn.apply "tanh"(%24) : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %26 = attn.lin(%12, %25) ["-1", "3"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %27 = attn.mexp %26 : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %28 = attn.mul(%25, %25) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %29 = attn.lin(%28) ["1"] + "-1" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
        %30 = attn.mul(%19, %29) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %31 = attn.lin(%13, %30) ["-1", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %32 = attn.mul(%27, %31) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %33 = attn.mul(%29, %20) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %34 = attn.lin(%14, %33) ["-1", "-1/4"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %35 = attn.mul(%27, %34) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %36 = attn.mul(%29, %27) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %37 = attn.lin(%15, %21) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %38 = attn.mul(%36, %37) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %39 = attn.lin(%16, %22) ["1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %40 = attn.mul(%36, %39) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %41 = attn.mul(%34, %39) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %42 = attn.mul(%31, %37) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %43 = attn.lin(%17, %23, %41, %42) ["-1", "1", "-1", "-1"] + "0" : (!attn.v<"bnri">, !attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %44 = attn.mul(%29, %43) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %45 = attn.mul(%14, %39) : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %46 = attn.mul(%13, %37) : (!attn.v<"bnri">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %47 = attn.lin(%41, %42, %45, %46) ["1", "1", "1", "1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %48 = attn.mul(%25, %47) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %49 = attn.lin(%44, %48) ["-1", "2/3"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        %50 = attn.mul(%27, %49) : (!attn.v<"bnrij">, !attn.v<"bnrij">) -> !attn.v<"bnrij">
        attn.out "acc0" + = "1" %32, %7 : <"bnrij">, <"bnrie">
        attn.out "acc0" + = "1" %35, %8 : <"bnrij">, <"bnrie">
        attn.out "acc0" + = "1" %27, %11 : <"bnrij">, <"bnrie">
        attn.out "acc1" + = "1" %27, %8 : <"bnrij">, <"bnrie">
        attn.out "acc2" + = "1" %27, %7 : <"bnrij">, <"bnrie">
        attn.out "acc3" + = "1" %38, %3 : <"bnrij">, <"bnjd">
        attn.out "acc3" + = "1" %40, %5 : <"bnrij">, <"bnjd">
        attn.out "acc4" + = "1" %38, %2 : <"bnrij">, <"bnrid">
        attn.out "acc4" + = "1" %40, %4 : <"bnrij">, <"bnrid">
        attn.out "acc5" + = "1" %40, %1 : <"bnrij">, <"bnjd">
        attn.out "acc6" + = "1" %38, %1 : <"bnrij">, <"bnjd">
        attn.out "acc7" + = "1" %40, %0 : <"bnrij">, <"bnrid">
        attn.out "acc8" + = "1" %38, %0 : <"bnrij">, <"bnrid">
        attn.out "acc3" + = "1" %50, %1 : <"bnrij">, <"bnjd">
        attn.out "acc4" + = "1" %50, %0 : <"bnrij">, <"bnrid">
      }
      attn.epilogue "dk" {
        %0 = attn.input "acc4" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dv" {
        %0 = attn.input "acc0" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
      attn.epilogue "dtk" {
        %0 = attn.input "acc7" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dt2k" {
        %0 = attn.input "acc8" "acc" : <"bnjd">
        %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnjd">) -> !attn.v<"bnjd">
        attn.yield %1 : !attn.v<"bnjd">
      }
      attn.epilogue "dtv" {
        %0 = attn.input "acc1" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
      attn.epilogue "dt2v" {
        %0 = attn.input "acc2" "acc" : <"bnje">
        attn.yield %0 : !attn.v<"bnje">
      }
    }
    attn.post "dq" {
      %0 = attn.input "acc3" "acc" : <"bnrid">
      %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
      attn.yield %1 : !attn.v<"bnrid">
    }
    attn.post "dtq" {
      %0 = attn.input "acc5" "acc" : <"bnrid">
      %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
      attn.yield %1 : !attn.v<"bnrid">
    }
    attn.post "dt2q" {
      %0 = attn.input "acc6" "acc" : <"bnrid">
      %1 = attn.lin(%0) ["1/4"] + "0" : (!attn.v<"bnrid">) -> !attn.v<"bnrid">
      attn.yield %1 : !attn.v<"bnrid">
    }
  }
}

