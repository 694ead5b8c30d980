// jvpgen doctor: what this machine has of what jvpgen can use.
#include "tools/jvpgen/Command.h"

#include "runtime/launch/Doctor.h"
#include <cstdio>
#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace jvpgen;
using nlohmann::ordered_json;

static ordered_json toJson(const DoctorFacts &f) {
  ordered_json gpus = ordered_json::array();
  for (const DeviceFacts &g : f.gpus)
    gpus.push_back({{"name", g.name},
                    {"arch", g.target.arch},
                    {"memory_bytes", g.memory_bytes},
                    {"multiprocessors", g.target.multiprocessors},
                    {"shared_bytes_per_block", g.target.shared_bytes_per_block}});
  return {{"gpus", gpus},
          {"driver", {{"version", f.driver_version}, {"problem", f.driver_problem}}},
          {"nvrtc",
           {{"library", f.nvrtc_library},
            {"builtins", f.nvrtc_builtins},
            {"version", f.nvrtc_version},
            {"problem", f.nvrtc_problem}}},
          {"cache",
           {{"folder", f.cache_folder},
            {"entries", f.cache_entries},
            {"bytes", f.cache_bytes},
            {"limit_bytes", f.cache_limit},
            {"problem", f.cache_problem}}},
          {"cublas", {{"library", f.cublas_library}}}};
}

/// Kernels and bytes on disk beside the most that are kept.
static std::string cacheUse(const DoctorFacts &f) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << f.cache_entries << " kernels, " << double(f.cache_bytes) / (1 << 20)
      << " of " << double(f.cache_limit) / (1 << 20) << " MiB";
  return out.str();
}

static Result<void> doctor(bool json) {
  DoctorFacts f = examine(Environment::ofProcess());
  if (json) {
    std::puts(toJson(f).dump(2).c_str());
    return {};
  }
  auto line = [](const char *what, const std::string &have, const std::string &problem) {
    std::printf("%-8s %s%s%s\n", what, have.empty() ? "none" : have.c_str(), problem.empty() ? "" : ": ",
                problem.c_str());
  };
  for (const DeviceFacts &g : f.gpus)
    line("GPU", g.name + ", " + g.target.arch + ", " + std::to_string(g.memory_bytes >> 30) + " GiB", "");
  if (f.gpus.empty()) line("GPU", "", f.driver_problem);
  line("driver", f.driver_version, f.gpus.empty() ? "" : f.driver_problem);
  line("NVRTC", f.nvrtc_library + (f.nvrtc_version.empty() ? "" : ", " + f.nvrtc_version), f.nvrtc_problem);
  line("builtins", f.nvrtc_builtins, "");
  line("cache", f.cache_folder.empty() ? "" : f.cache_folder + ", " + cacheUse(f), f.cache_problem);
  line("cuBLAS", f.cublas_library, f.cublas_library.empty() ? "bench has no ceiling on a GPU" : "");
  return {};
}

void jvpgen::addDoctor(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("doctor", "what was found: GPU, driver, NVRTC and its builtins, cache, cuBLAS");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print JSON");
  command->callback([=, &action] { action = [=] { return doctor(*json); }; });
}
