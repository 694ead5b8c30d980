// write, fsync, rename.
#include "support/AtomicFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace jvpgen;

static tl::unexpected<Error> systemError(const std::string &what, const std::filesystem::path &path, int code) {
  ErrorKind kind = code == ENOENT || code == EISDIR || code == ENOTDIR ? ErrorKind::Invalid : ErrorKind::Environment;
  const char *remedy = code == ENOENT || code == ENOTDIR  ? "; see whether the path is right"
                       : code == EISDIR                   ? "; name a file"
                       : code == EACCES || code == EPERM  ? "; see its permissions"
                       : code == ENOSPC || code == EDQUOT ? "; free some space, or write elsewhere"
                                                          : "";
  return fail(kind, "cannot " + what + " '" + path.string() + "': " + std::strerror(code) + remedy);
}

Result<std::string> jvpgen::readFile(const std::filesystem::path &path, size_t limit) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return systemError("open", path, errno);
  struct stat info;
  int code = fstat(fd, &info) ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
  std::string out;
  if (!code && S_ISREG(info.st_mode) && size_t(info.st_size) > limit) {
    close(fd);
    return fail(ErrorKind::Invalid, "'" + path.string() + "' has " + std::to_string(info.st_size) + " bytes; at most " +
                                        std::to_string(limit) + " are read");
  }
  if (!code) out.reserve(size_t(info.st_size));
  while (!code) {
    char buffer[1 << 16];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) code = errno;
    if (n <= 0) break;
    out.append(buffer, size_t(n));
    if (out.size() > limit) code = EFBIG;
  }
  close(fd);
  if (code) return systemError("read", path, code);
  return out;
}

Result<void> jvpgen::writeFile(const std::filesystem::path &path, std::span<const std::string_view> pieces) {
  std::string aside = path.string() + ".XXXXXX";
  int fd = mkostemp(aside.data(), O_CLOEXEC);
  if (fd < 0) return systemError("create a file beside", path, errno);
  mode_t mask = umask(0);
  umask(mask);
  fchmod(fd, 0666 & ~mask);
  int code = 0;
  for (std::string_view piece : pieces)
    while (!code && !piece.empty()) {
      ssize_t n = write(fd, piece.data(), piece.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        code = errno;
      else
        piece.remove_prefix(size_t(n));
    }
  if (!code && fsync(fd)) code = errno;
  if (close(fd) && !code) code = errno;
  if (!code && rename(aside.c_str(), path.c_str())) code = errno;
  if (code) {
    unlink(aside.c_str());
    return systemError("write", path, code);
  }
  return {};
}

Result<void> jvpgen::writeFile(const std::filesystem::path &path, std::string_view bytes) {
  return writeFile(path, std::span<const std::string_view>(&bytes, 1));
}
