// jvpgen db prune, verify: what is of no use any more goes, what is wrong is found.
#include "tools/jvpgen/Db.h"

#include "db/BundleTrials.h"
#include "db/Verify.h"
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

using namespace jvpgen;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {
struct PruneOptions : FilterOptions {
  bool stale = false, dry_run = false;
};

struct VerifyDbOptions : DbOptions {
  std::vector<std::string> specs;
  bool current = false;
};
} // namespace

// ---- prune
// --------------------------------------------------------------------------------------------------------------

static Result<void> prune(const PruneOptions &options) {
  const bool any = options.stale || !options.id.empty() || !options.spec.empty() || !options.program.empty() ||
                   !options.shape.empty() || !options.gpu.empty() || !options.arch.empty() || !options.run.empty() ||
                   !options.outcome.empty() || !options.before.empty();
  if (!any)
    return fail(ErrorKind::Invalid,
                "prune was asked for without saying of what; choose with --stale, --before, --outcome, "
                "--run, ...; see `jvpgen db prune --help`");
  Result<std::vector<Trial>> trials = selectTrials(options);
  if (!trials) return tl::unexpected(trials.error());
  if (options.stale)
    std::erase_if(*trials, [now = currentTemplates()](const Trial &t) { return t.template_digest == now; });
  std::vector<std::string> ids;
  for (const Trial &trial : *trials) ids.push_back(contentId(trial));
  Result<int64_t> removed = int64_t(0);
  if (!options.dry_run && !ids.empty()) removed = openUserDatabase(options.database).remove(ids);
  if (!removed) return tl::unexpected(removed.error());
  if (options.json)
    std::puts(ordered_json{{"chosen", ids.size()}, {"removed", *removed}}.dump(2).c_str());
  else
    std::printf("%zu trials chosen, %lld removed\n", ids.size(), static_cast<long long>(*removed));
  return {};
}

static void addPrune(CLI::App &db, Action &action) {
  CLI::App *command = db.add_subcommand("prune", "remove trials from your own database; the shipped ones stay");
  auto options = std::make_shared<PruneOptions>();
  addFilterOptions(*command, *options);
  command->add_flag("--stale", options->stale, "those of other templates than this jvpgen's, which answer no look-up");
  command->add_flag("--dry-run", options->dry_run, "only say how many");
  command->callback([=, &action] { action = [=] { return prune(*options); }; });
}

// ---- verify
// -------------------------------------------------------------------------------------------------------------

/// Bundles by arch, so that each is emitted once.
static Result<std::map<std::string, KernelBundle>> bundlesFor(const std::string &file,
                                                              const std::vector<Trial> &trials) {
  SpecOptions options;
  options.file = file;
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected(request.error());
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, request->programs);
  if (!planned) return tl::unexpected(planned.error());
  std::map<std::string, KernelBundle> out;
  for (const Trial &trial : trials) {
    if (out.contains(trial.device.arch)) continue;
    Result<KernelBundle> bundle = planned->emit({.arch = trial.device.arch});
    if (!bundle) return tl::unexpected(bundle.error());
    out[trial.device.arch] = std::move(*bundle);
  }
  return out;
}

/// Trials of the specification whose schedules its kernels could not run with, or which were compared with another
/// default than it has now, where that is asked.
static Result<void> verifyBySpec(const std::string &spec, bool asksDefault, const std::vector<Trial> &trials,
                                 std::vector<std::string> &faults) {
  Result<std::map<std::string, KernelBundle>> bundles = bundlesFor(spec, trials);
  if (!bundles) return tl::unexpected(bundles.error());
  for (const Trial &trial : trials) {
    const KernelBundle &bundle = bundles->at(trial.device.arch);
    if (trial.problem.specification != bundle.digest || trial.outcome != Outcome::Measured) continue;
    const Target target{.arch = trial.device.arch,
                        .shared_bytes_per_block = int(trial.device.shared_bytes_per_block),
                        .multiprocessors = int(trial.device.multiprocessors)};
    if (Result<KernelVariant> fits = applied(bundle, trial.problem.program, trial.variant, trial.kernels, target);
        !fits)
      faults.push_back("trial " + contentId(trial) + ": " + fits.error().message);
    if (asksDefault && trial.default_digest != defaultDigest(bundle, trial.problem.program))
      faults.push_back("trial " + contentId(trial) + ": " + trial.problem.program +
                       " has another default now than the one that was compared with; tune again");
  }
  return {};
}

static Result<FileReport> verifyOne(const fs::path &file, const VerifyDbOptions &options) {
  Result<FileReport> report = verifyFile(file);
  if (!report) return report;
  for (const std::string &spec : options.specs)
    if (Result<void> done = verifyBySpec(spec, options.current, report->trials, report->faults); !done)
      return tl::unexpected(done.error());
  const std::string now = currentTemplates();
  const auto stale = std::count_if(report->trials.begin(), report->trials.end(),
                                   [&](const Trial &trial) { return trial.template_digest != now; });
  if (options.current && stale)
    report->faults.push_back(std::to_string(stale) + " trials are of other templates than this jvpgen's; tune again");
  return report;
}

static Result<void> verify(const VerifyDbOptions &options) {
  const DatabaseLayers layers = userLayers(options.database);
  std::vector<fs::path> files = {layers.own};
  files.insert(files.end(), layers.shipped.begin(), layers.shipped.end());
  std::error_code ignored;
  if (options.database.empty()) std::erase_if(files, [&](const fs::path &file) { return !fs::exists(file, ignored); });
  ordered_json records = ordered_json::array();
  size_t count = 0;
  for (const fs::path &file : files) {
    Result<FileReport> report = verifyOne(file, options);
    if (!report) return tl::unexpected(report.error());
    count += report->faults.size();
    records.push_back({{"file", file.string()}, {"trials", report->trials.size()}, {"faults", report->faults}});
    if (options.json) continue;
    std::printf("%s: %zu trials, %s\n", file.c_str(), report->trials.size(),
                report->faults.empty() ? "sound" : "FAULTY");
    for (const std::string &fault : report->faults) std::printf("  %s\n", fault.c_str());
  }
  if (options.json) std::puts(records.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
  if (!count) return {};
  return fail(ErrorKind::CheckFailed, "tunings were verified, and " + std::to_string(count) +
                                          " things are wrong with them; prune those trials, or begin a new file");
}

static void addVerifyDb(CLI::App &db, Action &action) {
  CLI::App *command = db.add_subcommand("verify", "check pages, references, ranges and content ids of every layer");
  auto options = std::make_shared<VerifyDbOptions>();
  addDbOptions(*command, *options);
  command->add_option("--spec", options->specs, "also whether schedules of this specification are legal");
  command->add_flag("--current", options->current,
                    "also whether all trials are of this jvpgen's templates, and, where a specification is named, "
                    "were compared with its default");
  command->callback([=, &action] { action = [=] { return verify(*options); }; });
}

void jvpgen::addDbUpkeep(CLI::App &db, Action &action) {
  addPrune(db, action);
  addVerifyDb(db, action);
}
