// Tensors of other frameworks as DLPack hands them over, for jvpgen's launches.
#ifndef JVPGEN_DLPACK_H
#define JVPGEN_DLPACK_H

#include "dlpack.h"
#include "jvpgen.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Points `to` at the same memory, shape and strides, which must stay until the launch returns. Refuses memory that is
 * not of a CUDA device, and types that no program takes. `to` has its size set. */
JVPGEN_API jvpgen_status jvpgen_tensor_from_dlpack(const DLTensor *from, jvpgen_tensor *to);

#ifdef __cplusplus
}
#endif

#endif
