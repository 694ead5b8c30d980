// What the verifiers of plans refuse.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

attn.plan @p program "forward" variant "row" {
  // expected-error @+1 {{has no place in a plan}}
  %x = attn.constant "1" : !attn.v<"">
}

// -----

attn.plan @p program "forward" variant "row" {
  // expected-error @+1 {{streams "d", not i or j}}
  attn.sweep "row" streamed "d" {
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.role {
    }
    // expected-error @+1 {{is out of place in a sweep}}
    attn.accumulator "acc0" : !attn.v<"bnrie"> "register"
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  // expected-error @+1 {{must be a row or column vector}}
  attn.pre "stat0" {
    %x = attn.input "o" "saved" : !attn.v<"bnrie">
    attn.yield %x : !attn.v<"bnrie">
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    // expected-error @+1 {{in place "register" must have the indices "bnri"}}
    attn.accumulator "acc0" : !attn.v<"bnje"> "register"
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    // expected-error @+1 {{as a tile must have the indices "bnrij"}}
    attn.accumulator "acc0" : !attn.v<"bnri"> "tile"
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    // expected-error @+1 {{has the unknown place "shared"}}
    attn.accumulator "acc0" : !attn.v<"bnri"> "shared"
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.role {
      %q = attn.input "q" "primal" : !attn.v<"bnrid">
      %k = attn.input "k" "primal" : !attn.v<"bnjd">
      // expected-error @+1 {{takes factors with i first and with j second}}
      %s = attn.score ["d"] rows(%k : !attn.v<"bnjd">) columns(%q : !attn.v<"bnrid">) : !attn.v<"bnrij">
    }
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.role {
      %q = attn.input "q" "primal" : !attn.v<"bnrid">
      %v = attn.input "v" "primal" : !attn.v<"bnje">
      // expected-error @+1 {{sums over "d", which a factor lacks}}
      %s = attn.score ["d"] rows(%q : !attn.v<"bnrid">) columns(%v : !attn.v<"bnje">) : !attn.v<"bnrij">
    }
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.role {
      %p = attn.import "X0" : !attn.v<"bnrij">
      // expected-error @+1 {{adds to "acc0", which the sweep does not declare}}
      attn.reduce "acc0" += "1" %p : !attn.v<"bnrij">
    }
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.accumulator "acc0" : !attn.v<"bnrie"> "register"
    attn.role {
      %p = attn.import "X0" : !attn.v<"bnrij">
      // expected-error @+1 {{adds numbers to an accumulator of rows}}
      attn.reduce "acc0" += "1" %p : !attn.v<"bnrij">
    }
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.accumulator "acc0" : !attn.v<"bnrie"> "register"
    attn.role {
      %p = attn.import "X0" : !attn.v<"bnrij">
      %k = attn.input "k" "primal" : !attn.v<"bnjd">
      // expected-error @+1 {{adds a product of type}}
      attn.out "acc0" += "1" %p, %k : !attn.v<"bnrij">, !attn.v<"bnjd">
    }
  }
}

// -----

attn.plan @p program "forward" variant "row" {
  attn.sweep "row" streamed "j" {
    attn.accumulator "acc0" : !attn.v<"bnrie"> "register"
    // expected-error @+1 {{must have the owner's indices "bnri", not "bnje"}}
    attn.epilogue "dv" {
      %x = attn.input "acc0" "acc" : !attn.v<"bnje">
      attn.yield %x : !attn.v<"bnje">
    }
  }
}
