// getenv and /proc/self/exe, once.
#include "runtime/jit/Environment.h"

#include <cstdlib>

using namespace jvpgen;
namespace fs = std::filesystem;

static std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

/// The absolute folders of a list that colons separate; relative ones would depend on the working directory.
static std::vector<fs::path> folders(const std::string &list) {
  std::vector<fs::path> out;
  for (size_t begin = 0; begin <= list.size();) {
    size_t end = std::min(list.find(':', begin), list.size());
    fs::path folder = list.substr(begin, end - begin);
    if (folder.is_absolute()) out.push_back(std::move(folder));
    begin = end + 1;
  }
  return out;
}

Environment Environment::ofProcess() {
  Environment out;
  out.nvrtc = variable("JVPGEN_NVRTC");
  out.cache_home = variable("XDG_CACHE_HOME");
  out.cache_limit = variable("JVPGEN_CACHE_LIMIT");
  out.database = variable("JVPGEN_DATABASE");
  out.tunings = variable("JVPGEN_TUNINGS");
  out.frozen = variable("JVPGEN_FROZEN");
  out.data_home = variable("XDG_DATA_HOME");
  out.capture = variable("JVPGEN_CAPTURE");
  out.home = variable("HOME");
  out.programs = folders(variable("PATH"));
  out.libraries = folders(variable("LD_LIBRARY_PATH"));
  out.toolkits = folders(variable("CUDA_HOME") + ":" + variable("CUDA_PATH"));
  out.python_homes = folders(variable("VIRTUAL_ENV") + ":" + variable("CONDA_PREFIX"));
  std::error_code ignored;
  out.program_folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  return out;
}
