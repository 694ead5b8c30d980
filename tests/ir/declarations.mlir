// What the verifiers of tensors and masks refuse.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{has the unknown dtype "f64"}}
attn.tensor @q "bnrid" "f64" "primal"

// -----

// expected-error @+1 {{has the unknown part "weights"}}
attn.tensor @q "bnrid" "bf16" "weights"

// -----

// expected-error @+1 {{has indices out of order}}
attn.tensor @q "nbrid" "bf16" "primal"

// -----

// expected-error @+1 {{needs regions of 6 arguments}}
attn.mask keep {
^bb0(%i: i32, %j: i32):
  %t = arith.constant true
  attn.yield %t : i1
} classify {
^bb0(%b: i32, %h: i32, %i0: i32, %i1: i32, %j0: i32, %j1: i32, %ql: i32, %kl: i32):
  %t = arith.constant true
  attn.yield %t, %t : i1, i1
}

// -----

// expected-error @+1 {{needs 2 yielded values}}
attn.mask keep {
^bb0(%b: i32, %h: i32, %i: i32, %j: i32, %ql: i32, %kl: i32):
  %t = arith.constant true
  attn.yield %t : i1
} classify {
^bb0(%b: i32, %h: i32, %i0: i32, %i1: i32, %j0: i32, %j1: i32, %ql: i32, %kl: i32):
  %t = arith.constant true
  attn.yield %t : i1
}

// -----

// expected-error @+1 {{yields something other than i1}}
attn.mask keep {
^bb0(%b: i32, %h: i32, %i: i32, %j: i32, %ql: i32, %kl: i32):
  attn.yield %i : i32
} classify {
^bb0(%b: i32, %h: i32, %i0: i32, %i1: i32, %j0: i32, %j1: i32, %ql: i32, %kl: i32):
  %t = arith.constant true
  attn.yield %t, %t : i1, i1
}
