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

static Result<void> check(const SpecOptions &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  const auto &[spec, programs] = *request;
  if (options.json) {
    std::puts(describe(spec, programs).dump(2).c_str());
    return {};
  }
  std::printf("%s: right\n", options.file.c_str());
  for (const std::string &p : programs) {
    std::string in, out;
    for (const std::string &n : inputsOf(spec, p)) in += ' ' + n;
    for (const std::string &n : outputsOf(spec, p)) out += ' ' + n;
    std::printf("  %-16s%s  ->%s\n", p.c_str(), in.c_str(), out.c_str());
  }
  return {};
}

void jvpgen::addCheck(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("check", "check a specification; errors name file, line, column, and a remedy");
  auto options = std::make_shared<SpecOptions>();
  addSpecOptions(*command, *options);
  command->callback([=, &action] { action = [=] { return check(*options); }; });
}
