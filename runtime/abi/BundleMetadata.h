// bundle.json: everything of a bundle but its texts.
#ifndef JVPGEN_RUNTIME_ABI_BUNDLEMETADATA_H
#define JVPGEN_RUNTIME_ABI_BUNDLEMETADATA_H

#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include <string>
#include <string_view>
#include <vector>

namespace jvpgen {

/// Name, size and SHA-256 of a text that lies beside the metadata.
struct ListedFile {
  std::string name;
  size_t bytes = 0;
  std::string digest;
};

struct BundleMetadata {
  KernelBundle bundle; ///< without texts
  std::vector<ListedFile> files;
};

/// JSON text, indented, with the files' digests.
std::string printMetadata(const KernelBundle &bundle);

/// Checks form and consistency: known names, ranges, launches that refer to declared tensors and listed files.
Result<BundleMetadata> parseMetadata(std::string_view text);

/// Whether a name is a plain file name: letters, digits, '_', '-', '.', beginning with a letter.
bool isFileName(std::string_view name);

} // namespace jvpgen

#endif
