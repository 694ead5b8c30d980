// An entry is a line with the SHA-256 of the rest, and the rest. Entries appear by rename and are never changed.
#include "runtime/jit/KernelCache.h"

#include "support/AtomicFile.h"
#include "support/Hash.h"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace jvpgen;
namespace fs = std::filesystem;

static constexpr size_t kLargestEntry = size_t(1) << 28;
static constexpr size_t kDigestDigits = 64;

fs::path jvpgen::kernelCacheFolder(const Environment &environment) {
  if (fs::path home = environment.cache_home; home.is_absolute()) return home / "jvpgen/kernels";
  if (fs::path home = environment.home; home.is_absolute()) return home / ".cache/jvpgen/kernels";
  return {};
}

KernelCache::KernelCache(fs::path folder, Warn warn) : folder(std::move(folder)), warn(std::move(warn)) {}

void KernelCache::warnOnce(const std::string &message) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (std::exchange(warned, true)) return;
  }
  if (warn) warn(message + "; kernels are compiled anew in each process until then");
}

/// Whoever may write to the folder can make this process run his code on the GPU: it must be the user's own.
Result<void> KernelCache::usable() const {
  if (folder.empty())
    return fail(ErrorKind::Environment,
                "the kernel cache has no folder: neither XDG_CACHE_HOME nor HOME is an absolute "
                "path; set one of them");
  struct stat info;
  std::string name = "the kernel cache '" + folder.string() + "' ";
  if (lstat(folder.c_str(), &info)) {
    if (errno == ENOENT) return {};
    return fail(ErrorKind::Environment,
                name + "cannot be opened: " + std::strerror(errno) + "; set XDG_CACHE_HOME to a folder of yours");
  }
  if (!S_ISDIR(info.st_mode)) return fail(ErrorKind::Environment, name + "is not a folder; remove it");
  if (info.st_uid != geteuid())
    return fail(ErrorKind::Environment, name + "belongs to another user; set XDG_CACHE_HOME to a folder of yours");
  if (info.st_mode & (S_IWGRP | S_IWOTH))
    return fail(ErrorKind::Environment, name + "can be written to by others; `chmod 700` it");
  return {};
}

bool KernelCache::ready() {
  Result<void> state = usable();
  if (!state) warnOnce(state.error().message);
  return state.has_value();
}

std::optional<std::string> KernelCache::load(const std::string &key) {
  if (folder.empty() || !ready()) return std::nullopt;
  Result<std::string> entry = readFile(folder / key, kLargestEntry);
  if (!entry || entry->size() <= kDigestDigits || (*entry)[kDigestDigits] != '\n') return std::nullopt;
  std::string_view payload = std::string_view(*entry).substr(kDigestDigits + 1);
  if (sha256(payload) != std::string_view(*entry).substr(0, kDigestDigits)) return std::nullopt;
  return std::string(payload);
}

void KernelCache::store(const std::string &key, std::string_view payload) {
  if (folder.empty() || !ready()) return;
  std::error_code failed;
  if (!fs::exists(folder, failed)) {
    fs::create_directories(folder.parent_path(), failed);
    if (mkdir(folder.c_str(), 0700) && errno != EEXIST) {
      warnOnce("the kernel cache '" + folder.string() + "' cannot be made: " + std::strerror(errno) +
               "; set XDG_CACHE_HOME to a folder of yours");
      return;
    }
    if (!ready()) return;
  }
  std::string digest = sha256(payload) + "\n";
  std::string_view pieces[] = {digest, payload};
  if (Result<void> written = writeFile(folder / key, pieces); !written)
    warnOnce("the kernel cache cannot be written to: " + written.error().message +
             "; make room or mend its permissions");
}
