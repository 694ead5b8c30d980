// An entry is a line with the SHA-256 of its key and its payload, and the payload. Entries appear by rename and are
// never changed; the time of a file's last change is the time of its last use.
#include "runtime/jit/CacheFolder.h"

#include "support/AtomicFile.h"
#include "support/Hash.h"
#include "support/PrivateFolder.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace jvpgen;
namespace fs = std::filesystem;

static constexpr size_t kLargestEntry = size_t(1) << 28;
static constexpr size_t kDigestDigits = 64;
static constexpr auto kLongestWrite = std::chrono::hours(1);

fs::path jvpgen::kernelCacheFolder(const Environment &environment) {
  if (fs::path home = environment.cache_home; home.is_absolute()) return home / "jvpgen/kernels";
  if (fs::path home = environment.home; home.is_absolute()) return home / ".cache/jvpgen/kernels";
  return {};
}

Result<size_t> jvpgen::kernelCacheLimit(const Environment &environment) {
  const std::string &text = environment.cache_limit;
  if (text.empty()) return kCacheLimit;
  size_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, size_t(text.data() + text.size() - end));
  size_t shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 0;
  if (code == std::errc() && (shift || unit.empty()) && number <= SIZE_MAX >> shift) return number << shift;
  return fail(ErrorKind::Invalid, "JVPGEN_CACHE_LIMIT is '" + text +
                                      "', which is no size; give a whole number of bytes, or one followed by K, M "
                                      "or G, such as 512M");
}

CacheFolder::CacheFolder(fs::path path, Warn warn, size_t limit)
    : path(std::move(path)), limit(limit), warn(std::move(warn)) {}

void CacheFolder::warnOnce(const std::string &message) {
  if (!warned.exchange(true) && warn) warn(message + "; kernels are compiled anew in each process until then");
}

static const FolderWords kFolderWords = {"the kernel cache", "set XDG_CACHE_HOME to a folder of yours"};

/// Whoever may write to the folder can make this process run his code on the GPU.
Result<void> CacheFolder::usable() const {
  if (!path.empty()) return checkPrivate(path, kFolderWords);
  return fail(ErrorKind::Environment, "the kernel cache has no folder: neither XDG_CACHE_HOME nor HOME is an absolute "
                                      "path; set one of them");
}

bool CacheFolder::ready() {
  if (path.empty()) return false;
  Result<void> state = usable();
  if (!state) warnOnce(state.error().message);
  return state.has_value();
}

/// Makes the folder, the one for locks, and those around them that are missing, each for the user alone.
bool CacheFolder::make() {
  if (!ready()) return false;
  const fs::path locks = path / "locks";
  std::error_code ignored;
  if (fs::is_directory(locks, ignored)) return true;
  Result<void> made = makePrivate(locks, kFolderWords);
  if (!made) warnOnce(made.error().message);
  return made && ready();
}

fs::path CacheFolder::lockFile(const std::string &key) { return make() ? path / "locks" / key : fs::path(); }

/// The key is under the digest, so that a file under another's name is damaged too.
static std::string digestOf(const std::string &key, std::string_view payload) {
  Sha256 hash;
  hash.update(key + "\n");
  hash.update(payload);
  return hash.hex();
}

std::optional<std::string> CacheFolder::load(const std::string &key) {
  if (!ready()) return std::nullopt;
  const fs::path file = path / key;
  Result<std::string> entry = readFile(file, kLargestEntry);
  if (!entry || entry->size() <= kDigestDigits || (*entry)[kDigestDigits] != '\n') return std::nullopt;
  std::string payload = entry->substr(kDigestDigits + 1);
  if (digestOf(key, payload) != std::string_view(*entry).substr(0, kDigestDigits)) return std::nullopt;
  utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
  return payload;
}

namespace {
struct Entry {
  fs::path file;
  size_t bytes = 0;
  fs::file_time_type used;
  bool whole = true; ///< false: what one is writing now, or was when he was killed; not counted
};
} // namespace

/// Entries bear a key as their name; files that are being written have a dot and six letters behind it.
static std::vector<Entry> entriesOf(const fs::path &folder) {
  std::vector<Entry> out;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; it != end; it.increment(failed)) {
    std::error_code gone;
    Entry entry{it->path(), it->file_size(gone), it->last_write_time(gone), !it->path().has_extension()};
    if (!gone && it->is_regular_file(gone)) out.push_back(std::move(entry));
  }
  return out;
}

CacheFolder::Contents CacheFolder::contents() const {
  Contents out;
  for (const Entry &entry : entriesOf(path)) {
    out.entries += entry.whole;
    out.bytes += entry.whole ? entry.bytes : 0;
  }
  return out;
}

/// Two processes that do this at once remove the same files: each counts one that is gone already as removed. Somebody
/// who has such a file open reads on.
static void evict(const fs::path &folder, size_t limit) {
  std::vector<Entry> entries = entriesOf(folder);
  size_t bytes = 0;
  for (const Entry &entry : entries) bytes += entry.whole ? entry.bytes : 0;
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) { return a.used < b.used; });
  const auto abandoned = fs::file_time_type::clock::now() - kLongestWrite;
  for (const Entry &entry : entries) {
    const bool remove = entry.whole ? bytes > limit : entry.used < abandoned;
    if (remove && (!unlink(entry.file.c_str()) || errno == ENOENT)) bytes -= entry.whole ? entry.bytes : 0;
  }
}

void CacheFolder::store(const std::string &key, std::string_view payload) {
  if (!make()) return;
  std::string digest = digestOf(key, payload) + "\n";
  std::string_view pieces[] = {digest, payload};
  if (Result<void> written = writeFile(path / key, pieces); !written)
    warnOnce("the kernel cache cannot be written to: " + written.error().message +
             "; make room or mend its permissions");
  evict(path, limit);
}
