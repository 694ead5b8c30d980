// Differentiation and simplification as passes over attn.program operations.
#ifndef JVPGEN_COMPILER_DERIVE_PASSES_H
#define JVPGEN_COMPILER_DERIVE_PASSES_H

namespace jvpgen {

/// Registers, for tools that read pass names:
///   --attn-tangent{tangents=q,k,v direction=t}     adds @tangent_forward beside @forward
///   --attn-adjoint{of=forward cotangents=o wanted=q,k,v}   adds @backward (of @forward) or @tangent_backward
///   --attn-simplify                                rewrites every program; a backward one modulo what its forward
///   program saves
void registerDerivePasses();

} // namespace jvpgen

#endif
