// DLPack's tensors as jvpgen's.
#include "runtime/c/SizedStruct.h"
#include "runtime/c/Status.h"
#include "runtime/c/include/jvpgen/jvpgen_dlpack.h"

using namespace jvpgen;

/// The type that a program can take, or -1.
static jvpgen_dtype dtypeOf(const DLDataType &type) {
  if (type.lanes != 1) return -1;
  switch (type.code) {
  case kDLFloat: return type.bits == 32 ? JVPGEN_F32 : type.bits == 16 ? JVPGEN_F16 : -1;
  case kDLBfloat: return type.bits == 16 ? JVPGEN_BF16 : -1;
  case kDLInt: return type.bits == 32 ? JVPGEN_I32 : type.bits == 8 ? JVPGEN_I8 : -1;
  case kDLUInt:
  case kDLBool: return type.bits == 8 ? JVPGEN_I8 : -1; // masks are 0 or not
  default: return -1;
  }
}

jvpgen_status jvpgen_tensor_from_dlpack(const DLTensor *from, jvpgen_tensor *to) {
  return guarded([&] {
    if (!from) return reportNull("jvpgen_tensor_from_dlpack", "from");
    const int device = from->device.device_type;
    if (device != kDLCUDA && device != kDLCUDAManaged)
      return report(JVPGEN_INVALID, "a DLPack tensor of device type " + std::to_string(device) +
                                        " was given, and programs take memory of a CUDA device; copy it there");
    jvpgen_tensor out = {};
    out.dtype = dtypeOf(from->dtype);
    if (out.dtype < 0)
      return report(JVPGEN_INVALID, "a DLPack tensor of type code " + std::to_string(from->dtype.code) + ", " +
                                        std::to_string(from->dtype.bits) + " bits, " +
                                        std::to_string(from->dtype.lanes) +
                                        " lanes was given, and programs take float32, float16, bfloat16, int32, and "
                                        "bool or int8; convert it");
    out.data = static_cast<char *>(from->data) + from->byte_offset;
    out.rank = from->ndim;
    out.shape = from->shape;
    out.strides = from->strides;
    Result<void> ok = writeSized(out, to, "jvpgen_tensor");
    return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
  });
}
