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
  KernelBundle bundle;                  ///< without texts and machine code
  ListedFile specification;             ///< of no bytes if there is none
  std::vector<ListedFile> files;        ///< of KernelBundle::files
  std::vector<ListedFile> machine_code; ///< of KernelBundle::machine_code
};

/// The file beside the metadata that holds the bundle's specification, and that of its machine code number k.
inline constexpr const char *kSpecificationFile = "specification.toml";
std::string machineCodeFile(const KernelBundle &bundle, size_t k);

/// JSON text, indented, with the files' digests.
std::string printMetadata(const KernelBundle &bundle);

/// Checks form and consistency: known names, ranges, launches that refer to declared tensors and listed files.
Result<BundleMetadata> parseMetadata(std::string_view text);

/// Whether a name is a plain file name: letters, digits, '_', '-', '.', beginning with a letter.
bool isFileName(std::string_view name);

} // namespace jvpgen

#endif
