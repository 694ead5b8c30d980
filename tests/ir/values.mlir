// What the verifiers of values refuse, and with which words.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{indices "qn" are not distinct letters of "sbnrijde" in that order}}
"builtin.unrealized_conversion_cast"() : () -> !attn.v<"qn">

// -----

attn.program @p {
  // expected-error @+1 {{has the unknown kind "weights"}}
  %x = attn.input "x" "weights" : !attn.v<"b">
  attn.return ["x"] %x : !attn.v<"b">
}

// -----

attn.program @p {
  // expected-error @+1 {{"0.5" is not a number p or p/q}}
  %x = attn.constant "0.5" : !attn.v<"">
  attn.return ["x"] %x : !attn.v<"">
}

// -----

attn.program @p {
  // expected-error @+1 {{"1/0" is not a number p or p/q}}
  %x = attn.constant "1/0" : !attn.v<"">
  attn.return ["x"] %x : !attn.v<"">
}

// -----

attn.program @p {
  // expected-error @+1 {{does not know "k_index"}}
  %x = attn.index "k_index" : !attn.v<"j">
  attn.return ["x"] %x : !attn.v<"j">
}

// -----

attn.program @p {
  // expected-error @+1 {{gives indices "j" where its operands give "nr"}}
  %x = attn.index "h" : !attn.v<"j">
  attn.return ["x"] %x : !attn.v<"j">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"b">
  // expected-error @+1 {{has 1 terms and 2 coefficients}}
  %y = attn.lin(%x) ["1", "2"] + "0" : (!attn.v<"b">) -> !attn.v<"b">
  attn.return ["y"] %y : !attn.v<"b">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"b">
  // expected-error @+1 {{coefficient "1e3" is not p or p/q}}
  %y = attn.lin(%x) ["1e3"] + "0" : (!attn.v<"b">) -> !attn.v<"b">
  attn.return ["y"] %y : !attn.v<"b">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"b">
  // expected-error @+1 {{constant "half" is not p or p/q}}
  %y = attn.lin(%x) ["1"] + "half" : (!attn.v<"b">) -> !attn.v<"b">
  attn.return ["y"] %y : !attn.v<"b">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"bi">
  %y = attn.input "y" "primal" : !attn.v<"bj">
  // expected-error @+1 {{gives indices "bi" where its operands give "bij"}}
  %z = attn.mul(%x, %y) : (!attn.v<"bi">, !attn.v<"bj">) -> !attn.v<"bi">
  attn.return ["z"] %z : !attn.v<"bi">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"b">
  // expected-error @+1 {{does not know the function "sin"}}
  %y = attn.apply "sin"(%x) : (!attn.v<"b">) -> !attn.v<"b">
  attn.return ["y"] %y : !attn.v<"b">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"b">
  // expected-error @+1 {{where takes 3 arguments, not 1}}
  %y = attn.apply "where"(%x) : (!attn.v<"b">) -> !attn.v<"b">
  attn.return ["y"] %y : !attn.v<"b">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"bi">
  // expected-error @+1 {{sums over j, which its body lacks}}
  %y = attn.sum "j" %x : (!attn.v<"bi">) -> !attn.v<"bi">
  attn.return ["y"] %y : !attn.v<"bi">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"bij">
  // expected-error @+1 {{gives indices "bij" where its operands give "bi"}}
  %y = attn.lse "j" %x : (!attn.v<"bij">) -> !attn.v<"bij">
  attn.return ["y"] %y : !attn.v<"bij">
}

// -----

attn.program @p {
  %x = attn.input "x" "primal" : !attn.v<"bij">
  // expected-error @+1 {{names 2 of 1 results}}
  attn.return ["x", "y"] %x : !attn.v<"bij">
}
