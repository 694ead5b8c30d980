// NVRTC, found and opened at run time: CUDA C++ text to machine code for one exact arch, without a GPU.
#ifndef JVPGEN_RUNTIME_JIT_NVRTC_H
#define JVPGEN_RUNTIME_JIT_NVRTC_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/jit/Environment.h"
#include "support/Result.h"
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace jvpgen {

/// The two libraries of one NVRTC release. Each compilation needs both.
struct NvrtcFiles {
  std::filesystem::path library;
  std::filesystem::path builtins; ///< libnvrtc-builtins beside it
  std::string build_ids;          ///< of both, read from the files: what tells releases apart
};

/// Looks in JVPGEN_NVRTC alone if it is set, else in the build's own folder and in all where CUDA's libraries lie.
/// Loads nothing.
Result<NvrtcFiles> findNvrtc(const Environment &environment);

/// What one compilation leaves behind.
struct CompiledText {
  std::string cubin;
  std::string log; ///< of the front end and of ptxas
};

class Nvrtc {
public:
  /// Opens the builtins by their full path first: the library of a Python wheel would not find them by itself.
  static Result<Nvrtc> load(const NvrtcFiles &files);

  /// "13.0"; the libraries' build ids say more.
  std::string version() const;

  /// Compiles `text`, which may include `headers` by name and nothing else. May be called by many threads at once.
  Result<CompiledText> compile(const std::string &name, const std::string &text,
                               std::span<const SourceFile *const> headers,
                               const std::vector<std::string> &options) const;

private:
  using Program = struct ProgramTag *;
  struct Functions {
    int (*version)(int *major, int *minor);
    const char *(*errorString)(int code);
    int (*create)(Program *, const char *text, const char *name, int headers, const char *const *texts,
                  const char *const *names);
    int (*destroy)(Program *);
    int (*compile)(Program, int options, const char *const *option);
    int (*cubinSize)(Program, size_t *);
    int (*cubin)(Program, char *);
    int (*logSize)(Program, size_t *);
    int (*log)(Program, char *);
  };
  Functions call = {};
};

} // namespace jvpgen

#endif
