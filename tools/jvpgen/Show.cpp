// jvpgen show: what a stage of the compiler made of the specification.
#include "tools/jvpgen/Command.h"

#include "compiler/driver/Driver.h"
#include "compiler/driver/PlannedSpec.h"
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct ShowOptions : SpecOptions {
  std::string after = "derive";
  bool stats = false;
};
} // namespace

static void printStats(const std::vector<DerivedProgram> &programs, bool json) {
  ordered_json all = {{"programs", ordered_json::object()}};
  if (!json) std::printf("%-18s %8s %9s %7s %10s  saved\n", "program", "matmuls", "executed", "sweeps", "pointwise");
  for (const DerivedProgram &p : programs) {
    all["programs"][p.name] = {{"matmuls", p.matmuls},
                               {"executed", p.executed},
                               {"sweeps", p.sweeps},
                               {"pointwise", p.pointwise},
                               {"saved", p.saved}};
    if (json) continue;
    std::string saved;
    for (const std::string &s : p.saved) saved += " " + s;
    std::printf("%-18s %8g %9g %7d %10d %s\n", p.name.c_str(), p.matmuls, p.executed, p.sweeps, p.pointwise,
                saved.c_str());
  }
  if (json) std::puts(all.dump(2).c_str());
}

static Result<void> show(const ShowOptions &options) {
  Result<AttentionSpec> spec = loadSpec(options);
  if (!spec) return tl::unexpected<Error>(spec.error());
  Result<std::vector<std::string>> programs = selectPrograms(*spec, options);
  if (!programs) return tl::unexpected<Error>(programs.error());
  if (options.after == "plan") {
    Result<PlannedSpec> planned = PlannedSpec::create(*spec, *programs);
    if (!planned) return tl::unexpected<Error>(planned.error());
    std::fputs(planned->text().c_str(), stdout);
    return {};
  }
  Stage stage = options.after == "differentiate" ? Stage::Differentiate : Stage::Derive;
  Result<std::vector<DerivedProgram>> derived = derivePrograms(*spec, *programs, stage);
  if (!derived) return tl::unexpected<Error>(derived.error());
  if (options.stats) {
    printStats(*derived, options.json);
    return {};
  }
  ordered_json all = {{"programs", ordered_json::object()}};
  for (const DerivedProgram &p : *derived) {
    all["programs"][p.name] = {{"text", p.text}};
    if (!options.json) std::printf("%s\n", p.text.c_str());
  }
  if (options.json) std::puts(all.dump(2).c_str());
  return {};
}

void jvpgen::addShow(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("show", "print what a stage of the compiler made of a specification");
  auto options = std::make_shared<ShowOptions>();
  addSpecOptions(*command, *options);
  command
      ->add_option("--after", options->after,
                   "the stage: differentiate (as the rules gave it), derive (simplified) or plan")
      ->check(CLI::IsMember({"differentiate", "derive", "plan"}))
      ->capture_default_str();
  command->add_flag("--stats", options->stats,
                    "counts instead of formulas: products, sweeps, pointwise operations, saved state");
  command->callback([=, &action] { action = [=] { return show(*options); }; });
}
