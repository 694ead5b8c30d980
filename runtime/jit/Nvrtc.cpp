// The search for the libraries, and NVRTC's C interface behind them.
#include "runtime/jit/Nvrtc.h"

#include "runtime/jit/Elf.h"
#include "runtime/jit/SharedLibrary.h"

#include <algorithm>

using namespace jvpgen;
namespace fs = std::filesystem;

static const std::vector<std::string> kNames = {"libnvrtc.so.13", "libnvrtc.so.12"};
static const char *const kRemedy =
    "; install one, for example with `pip install nvidia-cuda-nvrtc`, or set JVPGEN_NVRTC to "
    "the library or its folder";

/// libnvrtc-builtins.so.MAJOR.MINOR beside the library; the greatest minor version of the same major one.
static fs::path builtinsBeside(const fs::path &library) {
  std::string name = library.filename().string();
  size_t dot = name.find(".so.");
  if (dot == std::string::npos) return {};
  std::string major = name.substr(dot + 4, name.find('.', dot + 4) - dot - 4);
  std::string prefix = "libnvrtc-builtins.so." + major;
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const fs::path &folder : {library.parent_path(), fs::canonical(library, ignored).parent_path()})
    for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
      std::string candidate = it->path().filename().string();
      bool same = candidate == prefix || candidate.rfind(prefix + ".", 0) == 0;
      if (same && fs::is_regular_file(it->path(), ignored)) found.push_back(it->path());
    }
  return found.empty() ? fs::path() : *std::max_element(found.begin(), found.end());
}

/// The library that JVPGEN_NVRTC names, or that the folder it names holds.
static Result<fs::path> namedLibrary(const std::string &name) {
  std::error_code ignored;
  fs::path path = name;
  if (path.is_absolute() && fs::is_directory(path, ignored)) path = findLibrary({path}, kNames);
  if (path.is_absolute() && fs::is_regular_file(path, ignored)) {
    std::string file = path.filename().string();
    if (file.rfind("libnvrtc.so", 0) == 0) return file == "libnvrtc.so" ? fs::canonical(path, ignored) : path;
  }
  return fail(ErrorKind::Environment,
              "JVPGEN_NVRTC is '" + name +
                  "', and no libnvrtc.so.13 or .12 is there; set it to the full path of the library "
                  "or of its folder, or unset it");
}

Result<NvrtcFiles> jvpgen::findNvrtc(const Environment &environment) {
  NvrtcFiles files;
  if (!environment.nvrtc.empty()) {
    Result<fs::path> named = namedLibrary(environment.nvrtc);
    if (!named) return tl::unexpected(named.error());
    files.library = *named;
  } else {
    std::vector<fs::path> folders = cudaLibraryFolders(environment);
    files.library = findLibrary(folders, kNames);
    if (files.library.empty())
      return fail(ErrorKind::Environment,
                  "compiling a kernel needs NVRTC: no libnvrtc.so.13 or .12 lies in any of the " +
                      std::to_string(folders.size()) + " library folders of toolkits, Python packages and the system" +
                      kRemedy);
  }
  files.builtins = builtinsBeside(files.library);
  if (files.builtins.empty())
    return fail(ErrorKind::Environment, "NVRTC was found as '" + files.library.string() +
                                            "', without libnvrtc-builtins of the same release beside it, and every "
                                            "compilation would fail" +
                                            kRemedy);
  for (const fs::path &path : {files.library, files.builtins}) {
    Result<std::string> id = readBuildId(path);
    if (!id) return tl::unexpected(id.error());
    files.build_ids += (files.build_ids.empty() ? "" : " ") + *id;
  }
  return files;
}

Result<Nvrtc> Nvrtc::load(const NvrtcFiles &files) {
  Result<SharedLibrary> builtins = SharedLibrary::open(files.builtins);
  if (!builtins) return tl::unexpected(builtins.error());
  Result<SharedLibrary> library = SharedLibrary::open(files.library);
  if (!library) return tl::unexpected(library.error());
  Nvrtc out;
  Functions &call = out.call;
  Result<void> bound = library->bind(call.version, "nvrtcVersion")
                           .and_then([&] { return library->bind(call.errorString, "nvrtcGetErrorString"); })
                           .and_then([&] { return library->bind(call.create, "nvrtcCreateProgram"); })
                           .and_then([&] { return library->bind(call.destroy, "nvrtcDestroyProgram"); })
                           .and_then([&] { return library->bind(call.compile, "nvrtcCompileProgram"); })
                           .and_then([&] { return library->bind(call.cubinSize, "nvrtcGetCUBINSize"); })
                           .and_then([&] { return library->bind(call.cubin, "nvrtcGetCUBIN"); })
                           .and_then([&] { return library->bind(call.logSize, "nvrtcGetProgramLogSize"); })
                           .and_then([&] { return library->bind(call.log, "nvrtcGetProgramLog"); });
  if (!bound) return tl::unexpected(bound.error());
  return out;
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  call.version(&major, &minor);
  return std::to_string(major) + "." + std::to_string(minor);
}

/// Only the first lines of a long log fit a message.
static std::string firstLines(const std::string &log, int count) {
  size_t end = 0;
  for (; count > 0 && end < log.size(); --count) end = std::min(log.find('\n', end), log.size() - 1) + 1;
  return log.substr(0, end);
}

Result<CompiledText> Nvrtc::compile(const std::string &name, const std::string &text,
                                    std::span<const SourceFile *const> headers,
                                    const std::vector<std::string> &options) const {
  std::vector<const char *> texts, names, words;
  for (const SourceFile *header : headers) texts.push_back(header->text.c_str()), names.push_back(header->name.c_str());
  for (const std::string &option : options) words.push_back(option.c_str());

  Program program = nullptr;
  int code = call.create(&program, text.c_str(), name.c_str(), int(headers.size()), texts.data(), names.data());
  CompiledText out;
  if (code == 0) {
    code = call.compile(program, int(words.size()), words.data());
    size_t bytes = 0;
    if (call.logSize(program, &bytes) == 0 && bytes > 1) {
      out.log.resize(bytes);
      call.log(program, out.log.data());
      out.log.resize(bytes - 1); // without the final zero
    }
    if (code == 0) code = call.cubinSize(program, &bytes);
    if (code == 0) {
      out.cubin.resize(bytes);
      code = call.cubin(program, out.cubin.data());
    }
    call.destroy(&program);
  }
  if (code == 0) return out;
  std::string reason = std::string(call.errorString(code)) + " (NVRTC " + version() + ")";
  bool environment = code == 1 || code == 7; // out of memory, builtins missing
  std::string remedy = environment ? "see `jvpgen doctor`" : "the text is at fault, or the arch is newer than NVRTC";
  return fail(environment ? ErrorKind::Environment : ErrorKind::Invalid,
              "compiling '" + name + "' failed: " + reason + "; " + remedy +
                  (out.log.empty() ? "" : ":\n" + firstLines(out.log, 20)));
}
