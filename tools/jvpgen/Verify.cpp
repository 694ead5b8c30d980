// jvpgen verify: every output of every program against the float64 reference.
#include "tools/jvpgen/Backend.h"
#include "tools/jvpgen/Command.h"
#include "tools/jvpgen/Shapes.h"
#include "tools/jvpgen/VerifyRecord.h"

#include <cstdio>
#include <memory>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct VerifyCommand : SpecOptions {
  BackendOptions backend;
  std::string shapes = "2x4x65x100,1x4x128x63";
  uint64_t seed = 1;
  RandomOptions inputs;
};
} // namespace

static ordered_json toJson(const reference::Record &r, const Problem &problem, const Backend &backend) {
  const CodeNames code = backend.code(r.program, problem);
  ordered_json out = verifyRecord(r);
  out.update({{"skeleton", code.skeleton},
              {"schedule", code.schedule},
              {"fallback_reason", orNull(code.fallback_reason)},
              {"device", backend.device()},
              {"shape", shapeName(problem)}});
  return out;
}

static void printRecord(const reference::Record &r, const Problem &problem) {
  std::printf("%-6s %-14s %-16s %-6s error %.2e (limit %.2e)  worst row %.2e (limit %.2e) %s\n",
              r.passed    ? "ok"
              : r.refused ? "none"
                          : "FAILED",
              shapeName(problem).c_str(), r.program.c_str(), r.output.c_str(), r.relative_error, r.limit,
              r.worst_row_error, r.row_limit, r.complaint.c_str());
}

static Result<void> verify(const VerifyCommand &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  const auto &[spec, programs] = *request;
  if (Result<void> ok = checkKeptTiles(spec, options.inputs.kept_tiles); !ok) return ok;
  Result<std::vector<Problem>> shapes = parseShapes(spec, options.shapes);
  if (!shapes) return tl::unexpected<Error>(shapes.error());
  Result<std::unique_ptr<Backend>> backend = openBackend(spec, withEarlier(spec, programs), options.backend);
  if (!backend) return tl::unexpected<Error>(backend.error());
  ordered_json all = ordered_json::array();
  size_t failed = 0, refused = 0, total = 0;
  for (const Problem &shape : *shapes) {
    reference::VerifyOptions how{.seed = options.seed, .inputs = options.inputs, .programs = programs};
    Result<reference::Judge> judge = reference::Judge::prepare(spec, shape, how);
    if (!judge) return tl::unexpected<Error>(judge.error());
    Result<std::vector<reference::Record>> records =
        judge->judge([&](std::string_view program, const Problem &problem, TensorSet &in, TensorSet &out) {
          return (*backend)->run(std::string(program), problem, in, out);
        });
    if (!records) return tl::unexpected<Error>(records.error());
    for (const reference::Record &r : *records) {
      total += 1, refused += r.refused, failed += !r.passed && !r.refused;
      if (options.json)
        all.push_back(toJson(r, shape, **backend));
      else
        printRecord(r, shape);
    }
  }
  if (options.json)
    std::puts(all.dump(2).c_str());
  else
    std::printf("%s on %s: %zu of %zu outputs passed\n", spec.name.c_str(), (*backend)->device().c_str(),
                total - failed - refused, total);
  if (failed)
    return fail(ErrorKind::CheckFailed, std::to_string(failed) + " of " + std::to_string(total) + " outputs are wrong");
  if (refused)
    return fail(ErrorKind::Unsupported, std::to_string(refused) + " of " + std::to_string(total) +
                                            " outputs belong to programs that " + (*backend)->device() +
                                            " does not run yet; the records say why");
  return {};
}

void jvpgen::addVerify(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("verify", "judge every output by a float64 reference; fails if one is wrong");
  auto options = std::make_shared<VerifyCommand>();
  addSpecOptions(*command, *options);
  addBackendOptions(*command, options->backend);
  command->add_option("--shapes", options->shapes, "batch x heads x queries x keys, comma separated")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of the random inputs")->capture_default_str();
  command->add_option("--q-scale", options->inputs.q_scale, "standard deviation of q")->capture_default_str();
  command->add_flag("--geometric-head-vectors", options->inputs.geometric_head_vectors,
                    "vectors of heads are 2^(-8 (h + 1) / heads), as ALiBi's slopes");
  command->add_option("--tangent-scale", options->inputs.tangent_scale, "standard deviation of tangents")
      ->capture_default_str();
  addKeptTiles(*command, options->inputs.kept_tiles);
  command->callback([=, &action] { action = [=] { return verify(*options); }; });
}
