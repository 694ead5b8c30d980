// Options that many commands take, and what they mean.
#include "tools/jvpgen/Command.h"

#include "support/AtomicFile.h"
#include "tuner/Workload.h"
#include <algorithm>
#include <sstream>

using namespace jvpgen;

void jvpgen::addSpecOptions(CLI::App &command, SpecOptions &options) {
  command.add_option("spec", options.file, "specification of attention (TOML)")->required();
  command.add_option("--programs", options.programs,
                     "comma separated, of forward, tangent_forward, backward, tangent_backward; default: all");
  command.add_flag("--json", options.json, "print JSON");
}

static Result<AttentionSpec> loadSpec(const std::string &file) {
  constexpr size_t limit = 1 << 20; // a specification is a page of text
  Result<std::string> text = readFile(file, limit);
  if (!text) return tl::unexpected<Error>(text.error());
  return parseSpec(*text, file);
}

static Result<std::vector<std::string>> selectPrograms(const AttentionSpec &spec, const std::string &wanted) {
  std::vector<std::string> possible = programsOf(spec), asked;
  if (wanted.empty()) return possible;
  std::string list;
  for (const std::string &p : possible) list += (list.empty() ? "" : ", ") + p;
  std::stringstream names(wanted);
  for (std::string name; std::getline(names, name, ',');) {
    if (std::find(possible.begin(), possible.end(), name) == possible.end())
      return fail(ErrorKind::Invalid,
                  "--programs names '" + name + "', which '" + spec.name + "' does not have; choose from " + list);
    asked.push_back(name);
  }
  std::erase_if(possible,
                [&](const std::string &p) { return std::find(asked.begin(), asked.end(), p) == asked.end(); });
  return possible;
}

Result<Request> jvpgen::loadRequest(const SpecOptions &options) {
  Result<AttentionSpec> spec = loadSpec(options.file);
  if (!spec) return tl::unexpected<Error>(spec.error());
  Result<std::vector<std::string>> programs = selectPrograms(*spec, options.programs);
  if (!programs) return tl::unexpected<Error>(programs.error());
  return Request{std::move(*spec), std::move(*programs)};
}

void jvpgen::addBackendOptions(CLI::App &command, BackendOptions &options) {
  command.add_option("--device", options.device, "cpu, cuda, or auto: the GPU if there is one")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--variant", options.variant, "of the plan, by name; default: each program's own");
  command.add_option("--threads", options.threads, "of the CPU; 0: as many as it has")->capture_default_str();
  command.add_flag("--portable", options.portable,
                   "of the GPU: the portable skeleton even where it has one of its own");
  command
      .add_option("--schedule-number", options.schedule_number,
                  "of the GPU: which of its legal schedules each kernel takes, counted round; 0: the default")
      ->capture_default_str();
  command
      .add_option(
          "--splits", options.splits,
          "of the GPU: into how many parts the keys of blocks are divided that leave it idle; 1: none; 0: as the "
          "shape asks")
      ->capture_default_str()
      ->check(CLI::Range(0, 64));
}

void jvpgen::addKeptTiles(CLI::App &command, KeptTiles &tiles) {
  command
      .add_option("--kept-tiles", tiles.share,
                  "which part of the boolean tensor's square tiles is kept, each as a whole; 0: random entries")
      ->check(CLI::Range(0., 1.))
      ->capture_default_str();
  command.add_option("--tile-size", tiles.size, "queries and keys of such a tile")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
}

Result<void> jvpgen::checkKeptTiles(const AttentionSpec &spec, const KeptTiles &tiles) {
  if (tiles.share == 0 || spec.input("mask")) return {};
  return fail(ErrorKind::Invalid, "--kept-tiles asks for tiles of a boolean tensor, and '" + spec.name +
                                      "' has none; add mask_tensor = { dims = [\"q\", \"kv\"] } to it");
}

std::vector<std::string> jvpgen::withEarlier(const AttentionSpec &spec, const std::vector<std::string> &programs) {
  std::vector<std::string> out;
  for (const std::string &possible : programsOf(spec)) {
    bool isNeeded = std::find(programs.begin(), programs.end(), possible) != programs.end();
    for (const std::string &program : programs)
      for (const std::string &before : tuner::programsBefore(program)) isNeeded |= before == possible;
    if (isNeeded) out.push_back(possible);
  }
  return out;
}
