// What is behind the opaque handles: owners of what the runtime works with, so that releases may come in any order.
#ifndef JVPGEN_RUNTIME_C_HANDLES_H
#define JVPGEN_RUNTIME_C_HANDLES_H

#include "runtime/c/TensorShape.h"
#include "runtime/c/include/jvpgen/jvpgen.h"
#include "runtime/launch/PreparedProgram.h"
#include <memory>
#include <string>
#include <vector>

struct jvpgen_bundle {
  std::shared_ptr<const jvpgen::KernelBundle> bundle;
  std::vector<std::string> programs; ///< each once, in the bundle's order
  std::string origin;                ///< its folder, or its name: what a user would have tuned
};

struct jvpgen_device {
  jvpgen::DevicePointer device;
};

struct jvpgen_program {
  std::unique_ptr<jvpgen::PreparedProgram> program;
  std::vector<jvpgen::TensorShape> shapes; ///< of its tensors
};

namespace jvpgen {

/// A handle for a bundle, whoever read or made it.
jvpgen_bundle *bundleHandle(KernelBundle bundle, std::string origin);

} // namespace jvpgen

#endif
