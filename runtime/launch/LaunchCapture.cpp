#include "runtime/launch/LaunchCapture.h"

#include "runtime/jit/Environment.h"
#include "support/AtomicFile.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace jvpgen;
namespace fs = std::filesystem;

void LaunchCapture::Program::count(const Problem &problem) {
  std::lock_guard<std::mutex> lock(mutex);
  auto known = std::find_if(shapes.begin(), shapes.end(), [&](const Shape &s) { return s.problem == problem; });
  if (known == shapes.end()) known = shapes.insert(shapes.end(), {problem, 0});
  ++known->launches;
  std::iter_swap(shapes.begin(), known);
}

static fs::path ownFile(const fs::path &file) {
  const std::string extension = file.extension().string();
  return fs::absolute(file).replace_extension(std::to_string(getpid()) + (extension.empty() ? ".csv" : extension));
}

LaunchCapture::LaunchCapture(const fs::path &file) : file(ownFile(file)), process(getpid()) {}

LaunchCapture *LaunchCapture::ofProcess() {
  static LaunchCapture *const capture = []() -> LaunchCapture * {
    const std::string file = Environment::ofProcess().capture;
    if (file.empty()) return nullptr;
    std::atexit([] { ofProcess()->write(); });
    return new LaunchCapture(file); // outlives every program that counts
  }();
  return capture;
}

LaunchCapture::Program *LaunchCapture::program(const std::string &specification, const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Program> &slot = programs[{specification, name}];
  if (!slot) slot = std::make_unique<Program>();
  return slot.get();
}

void LaunchCapture::write() {
  if (getpid() != process) return;
  std::vector<std::pair<int64_t, std::string>> lines;
  {
    std::lock_guard<std::mutex> lock(mutex);
    for (const auto &[key, program] : programs) {
      std::lock_guard<std::mutex> own(program->mutex);
      for (const auto &[p, launches] : program->shapes) {
        std::string line;
        for (int64_t number : {p.batch, p.heads, p.kv_heads, p.q_length, p.kv_length})
          line += std::to_string(number) + ",";
        lines.emplace_back(-launches, line + key.second + "," + key.first + "," + std::to_string(launches) + "\n");
      }
    }
  }
  if (lines.empty()) return;
  std::sort(lines.begin(), lines.end());
  std::string text = "batch,heads,kv_heads,q_length,kv_length,program,specification,launches\n";
  for (const auto &[order, line] : lines) text += line;
  if (Result<void> written = writeFile(file, text); !written)
    std::fprintf(stderr, "warning: shapes were to be captured: %s\n", written.error().message.c_str());
}
