#include "support/PrivateFolder.h"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace jvpgen;
namespace fs = std::filesystem;

/// The outer folder matters too: its owner can put another in the inner one's place.
Result<void> jvpgen::checkPrivate(const fs::path &path, const FolderWords &words) {
  for (const fs::path &folder : {path.parent_path(), path}) {
    struct stat info;
    const bool outer = folder != path;
    std::string name = (outer ? "the folder of " : "") + words.name + " '" + folder.string() + "' ";
    if (outer ? stat(folder.c_str(), &info) : lstat(folder.c_str(), &info)) {
      if (errno == ENOENT) return {};
      return fail(ErrorKind::Environment, name + "cannot be opened: " + std::strerror(errno) + "; " + words.remedy);
    }
    if (!S_ISDIR(info.st_mode)) return fail(ErrorKind::Environment, name + "is not a folder; remove it");
    if (info.st_uid != geteuid() && !(outer && info.st_uid == 0))
      return fail(ErrorKind::Environment, name + "belongs to another user; " + words.remedy);
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) && !(outer && (info.st_mode & S_ISVTX)))
      return fail(ErrorKind::Environment, name + "can be written to by others; `chmod 700` it");
  }
  return {};
}

Result<void> jvpgen::makePrivate(const fs::path &folder, const FolderWords &words) {
  std::error_code ignored;
  fs::path made;
  for (const fs::path &part : folder) {
    made /= part;
    if (fs::exists(made, ignored) || !mkdir(made.c_str(), 0700) || errno == EEXIST) continue;
    return fail(ErrorKind::Environment, words.name + " '" + folder.string() +
                                            "' cannot be made: " + std::strerror(errno) + "; " + words.remedy);
  }
  return {};
}
