// The environment variables that the runtime honours, and where the program lies; no other file of it reads one.
#ifndef JVPGEN_RUNTIME_JIT_ENVIRONMENT_H
#define JVPGEN_RUNTIME_JIT_ENVIRONMENT_H

#include <filesystem>
#include <string>
#include <vector>

namespace jvpgen {

struct Environment {
  std::string nvrtc;                               ///< JVPGEN_NVRTC: a library, or a folder that holds one
  std::string cache_home;                          ///< XDG_CACHE_HOME
  std::string cache_limit;                         ///< JVPGEN_CACHE_LIMIT: bytes of kernels kept on disk
  std::string database;                            ///< JVPGEN_DATABASE: the user's own tunings
  std::string tunings;                             ///< JVPGEN_TUNINGS: files in place of the shipped tunings
  std::string frozen;                              ///< JVPGEN_FROZEN: a file that pins schedules
  std::string data_home;                           ///< XDG_DATA_HOME
  std::string capture;                             ///< JVPGEN_CAPTURE: where shapes that are launched are written
  std::string home;                                ///< HOME
  std::vector<std::filesystem::path> programs;     ///< PATH
  std::vector<std::filesystem::path> libraries;    ///< LD_LIBRARY_PATH
  std::vector<std::filesystem::path> toolkits;     ///< CUDA_HOME, CUDA_PATH
  std::vector<std::filesystem::path> python_homes; ///< VIRTUAL_ENV, CONDA_PREFIX

  std::filesystem::path program_folder; ///< where the running program lies; empty if unknown

  static Environment ofProcess();
};

} // namespace jvpgen

#endif
