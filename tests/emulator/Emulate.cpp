// emulate SPEC SHAPES [SEED [SCHEDULE_NUMBER [ARCH]]]: `jvpgen verify --json` of the kernels emitted for a GPU, on the
// emulator.
#include "HostRunner.h"

#include "compiler/spec/AttentionSpec.h"
#include "support/AtomicFile.h"
#include "tools/jvpgen/Shapes.h"
#include <cstdio>
#include <nlohmann/json.hpp>

using namespace jvpgen;

static Result<int> emulate(const std::vector<std::string> &words) {
  auto word = [&](size_t k, const char *otherwise) { return k < words.size() ? words[k] : otherwise; };
  Result<std::string> text = readFile(words[0]);
  if (!text) return tl::unexpected(text.error());
  Result<AttentionSpec> spec = parseSpec(*text, words[0]);
  if (!spec) return tl::unexpected(spec.error());
  Result<std::vector<Problem>> shapes = parseShapes(*spec, words[1]);
  if (!shapes) return tl::unexpected(shapes.error());
  std::vector<std::string> programs = programsOf(*spec);
  Result<PlannedSpec> planned = PlannedSpec::create(*spec, programs);
  if (!planned) return tl::unexpected(planned.error());
  const Target target = {.arch = word(4, "sm_80")};
  Result<KernelBundle> bundle = planned->emit(target);
  if (!bundle) return tl::unexpected(bundle.error());
  HostRunner runner(*spec, *bundle, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  runner.schedule_number = unsigned(std::stoul(word(3, "0")));
  runner.target = target;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  size_t failed = 0;
  for (const Problem &shape : *shapes) {
    Result<std::vector<reference::Record>> records =
        reference::verify(*spec, shape, {.seed = std::stoull(word(2, "1")), .programs = programs}, std::ref(runner));
    if (!records) return tl::unexpected(records.error());
    for (const reference::Record &r : *records) {
      failed += !r.passed && !r.refused;
      all.push_back({{"program", r.program},
                     {"output", r.output},
                     {"relative_error", r.relative_error},
                     {"worst_row_error", r.worst_row_error},
                     {"limit", r.limit},
                     {"row_limit", r.row_limit},
                     {"passed", r.passed},
                     {"complaint", r.complaint}});
    }
  }
  std::puts(all.dump(1).c_str());
  return failed ? 1 : 0;
}

int main(int argc, char **argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) {
    std::fputs("usage: emulate SPEC SHAPES [SEED [SCHEDULE_NUMBER [ARCH]]]\n", stderr);
    return 2;
  }
  Result<int> status = emulate(words);
  if (status) return *status;
  std::fprintf(stderr, "%s\n", status.error().text().c_str());
  return int(status.error().kind);
}
