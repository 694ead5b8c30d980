// A bundle as a folder: bundle.json beside the texts that it lists, each with its digest.
#ifndef JVPGEN_RUNTIME_ABI_BUNDLEFILES_H
#define JVPGEN_RUNTIME_ABI_BUNDLEFILES_H

#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace jvpgen {

/// Every file of the bundle's folder, bundle.json last.
std::vector<SourceFile> bundleFiles(const KernelBundle &bundle);

/// Writes the folder (made if missing): texts first, bundle.json last. Files of the same names are replaced.
Result<void> writeBundle(const KernelBundle &bundle, const std::filesystem::path &folder);

/// Reads a folder back. Metadata is untrusted: every field is checked for its type and range, every name for its form,
/// every text for its digest. The texts themselves are code, to be trusted as a shared library is.
Result<KernelBundle> readBundle(const std::filesystem::path &folder);

/// The same from files that are not in a folder: `read` gives the whole of one, and may refuse more than `limit` bytes.
using ReadBundleFile = std::function<Result<std::string>(const std::string &name, size_t limit)>;
Result<KernelBundle> readBundle(const ReadBundleFile &read);

} // namespace jvpgen

#endif
