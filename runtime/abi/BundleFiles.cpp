// The folder's files, read and written whole.
#include "runtime/abi/BundleFiles.h"

#include "runtime/abi/BundleMetadata.h"
#include "support/AtomicFile.h"
#include "support/Hash.h"
#include <set>

using namespace jvpgen;
namespace fs = std::filesystem;

static constexpr size_t kLargestMetadata = size_t(1) << 24;

std::vector<SourceFile> jvpgen::bundleFiles(const KernelBundle &bundle) {
  std::vector<SourceFile> out = bundle.files;
  for (size_t k = 0; k < bundle.machine_code.size(); ++k)
    out.push_back({machineCodeFile(bundle, k), bundle.machine_code[k].cubin});
  out.push_back({kSpecificationFile, bundle.specification});
  out.push_back({"bundle.json", printMetadata(bundle)});
  return out;
}

Result<void> jvpgen::writeBundle(const KernelBundle &bundle, const fs::path &folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    return fail(ErrorKind::Environment, "the bundle '" + bundle.name + "' is to be written to '" + folder.string() +
                                            "', which cannot be made: " + failed.message() + "; name another folder");
  std::set<std::string> names;
  for (const SourceFile &file : bundleFiles(bundle)) {
    if (!isFileName(file.name) || !names.insert(file.name).second)
      return fail(ErrorKind::Invalid, "the bundle '" + bundle.name + "' holds a file named '" + file.name +
                                          "', which is no plain file name of its own; rename it");
    if (Result<void> written = writeFile(folder / file.name, file.text); !written) return written;
  }
  return {};
}

Result<KernelBundle> jvpgen::readBundle(const fs::path &folder) {
  Result<KernelBundle> bundle =
      readBundle([&](const std::string &name, size_t limit) { return readFile(folder / name, limit); });
  if (!bundle && !bundle.error().where.empty()) bundle.error().where = (folder / bundle.error().where).string();
  return bundle;
}

/// A file that is exactly the listed one.
static Result<std::string> readListed(const ReadBundleFile &read, const ListedFile &listed) {
  Result<std::string> content = read(listed.name, listed.bytes);
  if (!content) return content;
  if (content->size() != listed.bytes || sha256(*content) != listed.digest)
    return fail(ErrorKind::Invalid,
                "the bundle's file '" + listed.name +
                    "' is not the one that bundle.json describes (its SHA-256 differs); emit the bundle again",
                listed.name);
  return content;
}

Result<KernelBundle> jvpgen::readBundle(const ReadBundleFile &read) {
  Result<std::string> text = read("bundle.json", kLargestMetadata);
  if (!text) return tl::unexpected(text.error());
  Result<BundleMetadata> parsed = parseMetadata(*text);
  if (!parsed) return fail(parsed.error().kind, parsed.error().message, "bundle.json");

  KernelBundle bundle = std::move(parsed->bundle);
  Result<std::string> specification = readListed(read, parsed->specification);
  if (!specification) return tl::unexpected(specification.error());
  bundle.specification = std::move(*specification);
  for (const ListedFile &listed : parsed->files) {
    Result<std::string> content = readListed(read, listed);
    if (!content) return tl::unexpected(content.error());
    bundle.files.push_back({listed.name, std::move(*content)});
  }
  for (size_t k = 0; k < bundle.machine_code.size(); ++k) {
    Result<std::string> content = readListed(read, parsed->machine_code[k]);
    if (!content) return tl::unexpected(content.error());
    bundle.machine_code[k].cubin = std::move(*content);
  }
  return bundle;
}
