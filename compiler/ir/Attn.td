// The attn dialect: the upper level (mathematics on whole tensors) and the lower level (plans), as operations.
#ifndef JVPGEN_ATTN_TD
#define JVPGEN_ATTN_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::jvpgen::attn";
  let summary = "attention and its derivatives: mathematics over named indices, and plans of tiled sweeps";
  let description = [{
    Indices: b batch, n key head, r query head inside a key head, i query, j key, d and e features of q.k and of v,
    s split. A value has the type `!attn.v<"bnri">`: a real number for each tuple of its indices; values are broadcast by name.
    A *tile* has i and j; a *row* value has i and no j; a *column* value has j and no i.
  }];
  let useDefaultTypePrinterParser = 1;
}

def Attn_Value : TypeDef<Attn_Dialect, "Value"> {
  let mnemonic = "v";
  let summary = "a real number for each tuple of the named indices, in the canonical order sbnrijde";
  let parameters = (ins StringRefParameter<"indices">:$indices);
  let assemblyFormat = "`<` $indices `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool has(char index) const { return getIndices().contains(index); }
    bool isTile() const { return has('i') && has('j'); }
    bool hasFeature() const { return has('d') || has('e'); }
  }];
}

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;

// ---- values: both levels -----------------------------------------------------------------------------------------

