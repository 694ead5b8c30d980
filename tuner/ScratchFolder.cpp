#include "tuner/ScratchFolder.h"

#include <cstdlib>

using namespace jvpgen;
using namespace jvpgen::tuner;
namespace fs = std::filesystem;

Result<ScratchFolder> ScratchFolder::create() {
  std::error_code none;
  std::string name = (fs::temp_directory_path(none) / "jvpgen-tune-XXXXXX").string();
  if (none || !mkdtemp(name.data()))
    return fail(ErrorKind::Environment, "a folder for compiled candidates was to be made in '" +
                                            fs::temp_directory_path(none).string() +
                                            "', which cannot be written to; set TMPDIR to a folder that can");
  return ScratchFolder(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path.empty()) fs::remove_all(path, ignored);
}
