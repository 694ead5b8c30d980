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
  std::string after = "derive", format = "text";
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

/// A text that belongs to no single program.
static void printWhole(const char *what, const std::string &text, bool json) {
  std::fputs(json ? (ordered_json({{what, text}}).dump(2) + "\n").c_str() : text.c_str(), stdout);
}

static void printFormulas(const std::vector<DerivedProgram> &programs, const ShowOptions &options) {
  ordered_json all = {{"format", options.format}, {"programs", ordered_json::object()}};
  for (const DerivedProgram &p : programs) {
    all["programs"][p.name] = {{"text", p.text}};
    if (!options.json) std::printf("%s%s", &p == &programs.front() ? "" : "\n", p.text.c_str());
  }
  if (options.json) std::puts(all.dump(2).c_str());
}

static Result<void> showDerived(const ShowOptions &options, const Request &request) {
  Stage stage = options.after == "differentiate" ? Stage::Differentiate : Stage::Derive;
  Format format = options.format == "latex" ? Format::Latex : options.format == "mlir" ? Format::Mlir : Format::Text;
  Result<std::vector<DerivedProgram>> derived = derivePrograms(request.spec, request.programs, stage, format);
  if (!derived) return tl::unexpected<Error>(derived.error());
  if (options.stats)
    printStats(*derived, options.json);
  else
    printFormulas(*derived, options);
  return {};
}

static Result<void> show(const ShowOptions &options) {
  bool formulas = options.after == "derive" || options.after == "differentiate";
  if (!formulas && (options.stats || options.format != "text"))
    return fail(ErrorKind::Invalid, "--after " + options.after + " has one form, and --stats and --format are for " +
                                        "formulas; leave them out, or use --after derive");
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  if (formulas) return showDerived(options, *request);
  if (options.after == "spec") {
    printWhole("spec", print(request->spec), options.json);
    return {};
  }
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, request->programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  printWhole("plan", planned->text(), options.json);
  return {};
}

void jvpgen::addShow(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("show", "print what a stage of the compiler made of a specification");
  auto options = std::make_shared<ShowOptions>();
  addSpecOptions(*command, *options);
  command
      ->add_option("--after", options->after,
                   "the stage: spec (every default filled in), differentiate (as the rules gave it), derive "
                   "(simplified) or plan")
      ->check(CLI::IsMember({"spec", "differentiate", "derive", "plan"}))
      ->capture_default_str();
  command->add_option("--format", options->format, "of formulas: text, latex, or mlir (the attn dialect)")
      ->check(CLI::IsMember({"text", "latex", "mlir"}))
      ->capture_default_str();
  command->add_flag("--stats", options->stats,
                    "counts instead of formulas: products, sweeps, pointwise operations, saved state");
  command->callback([=, &action] { action = [=] { return show(*options); }; });
}
