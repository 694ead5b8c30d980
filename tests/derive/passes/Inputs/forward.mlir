// Attention with a plain score, scale 1/2, as it is imported.
attn.program @forward {
  %q = attn.input "q" "primal" : !attn.v<"bnrid">
  %k = attn.input "k" "primal" : !attn.v<"bnjd">
  %v = attn.input "v" "primal" : !attn.v<"bnje">
  %qk = attn.mul(%q, %k) : (!attn.v<"bnrid">, !attn.v<"bnjd">) -> !attn.v<"bnrijd">
  %s = attn.sum "d" %qk : (!attn.v<"bnrijd">) -> !attn.v<"bnrij">
  %z = attn.lin(%s) ["1/2"] + "0" : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
  %lse = attn.lse "j" %z : (!attn.v<"bnrij">) -> !attn.v<"bnri">
  %x = attn.lin(%z, %lse) ["1", "-1"] + "0" : (!attn.v<"bnrij">, !attn.v<"bnri">) -> !attn.v<"bnrij">
  %p = attn.mexp %x : (!attn.v<"bnrij">) -> !attn.v<"bnrij">
  %pv = attn.mul(%p, %v) : (!attn.v<"bnrij">, !attn.v<"bnje">) -> !attn.v<"bnrije">
  %o = attn.sum "j" %pv : (!attn.v<"bnrije">) -> !attn.v<"bnrie">
  attn.return ["o", "lse"] %o, %lse : !attn.v<"bnrie">, !attn.v<"bnri">
}
