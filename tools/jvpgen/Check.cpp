// jvpgen check: is the specification right, and what does it say with every default filled in?
#include "tools/jvpgen/Command.h"

#include "support/Hash.h"
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

using namespace jvpgen;
using nlohmann::ordered_json;

static ordered_json describe(const AttentionSpec &spec, const std::vector<std::string> &programs) {
  ordered_json out = {{"name", spec.name}, {"digest", sha256(print(spec))}, {"programs", ordered_json::object()}};
  auto tensors = [&](const std::vector<std::string> &names) {
    ordered_json list = ordered_json::object();
    for (const std::string &n : names)
      list[n] = {{"indices", indicesOf(spec, n)}, {"dtype", std::string(name(dtypeOf(spec, n)))}};
    return list;
  };
  for (const std::string &p : programs)
    out["programs"][p] = {{"inputs", tensors(inputsOf(spec, p))}, {"outputs", tensors(outputsOf(spec, p))}};
  return out;
}

static Result<void> check(const SpecOptions &options, bool canonical) {
  Result<AttentionSpec> spec = loadSpec(options);
  if (!spec) return tl::unexpected<Error>(spec.error());
  Result<std::vector<std::string>> programs = selectPrograms(*spec, options);
  if (!programs) return tl::unexpected<Error>(programs.error());
  if (canonical) {
    std::fputs(print(*spec).c_str(), stdout);
    return {};
  }
  if (options.json) {
    std::puts(describe(*spec, *programs).dump(2).c_str());
    return {};
  }
  std::printf("%s: right\n", options.file.c_str());
  for (const std::string &p : *programs) {
    std::string in, out;
    for (const std::string &n : inputsOf(*spec, p)) in += ' ' + n;
    for (const std::string &n : outputsOf(*spec, p)) out += ' ' + n;
    std::printf("  %-16s%s  ->%s\n", p.c_str(), in.c_str(), out.c_str());
  }
  return {};
}

void jvpgen::addCheck(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("check", "check a specification; errors name file, line, column, and a remedy");
  auto options = std::make_shared<SpecOptions>();
  auto canonical = std::make_shared<bool>(false);
  addSpecOptions(*command, *options);
  command->add_flag("--canonical", *canonical, "print the specification with every default filled in");
  command->callback([=, &action] { action = [=] { return check(*options, *canonical); }; });
}
