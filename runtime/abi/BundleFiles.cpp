// The folder's files, read and written whole.
#include "runtime/abi/BundleFiles.h"

#include "runtime/abi/BundleMetadata.h"
#include "support/AtomicFile.h"
#include "support/Hash.h"

using namespace jvpgen;
namespace fs = std::filesystem;

static constexpr size_t kLargestMetadata = size_t(1) << 24;

Result<void> jvpgen::writeBundle(const KernelBundle &bundle, const fs::path &folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    return fail(ErrorKind::Environment, "the bundle '" + bundle.name + "' is to be written to '" + folder.string() +
                                            "', which cannot be made: " + failed.message() + "; name another folder");
  for (const SourceFile &file : bundle.files) {
    if (!isFileName(file.name) || file.name == "bundle.json")
      return fail(ErrorKind::Invalid, "the bundle '" + bundle.name + "' holds a text named '" + file.name +
                                          "', which is no plain file name; rename it");
    if (Result<void> written = writeFile(folder / file.name, file.text); !written) return written;
  }
  return writeFile(folder / "bundle.json", printMetadata(bundle));
}

Result<KernelBundle> jvpgen::readBundle(const fs::path &folder) {
  fs::path metadata = folder / "bundle.json";
  Result<std::string> text = readFile(metadata, kLargestMetadata);
  if (!text) return tl::unexpected(text.error());
  Result<BundleMetadata> parsed = parseMetadata(*text);
  if (!parsed) return fail(parsed.error().kind, parsed.error().message, metadata.string());

  KernelBundle bundle = std::move(parsed->bundle);
  for (const ListedFile &listed : parsed->files) {
    Result<std::string> content = readFile(folder / listed.name, listed.bytes);
    if (!content) return tl::unexpected(content.error());
    if (content->size() != listed.bytes || sha256(*content) != listed.digest)
      return fail(ErrorKind::Invalid,
                  "the bundle's text '" + listed.name +
                      "' is not the one that bundle.json describes (its SHA-256 differs); emit the "
                      "bundle again",
                  (folder / listed.name).string());
    bundle.files.push_back({listed.name, std::move(*content)});
  }
  return bundle;
}
