// Any bytes as a bundle's metadata: refused with words, or a description that prints to text which reads back the same.
#include "runtime/abi/BundleMetadata.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace jvpgen;

static void require(bool holds, const char *what, const std::string &shown) {
  if (holds) return;
  std::fprintf(stderr, "%s:\n%s\n", what, shown.c_str());
  std::abort();
}

/// The text for a description; the files that it lists count as empty.
static std::string printed(const BundleMetadata &metadata) {
  KernelBundle bundle = metadata.bundle;
  bundle.files.clear();
  for (const ListedFile &file : metadata.files) bundle.files.push_back({file.name, ""});
  return printMetadata(bundle);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<BundleMetadata> metadata = parseMetadata({reinterpret_cast<const char *>(data), size});
  if (!metadata) {
    require(!metadata.error().message.empty(), "an error without words", "");
    return 0;
  }
  for (const ListedFile &file : metadata->files) require(isFileName(file.name), "a path as a file", file.name);
  const std::string text = printed(*metadata);
  Result<BundleMetadata> again = parseMetadata(text);
  require(again.has_value(), "what was printed cannot be read", text + (again ? "" : again.error().text()));
  require(printed(*again) == text, "what was printed reads otherwise", text);
  return 0;
}
