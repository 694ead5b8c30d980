// The shapes that an application launches, counted in memory and written down when its process ends: what to tune.
#ifndef JVPGEN_RUNTIME_LAUNCH_LAUNCHCAPTURE_H
#define JVPGEN_RUNTIME_LAUNCH_LAUNCHCAPTURE_H

#include "runtime/abi/Problem.h"
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

namespace jvpgen {

class LaunchCapture {
public:
  /// What one program of one specification was launched with.
  class Program {
  public:
    /// A launch; may be called by many threads at once.
    void count(const Problem &problem);

  private:
    friend class LaunchCapture;
    struct Shape {
      Problem problem;
      int64_t launches = 0;
    };
    std::mutex mutex;
    std::vector<Shape> shapes; ///< an application has few; the one launched last stands first
  };

  explicit LaunchCapture(const std::filesystem::path &file);

  /// The capture that JVPGEN_CAPTURE asks for, which is written when the process ends or unloads this code; null if it
  /// is not set.
  static LaunchCapture *ofProcess();

  /// Lives as long as the capture.
  Program *program(const std::string &specification, const std::string &name);

  /// One line a shape, those launched most first: a list that `jvpgen tune --shapes` reads. Nothing is written where
  /// nothing was launched, nor by a process that was forked from the one that captures.
  void write();

  /// shapes.csv becomes shapes.PID.csv: each process writes its own.
  const std::filesystem::path file;

private:
  const pid_t process;
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Program>> programs; ///< by specification and name
};

} // namespace jvpgen

#endif