def Attn_InputOp : Attn_Op<"input", [Pure]> {
  let summary = "a named value that is given";
  let description = [{
    kind: primal, tangent, cotangent, saved (an output of an earlier program); in plans also stat (an attn.pre),
    acc (an accumulator of the sweep), max, shift.
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$kind);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$name $kind attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Attn_ConstantOp : Attn_Op<"constant", [Pure]> {
  let summary = "an exact rational number, \"p/q\" or \"p\"";
  let arguments = (ins StrAttr:$value);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Attn_IndexOp : Attn_Op<"index", [Pure]> {
  let summary = "the number of an index: i, j (inside its sequence), b, h (query head), q_length, kv_length of the sequence; #b ... #e the length of an index";
  let arguments = (ins StrAttr:$name);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Attn_LinOp : Attn_Op<"lin", [Pure]> {
  let summary = "constant + sum of coefficient * operand, coefficients exact rationals";
  let arguments = (ins Variadic<Attn_Value>:$terms, StrArrayAttr:$coefficients, StrAttr:$constant);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "`(` $terms `)` $coefficients `+` $constant attr-dict `:` functional-type($terms, $result)";
  let hasVerifier = 1;
}

def Attn_MulOp : Attn_Op<"mul", [Pure]> {
  let summary = "product of the operands";
  let arguments = (ins Variadic<Attn_Value>:$factors);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "`(` $factors `)` attr-dict `:` functional-type($factors, $result)";
  let hasVerifier = 1;
}

def Attn_ApplyOp : Attn_Op<"apply", [Pure]> {
  let summary = "a function of the table of derivatives, applied pointwise";
  let description = [{
    exp log tanh logistic (1 / (1 + exp(-x))) sqrt abs min max where(c, x, y) lt le eq (1 or 0), recip, recip0 (0 at 0), sign (0 at 0), step (1/2 at 0),
    nonempty (1 where the argument, an lse, is above -inf, else 0), and (both are not 0), or, not.
  }];
  let arguments = (ins StrAttr:$function, Variadic<Attn_Value>:$arguments);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$function `(` $arguments `)` attr-dict `:` functional-type($arguments, $result)";
  let hasVerifier = 1;
}

def Attn_MexpOp : Attn_Op<"mexp", [Pure]> {
  let summary = "exp(x) where the mask keeps the entry, 0 elsewhere by selection";
  let arguments = (ins Attn_Value:$exponent);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$exponent attr-dict `:` functional-type($exponent, $result)";
  let hasVerifier = 1;
}

def Attn_SumOp : Attn_Op<"sum", [Pure]> {
  let summary = "sum over indices; a sum whose body has i, j and a feature index is a matrix product";
  let arguments = (ins Attn_Value:$body, StrAttr:$over);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$over $body attr-dict `:` functional-type($body, $result)";
  let hasVerifier = 1;
}

def Attn_LseOp : Attn_Op<"lse", [Pure]> {
  let summary = "log of the sum of exp(score) over the entries of a row that the mask keeps; -inf for none";
  let arguments = (ins Attn_Value:$score, StrAttr:$over);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$over $score attr-dict `:` functional-type($score, $result)";
  let hasVerifier = 1;
}

// ---- declarations and programs -------------------------------------------------------------------------------------

def Attn_TensorOp : Attn_Op<"tensor", [Symbol]> {
  let summary = "a tensor of the interface: its indices, its type in memory, its part";
  let description = [{
    part: primal, tangent, cotangent, output, gradient, vector (int32), mask (int8), length (int32).
    dtype: bf16, f16, f32, i32, i8. The run-time shape may be 1 along any of b, n r, i, j that the indices lack.
    per_sequence: i and j count inside a sequence, packed layouts included; other packed tensors hold all sequences
    behind one another.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$indices, StrAttr:$dtype, StrAttr:$part,
                       UnitAttr:$per_sequence);
  let assemblyFormat = "$sym_name $indices $dtype $part (`per_sequence` $per_sequence^)? attr-dict";
  let hasVerifier = 1;
}

def Attn_ProgramOp : Attn_Op<"program", [Symbol, SingleBlock, IsolatedFromAbove]> {
  let summary = "one derived program on whole tensors";
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<StrArrayAttr>:$saved);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`saved` $saved^)? attr-dict-with-keyword $body";
}

def Attn_ReturnOp : Attn_Op<"return", [Terminator, HasParent<"ProgramOp">]> {
  let summary = "the named results of a program";
  let arguments = (ins Variadic<Attn_Value>:$results, StrArrayAttr:$names);
  let assemblyFormat = "$names ($results^ `:` type($results))? attr-dict";
  let hasVerifier = 1;
}

def Attn_MaskOp : Attn_Op<"mask", [IsolatedFromAbove]> {
  let summary = "the predicate that keeps an entry, and what interval arithmetic says of a box of entries";
  let description = [{
    keep:     (b, h, i, j, q_length, kv_length : i32) yields i1.
    classify: (b, h, i0, i1, j0, j1, q_length, kv_length : i32), ends inclusive, yields (may be true, may be false : i1).
    Built of arith and of attn.fetch, attn.fetch_range. Lengths themselves are not part of it: every sweep honours them.
    Nor does classify speak of what a bias of -inf drops (dropsByBias), which only its values tell.
  }];
  let regions = (region SizedRegion<1>:$keep, SizedRegion<1>:$classify);
  let assemblyFormat = "attr-dict-with-keyword `keep` $keep `classify` $classify";
  let extraClassDeclaration = [{
    /// Whether an entry is dropped where a bias is -inf.
    bool dropsByBias();
  }];
  let hasVerifier = 1;
}

def Attn_FetchOp : Attn_Op<"fetch", [Pure]> {
  let summary = "an element of an integer vector, integer scalar, boolean tensor or bias, at the predicate's batch and head";
  let description = [{ axes: the indices of the tensor among i, j that the operands give, in that order. }];
  let arguments = (ins StrAttr:$name, StrAttr:$axes, Variadic<I32>:$at);
  let results = (outs AnyTypeOf<[I1, I32, F32]>:$result);
  let assemblyFormat = "$name $axes `[` $at `]` attr-dict `:` type($result)";
}

def Attn_FetchRangeOp : Attn_Op<"fetch_range", [Pure]> {
  let summary = "least and greatest element of an integer vector between two places of an axis, both included";
  let arguments = (ins StrAttr:$name, StrAttr:$axis, I32:$first, I32:$last);
  let results = (outs I32:$least, I32:$greatest);
  let assemblyFormat = "$name $axis `[` $first `,` $last `]` attr-dict";
}

def Attn_YieldOp : Attn_Op<"yield", [Terminator, Pure]> {
  let summary = "the value of a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

// ---- plans ---------------------------------------------------------------------------------------------------------

def Attn_PlanOp : Attn_Op<"plan", [Symbol, SingleBlock, NoTerminator, NoRegionArguments, IsolatedFromAbove]> {
  let summary = "one variant of one program: pre-passes, sweeps, post-passes, in the order of execution";
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$program, StrAttr:$variant);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `program` $program `variant` $variant attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Attn_PreOp : Attn_Op<"pre", [SingleBlock, NoRegionArguments]> {
  let summary = "a statistic computed before the sweeps: a row or column vector, without feature index";
  let arguments = (ins StrAttr:$name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Attn_PostOp : Attn_Op<"post", [SingleBlock, NoRegionArguments]> {
  let summary = "an output computed after the sweeps, from what they left (sums over rows, columns, heads, batch)";
  let arguments = (ins StrAttr:$output);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$output attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Attn_SweepOp : Attn_Op<"sweep", [SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "a pass over all tiles: each owner of a block of one axis streams the tiles of the other";
  let description = [{
    streamed = "j": row sweep (an owner has query rows of one head and meets all key tiles);
    streamed = "i": column sweep (an owner has key rows of one key head and meets all query tiles of all its r).
    The body holds accumulators, then roles, then epilogues.
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$streamed);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name `streamed` $streamed attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    bool isRowSweep() { return getStreamed() == "j"; }
    char ownAxis() { return isRowSweep() ? 'i' : 'j'; }
  }];
  let hasVerifier = 1;
}

def Attn_AccumulatorOp : Attn_Op<"accumulator", [Pure, HasParent<"SweepOp">]> {
  let summary = "what a sweep adds up; the name is unique in the plan";
  let description = [{
    register: one row of numbers (with feature index) or one number per row of the owner; starts at 0.
    global: the same for the rows of the streamed axis: it lives in memory, the owners add to it (plans "fused").
    tile: a value for each (i, j), written once where the tile is met and 0 where tiles are skipped; to `output` in that
    tensor's own type if given (its indices are then those of the accumulator), else to float32 workspace for a post-pass.
  }];
  let arguments = (ins StrAttr:$name, TypeAttrOf<Attn_Value>:$type, StrAttr:$place, OptionalAttr<StrAttr>:$output);
  let assemblyFormat = "$name `:` $type $place (`to` $output^)? attr-dict";
  let hasVerifier = 1;
}

def Attn_RoleOp : Attn_Op<"role", [SingleBlock, NoTerminator, NoRegionArguments, HasParent<"SweepOp">]> {
  let summary = "what one group of warps does with a tile; a sweep has one role, or two that hand tiles over";
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
}

def Attn_ScoreOp : Attn_Op<"score", [Pure, AttrSizedOperandSegments]> {
  let summary = "a tile: sum of products x.y over a feature index, in one accumulator; x has i, y has j";
  let arguments = (ins Variadic<Attn_Value>:$rows, Variadic<Attn_Value>:$columns, StrArrayAttr:$over);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$over `rows` `(` $rows `:` type($rows) `)` `columns` `(` $columns `:` type($columns) `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Attn_MaxOp : Attn_Op<"max", [Pure, HasParent<"RoleOp">]> {
  let summary = "running maximum of a row over the kept entries; where it moves, every register accumulator is rescaled";
  let description = [{
    The factor is exp(c (old - new)), -c being what stands before the maximum in the weights' exponents. Every sum that the sweep
    accumulates is of degree 1 in the weight, so any reference serves that keeps the weights finite: a consumer may leave it where
    it is while the maximum is near.
  }];
  let arguments = (ins Attn_Value:$score, StrAttr:$name);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$name $score attr-dict `:` functional-type($score, $result)";
}

def Attn_ShiftOp : Attn_Op<"shift", [Pure, HasParent<"RoleOp">]> {
  let summary = "a mean of the kept entries of a row in the first tile in which the row has one; then constant. Any finite value is right, one near the mean under the softmax keeps digits";
  let arguments = (ins Attn_Value:$tile, StrAttr:$name);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$name $tile attr-dict `:` functional-type($tile, $result)";
}

def Attn_ExportOp : Attn_Op<"export", [HasParent<"RoleOp">]> {
  let summary = "hands a tile to the other role";
  let arguments = (ins Attn_Value:$tile, StrAttr:$name);
  let assemblyFormat = "$name $tile attr-dict `:` type($tile)";
}

def Attn_ImportOp : Attn_Op<"import", [Pure, HasParent<"RoleOp">]> {
  let summary = "a tile that the other role made";
  let arguments = (ins StrAttr:$name);
  let results = (outs Attn_Value:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Attn_ReduceOp : Attn_Op<"reduce", [HasParent<"RoleOp">]> {
  let summary = "accumulator += coefficient * sum of the tile over the streamed axis (register), or = the tile (tile)";
  let arguments = (ins Attn_Value:$tile, StrAttr:$accumulator, StrAttr:$coefficient);
  let assemblyFormat = "$accumulator `+` `=` $coefficient $tile attr-dict `:` type($tile)";
  let hasVerifier = 1;
}

def Attn_OutOp : Attn_Op<"out", [HasParent<"RoleOp">]> {
  let summary = "accumulator += coefficient * product of the tile and a matrix, summed over the streamed axis";
  let arguments = (ins Attn_Value:$tile, Attn_Value:$matrix, StrAttr:$accumulator, StrAttr:$coefficient);
  let assemblyFormat = "$accumulator `+` `=` $coefficient $tile `,` $matrix attr-dict `:` type($tile) `,` type($matrix)";
  let hasVerifier = 1;
}

def Attn_EpilogueOp : Attn_Op<"epilogue", [SingleBlock, NoRegionArguments, HasParent<"SweepOp">]> {
  let summary = "an output with the owner's indices, computed from the accumulators when its sweep has ended";
  let arguments = (ins StrAttr:$output);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$output attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

#endif
