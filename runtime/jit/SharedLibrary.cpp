// dlopen, and a walk over the folders where CUDA's libraries are found in practice.
#include "runtime/jit/SharedLibrary.h"

#include <algorithm>
#include <dlfcn.h>
#include <link.h>

using namespace jvpgen;
namespace fs = std::filesystem;

Result<SharedLibrary> SharedLibrary::open(const fs::path &path) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!handle) {
    const char *reason = dlerror();
    return fail(ErrorKind::Environment, "cannot load '" + path.string() + "': " + (reason ? reason : "unknown reason") +
                                            "; see `jvpgen doctor`");
  }
  link_map *map = nullptr;
  bool named = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name && *map->l_name;
  return SharedLibrary(handle, named ? fs::path(map->l_name) : path);
}

void *SharedLibrary::find(const char *symbol) const { return dlsym(handle, symbol); }

namespace {
/// Folders, each once, in the order in which they were met.
class FolderList {
public:
  void add(const fs::path &folder) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored) && std::find(list.begin(), list.end(), folder) == list.end())
      list.push_back(folder);
  }

  /// parent/x for every x that begins with `prefix`, the greatest name first: the newest version, as a rule.
  static std::vector<fs::path> matching(const fs::path &parent, const std::string &prefix) {
    std::vector<fs::path> out;
    std::error_code ignored;
    for (fs::directory_iterator it(parent, fs::directory_options::skip_permission_denied, ignored), end; it != end;
         it.increment(ignored))
      if (it->path().filename().string().rfind(prefix, 0) == 0) out.push_back(it->path());
    std::sort(out.rbegin(), out.rend());
    return out;
  }

  void addToolkit(const fs::path &root) {
    add(root / "lib64");
    add(root / "targets/x86_64-linux/lib");
    add(root / "targets/sbsa-linux/lib");
  }

  /// A Python installation: root/lib/python3.x/{site,dist}-packages/nvidia/*/lib.
  void addPython(const fs::path &root) {
    for (const fs::path &version : matching(root / "lib", "python3"))
      for (const char *packages : {"site-packages", "dist-packages"})
        for (const fs::path &package : matching(version / packages / "nvidia", "")) add(package / "lib");
  }

  std::vector<fs::path> list;
};
} // namespace

/// Where the program of that name really lies: root for root/bin/name.
static std::vector<fs::path> installationsOf(const std::string &program, const Environment &environment) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const fs::path &folder : environment.programs) {
    if (!fs::exists(folder / program, ignored)) continue;
    out.push_back(folder.parent_path());
    fs::path real = fs::canonical(folder / program, ignored);
    if (!ignored) out.push_back(real.parent_path().parent_path());
  }
  return out;
}

std::vector<fs::path> jvpgen::cudaLibraryFolders(const Environment &environment) {
  FolderList folders;
  if (const fs::path &bin = environment.program_folder; !bin.empty())
    folders.add((bin / "../../nvrtc").lexically_normal()); // scripts/setup fills it
  for (const fs::path &folder : environment.libraries) folders.add(folder);
  for (const char *folder :
       {"/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"})
    folders.add(folder);

  for (const fs::path &root : environment.toolkits) folders.addToolkit(root);
  for (const fs::path &root : installationsOf("nvcc", environment)) folders.addToolkit(root);
  for (const fs::path &root : FolderList::matching("/usr/local", "cuda")) folders.addToolkit(root);
  folders.addToolkit("/opt/cuda");

  for (const fs::path &root : environment.python_homes) folders.addPython(root);
  for (const fs::path &root : installationsOf("python3", environment)) folders.addPython(root);
  std::vector<fs::path> homes = {"/usr/local", "/usr", "/usr/lib/python3", "/opt/conda"};
  if (fs::path home = environment.home; home.is_absolute()) {
    homes.insert(homes.begin(), home / ".local");
    for (const fs::path &version : FolderList::matching(home / ".pyenv/versions", "")) homes.push_back(version);
  }
  for (const fs::path &root : homes) folders.addPython(root);
  return std::move(folders.list);
}

fs::path jvpgen::findLibrary(const std::vector<fs::path> &folders, const std::vector<std::string> &names) {
  std::error_code ignored;
  for (const std::string &name : names)
    for (const fs::path &folder : folders)
      if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  return {};
}
