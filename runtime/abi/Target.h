// The machine that a kernel is compiled for, or runs on.
#ifndef JVPGEN_RUNTIME_ABI_TARGET_H
#define JVPGEN_RUNTIME_ABI_TARGET_H

#include <string>

namespace jvpgen {

struct Target {
  std::string arch = "sm_80"; ///< exact: "sm_90a" is machine code that runs on compute capability 9.0 and nowhere else
  int shared_bytes_per_block = 0; ///< most that one block can ask for; 0 if only the arch is known
  int multiprocessors = 0;        ///< of the device; 0 if only the arch is known
};

} // namespace jvpgen

#endif
