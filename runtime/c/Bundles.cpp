// Bundles, from a folder or from memory.
#include "runtime/abi/BundleFiles.h"
#include "runtime/c/Handles.h"
#include "runtime/c/SizedStruct.h"
#include "runtime/c/Status.h"

#include <algorithm>
#include <map>

using namespace jvpgen;

jvpgen_bundle *jvpgen::bundleHandle(KernelBundle bundle, std::string origin) {
  auto handle = std::make_unique<jvpgen_bundle>();
  handle->origin = std::move(origin);
  handle->bundle = std::make_shared<const KernelBundle>(std::move(bundle));
  for (const KernelVariant &variant : handle->bundle->variants)
    if (std::find(handle->programs.begin(), handle->programs.end(), variant.program) == handle->programs.end())
      handle->programs.push_back(variant.program);
  return handle.release();
}

jvpgen_status jvpgen_bundle_open(const char *folder, jvpgen_bundle **bundle) {
  return guarded([&] {
    if (!bundle) return reportNull("jvpgen_bundle_open", "bundle");
    *bundle = nullptr;
    if (!folder || !*folder) return reportNull("jvpgen_bundle_open", "folder");
    Result<KernelBundle> read = readBundle(folder);
    if (!read) return report(read.error());
    *bundle = bundleHandle(std::move(*read), folder);
    return jvpgen_status(JVPGEN_OK);
  });
}

jvpgen_status jvpgen_bundle_read(const jvpgen_file *files, size_t count, jvpgen_bundle **bundle) {
  return guarded([&] {
    if (!bundle) return reportNull("jvpgen_bundle_read", "bundle");
    *bundle = nullptr;
    if (!files) return reportNull("jvpgen_bundle_read", "files");
    std::map<std::string, std::string, std::less<>> held;
    for (size_t k = 0; k < count; ++k) {
      Result<jvpgen_file> file = readSized(elementOf(files, k), "jvpgen_file");
      if (!file) return report(file.error());
      if (!file->name || (!file->bytes && file->length)) return reportNull("jvpgen_bundle_read", "a file");
      held[file->name] = std::string(static_cast<const char *>(file->bytes), file->length);
    }
    Result<KernelBundle> read = readBundle([&](const std::string &name, size_t) -> Result<std::string> {
      if (auto found = held.find(name); found != held.end()) return found->second;
      return fail(ErrorKind::Invalid, "a bundle in memory was asked for '" + name +
                                          "', which is not among its files; give all that its folder holds");
    });
    if (!read) return report(read.error());
    const std::string name = read->name; // of a specification that the caller knows
    *bundle = bundleHandle(std::move(*read), name + ".toml");
    return jvpgen_status(JVPGEN_OK);
  });
}

void jvpgen_bundle_release(jvpgen_bundle *bundle) { delete bundle; }

jvpgen_status jvpgen_bundle_describe(const jvpgen_bundle *bundle, jvpgen_bundle_info *info) {
  return guarded([&] {
    if (!bundle) return reportNull("jvpgen_bundle_describe", "bundle");
    const KernelBundle &held = *bundle->bundle;
    jvpgen_bundle_info out = {};
    out.name = held.name.c_str();
    out.digest = held.digest.c_str();
    out.layout = held.layout.c_str();
    out.head_dim_qk = held.head_dim_qk;
    out.head_dim_v = held.head_dim_v;
    out.programs = bundle->programs.size();
    Result<void> ok = writeSized(out, info, "jvpgen_bundle_info");
    return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
  });
}

const char *jvpgen_bundle_program(const jvpgen_bundle *bundle, size_t index) {
  return bundle && index < bundle->programs.size() ? bundle->programs[index].c_str() : nullptr;
}
