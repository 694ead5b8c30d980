// jvpgen db: the tunings that are remembered.
#include "tools/jvpgen/Db.h"

#include "compiler/emit/Emit.h"
#include "db/Buckets.h"
#include "db/BundleTrials.h"
#include "db/TrialFields.h"
#include <ctime>

using namespace jvpgen;
namespace fs = std::filesystem;

void jvpgen::addDbOptions(CLI::App &command, DbOptions &options) {
  command.add_option("--database", options.database, "a database file, in place of your own and the shipped ones");
  command.add_flag("--json", options.json, "print JSON");
}

void jvpgen::addFilterOptions(CLI::App &command, FilterOptions &options) {
  addDbOptions(command, options);
  command.add_option("--id", options.id, "first digits of a trial's id");
  command.add_option("--spec", options.spec, "trials of this specification (TOML), whatever its name");
  command.add_option("--program", options.program, "forward, tangent_forward, backward, tangent_backward");
  command.add_option("--shape", options.shape, "batch x heads x queries x keys, as in 2x4x1000x63");
  command.add_option("--gpu", options.gpu, "as the driver names it, as in 'NVIDIA H200'");
  command.add_option("--arch", options.arch, "as in sm_90a");
  command.add_option("--run", options.run, "of the tuner, 32 digits");
  command.add_option("--outcome", options.outcome, "measured, wrong, timed_out, ...");
  command.add_option("--before", options.before, "a day, as in 2026-01-31; trials that ended before it");
}

/// Midnight of a day in UTC.
static Result<int64_t> unixMs(const std::string &day) {
  std::tm parts = {};
  const char *end = strptime(day.c_str(), "%Y-%m-%d", &parts);
  if (!end || *end)
    return fail(ErrorKind::Invalid, "--before has '" + day + "', which is no day; give one as in 2026-01-31");
  return int64_t(timegm(&parts)) * 1000;
}

/// The part of the filter that the database itself applies.
static Result<TrialFilter> filterOf(const FilterOptions &options) {
  TrialFilter out;
  out.id = options.id;
  out.program = options.program;
  out.device = options.gpu;
  out.arch = options.arch;
  out.run = options.run;
  if (!options.spec.empty()) {
    SpecOptions spec;
    spec.file = options.spec;
    Result<Request> request = loadRequest(spec);
    if (!request) return tl::unexpected(request.error());
    out.specification = specificationDigest(request->spec);
  }
  if (options.outcome.empty()) return out;
  out.outcome = named<Outcome>(options.outcome);
  if (out.outcome) return out;
  std::string known;
  for (int k = 0; name(Outcome(k)); ++k) known += (k ? ", " : "") + std::string(name(Outcome(k)));
  return fail(ErrorKind::Invalid, "--outcome has '" + options.outcome + "', which is none; choose from " + known);
}

Result<std::vector<Trial>> jvpgen::selectTrials(const FilterOptions &options) {
  Result<TrialFilter> filter = filterOf(options);
  if (!filter) return tl::unexpected(filter.error());
  Result<int64_t> before = options.before.empty() ? INT64_MAX : unixMs(options.before);
  if (!before) return tl::unexpected(before.error());
  std::error_code ignored;
  if (!options.database.empty() && !fs::exists(options.database, ignored))
    return fail(ErrorKind::Invalid, "--database names '" + options.database + "', which does not exist; see the path");
  Result<std::vector<Trial>> trials = openUserDatabase(options.database).trials(*filter);
  if (trials)
    std::erase_if(*trials, [&](const Trial &trial) {
      return trial.measured_at_unix_ms >= *before ||
             (!options.shape.empty() && options.shape != shapeText(trial.problem.shape));
    });
  return trials;
}

std::string jvpgen::currentTemplates() {
  KernelBundle bundle;
  bundle.files = templateFiles();
  return templateDigest(bundle);
}

std::string jvpgen::candidateText(const std::string &variant, const std::vector<TrialKernel> &kernels) {
  std::string out = variant;
  for (const TrialKernel &kernel : kernels) out += ", " + kernel.kernel + ": " + scheduleName(kernel.schedule);
  return out;
}

void jvpgen::addDb(CLI::App &app, Action &action) {
  CLI::App *db = app.add_subcommand("db", "what the tuner has measured: list, exchange, clean up, verify");
  db->require_subcommand(1);
  for (auto *add : {addDbShow, addDbBest, addDbExchange, addDbUpkeep}) add(*db, action);
}
