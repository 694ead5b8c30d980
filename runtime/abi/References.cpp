#include "runtime/abi/References.h"

using namespace jvpgen;

KernelBundle jvpgen::referencesOf(const KernelBundle &bundle) {
  KernelBundle out = bundle;
  out.variants = std::move(out.references);
  out.references.clear();
  out.machine_code.clear();
  for (TensorDeclaration &tensor : out.tensors)
    if (tensor.is_output) tensor.dtype = DType::F64;
  return out;
}

const KernelVariant *jvpgen::findReference(const KernelBundle &bundle, std::string_view program,
                                           std::string_view variant) {
  for (const KernelVariant &reference : bundle.references)
    if (reference.program == program && reference.variant == variant) return &reference;
  return nullptr;
}
