// Bundles on disk for tests that see nothing of the runtime but its C interface.
#ifndef JVPGEN_TESTS_ABI_TINYBUNDLEFOLDER_H
#define JVPGEN_TESTS_ABI_TINYBUNDLEFOLDER_H

#include <string>

enum class MachineCodeKind { None, Fitting, OfOtherTexts };

/// A new folder with the tiny bundle: program "forward", tensors q, o, lse. With machine code for sm_90a, its bytes are
/// made up. The folder goes when the process ends.
std::string tinyBundleFolder(MachineCodeKind kind);

#endif
