// jvpgen tune: the fastest verified schedule of each program, by measuring on the GPU.
#include "tools/jvpgen/Command.h"
#include "tools/jvpgen/ShapeList.h"
#include "tools/jvpgen/Shapes.h"
#include "tools/jvpgen/TuneProgress.h"
#include "tools/jvpgen/TuneRecords.h"
#include "tools/jvpgen/TuneSource.h"
#include "tools/jvpgen/UserDatabase.h"

#include "compiler/driver/PlannedSpec.h"
#include "support/AtomicFile.h"
#include "tuner/CudaMeasuring.h"
#include "tuner/DeviceReference.h"
#include "tuner/HtmlReport.h"
#include "tuner/NvrtcBuilder.h"
#include "tuner/Planted.h"
#include "tuner/Workload.h"
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <unistd.h>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct TuneOptions : SpecOptions {
  std::string shapes = "1x8x2048x2048", budget = "60s", devices = "0", report, start_from;
  std::string strategy = "local";
  std::vector<std::string> worker, planted;
  double margin = 0.01, final_seconds = 0.7, deadline = 5;
  unsigned builders = 0, finalists = 4;
  uint64_t seed = 1;
  bool resume = false, dry_run = false, portable = false;
};
} // namespace

/// Set by Ctrl-C and by what a batch system sends before it kills; a second one ends the program at once.
static volatile std::sig_atomic_t interruption = 0;

static void interrupt(int signal) {
  interruption = signal;
  std::signal(signal, SIG_DFL);
}

/// "60s", "90", "10m", "2h" in seconds.
static Result<double> parseBudget(const std::string &text) {
  char *end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (end != text.c_str() && scale > 0 && number > 0 && number < 1e6) return number * scale;
  return fail(ErrorKind::Invalid, "--budget has '" + text + "'; give a time for each shape, as in 60s, 10m or 1h");
}

/// "0,1", or "all", which is none.
static Result<std::vector<int>> parseDevices(const std::string &text) {
  std::vector<int> out;
  std::stringstream list(text == "all" ? "" : text);
  for (std::string item; std::getline(list, item, ',');) {
    char *end = nullptr;
    const long number = std::strtol(item.c_str(), &end, 10);
    if (item.empty() || *end || number < 0 || number > 1023 || std::find(out.begin(), out.end(), number) != out.end())
      return fail(ErrorKind::Invalid, "--device has '" + text + "'; give GPUs by their numbers, as in 0,1, or all");
    out.push_back(int(number));
  }
  if (out.empty() && text != "all")
    return fail(ErrorKind::Invalid, "--device is empty; give GPUs by their numbers, as in 0,1, or all");
  return out;
}

static std::vector<std::string> workerWords(const TuneOptions &options) {
  if (!options.worker.empty()) return options.worker;
  return {"/proc/self/exe", "tune-worker"};
}

/// Which candidates there are, cheapest first by the model.
static Result<void> printPlan(const TuneOptions &options, const tuner::TunerRequest &request) {
  Result<std::vector<tuner::DeviceReport>> devices = tuner::describeDevices(request);
  if (!devices) return tl::unexpected<Error>(devices.error());
  ordered_json all = ordered_json::array();
  for (const tuner::DeviceReport &device : *devices) {
    Result<KernelBundle> bundle = request.emit(device.target);
    if (!bundle) return tl::unexpected<Error>(bundle.error());
    for (const tuner::Job &job : request.jobs) {
      const Problem problem = tuner::completed(*bundle, job.problem);
      Result<tuner::SearchSpace> space = tuner::SearchSpace::create(*bundle, job.program, device.target, problem);
      if (!space) return tl::unexpected<Error>(space.error());
      tuner::Record nothing;
      Result<std::unique_ptr<tuner::Strategy>> order =
          tuner::makeStrategy("exhaustive", *space, nothing, space->standard(), options.seed);
      if (!order) return tl::unexpected<Error>(order.error());
      if (!options.json)
        std::printf("%s %s on %s: %zu candidates\n", job.program.c_str(), shapeName(problem).c_str(),
                    device.device.name.c_str(), space->size());
      while (std::optional<tuner::Candidate> candidate = (*order)->next()) {
        Result<KernelVariant> variant = variantOf(*bundle, job.program, *candidate);
        if (!variant) return tl::unexpected<Error>(variant.error());
        const std::string name = tuner::candidateName(*variant);
        if (!options.json) std::printf("  %10.0f clocks  %s\n", space->clocks(*candidate), name.c_str());
        all.push_back({{"program", job.program},
                       {"shape", shapeName(problem)},
                       {"gpu", device.ordinal},
                       {"candidate", name},
                       {"model_clocks", space->clocks(*candidate)}});
      }
    }
  }
  if (options.json) std::puts(all.dump(2).c_str());
  return {};
}

static Result<void> fillRequest(const TuneOptions &options, const TuneSource &source, tuner::TunerRequest &request) {
  const Request &loaded = source.request;
  request.emit = [&](Target target) -> Result<KernelBundle> {
    if (options.portable) target.arch.resize(target.arch.find_last_of("0123456789") + 1); // sm_90 runs on sm_90a
    Result<KernelBundle> bundle = source.emit(target);
    if (!bundle || options.planted.empty()) return bundle;
    if (Result<void> planted = tuner::plant(*bundle, options.planted); !planted)
      return tl::unexpected<Error>(planted.error());
    return bundle;
  };
  KernelBundle none;
  if (Result<void> known = tuner::plant(none, options.planted); !known) return known;
  Result<ShapeList> shapes =
      readShapeList(loaded.spec, loaded.programs, specificationDigest(loaded.spec), options.shapes);
  if (!shapes) return tl::unexpected<Error>(shapes.error());
  if (shapes->left_out)
    std::fprintf(stderr, "%zu rows of '%s' are for other specifications or programs, and left out\n", shapes->left_out,
                 options.shapes.c_str());
  request.jobs = std::move(shapes->jobs);
  Result<std::vector<int>> devices = parseDevices(options.devices);
  if (!devices) return tl::unexpected<Error>(devices.error());
  request.devices = std::move(*devices);
  Result<double> budget = parseBudget(options.budget);
  if (!budget) return tl::unexpected<Error>(budget.error());
  request.budget_s = *budget;
  request.worker = workerWords(options);
  request.builders = options.builders;
  request.isInterrupted = [] { return interruption != 0; };
  tuner::SearchOptions &search = request.search;
  search.strategy = options.strategy;
  search.seed = options.seed;
  search.margin = options.margin;
  search.finalists = options.finalists;
  search.final_seconds = options.final_seconds;
  search.resumes = options.resume;
  search.trial_patience = std::chrono::milliseconds(int64_t(1000 * options.deadline));
  return {};
}

/// --start-from: the slowest candidates of an earlier run.
static Result<void> readStart(const std::string &file, tuner::TunerRequest &request) {
  Result<std::string> text = readFile(file);
  if (!text) return tl::unexpected<Error>(text.error());
  const tuner::Json record = tuner::Json::parse(*text, nullptr, false);
  if (!record.is_object() || !record.contains("programs"))
    return fail(ErrorKind::Invalid, "--start-from names '" + file + "', which `jvpgen tune --json` has not printed");
  request.start = [record](const KernelBundle &bundle, const std::string &program) {
    return slowestOf(record, bundle, program);
  };
  return {};
}

static Result<void> tellResults(const TuneOptions &options, const tuner::TuningReport &report) {
  if (options.json)
    std::puts(toJson(report).dump(2).c_str());
  else
    for (const tuner::TunedProgram &program : report.programs) std::puts(endingText(program).c_str());
  if (options.report.empty()) return {};
  return writeFile(options.report, tuner::htmlReport(report));
}

static Result<void> tune(const TuneOptions &options) {
  tuner::TunerRequest request;
  Result<TuneSource> source = openTuneSource(options);
  if (!source) return tl::unexpected<Error>(source.error());
  if (Result<void> filled = fillRequest(options, *source, request); !filled) return filled;
  if (!options.start_from.empty())
    if (Result<void> read = readStart(options.start_from, request); !read) return read;
  if (options.dry_run) return printPlan(options, request);

  Database database = openUserDatabase();
  if (Result<void> ready = database.prepareOwn(); !ready) return ready;
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, interrupt);
  TuneProgress progress(isatty(STDERR_FILENO));
  Result<tuner::TuningReport> report = tuner::tune(request, database, progress);
  if (!report) return tl::unexpected<Error>(report.error());
  if (Result<void> told = tellResults(options, *report); !told) return told;
  if (interruption) { // everything is saved: end as the signal wants it, for the shell's sake
    std::fputs("interrupted; what was measured is saved, --resume goes on from there\n", stderr);
    std::fflush(stdout);
    std::signal(interruption, SIG_DFL);
    std::raise(interruption);
  }
  size_t failures = 0;
  for (const tuner::TunedProgram &program : report->programs)
    failures += program.result.ending == tuner::Ending::Failed;
  if (failures == 0) return {};
  return fail(ErrorKind::CheckFailed, std::to_string(failures) + " of " + std::to_string(report->programs.size()) +
                                          " programs could not be tuned; the lines above say why");
}

static Result<void> serveTuner() {
  unsetenv("JVPGEN_CAPTURE"); // these launches are not an application's
  tuner::CudaMeasuring device(tuner::openDeviceReference);
  tuner::NvrtcBuilder builder;
  if (tuner::serve(device, builder) == 0) return {};
  return fail(ErrorKind::Environment, "a candidate broke this process; the tuner starts another");
}

static void addTuning(CLI::App &command, TuneOptions &options) {
  command
      .add_option("--shapes", options.shapes,
                  "batch x heads x queries x keys, comma separated, or a .toml or .csv file with a list")
      ->capture_default_str();
  command.add_option("--budget", options.budget, "time for each shape, all its programs: 60s, 10m, 1h")
      ->capture_default_str();
  command.add_option("--device", options.devices, "GPUs by number, as in 0,1, or all")->capture_default_str();
  command.add_option("--strategy", options.strategy, "local: from the default on; exhaustive; random")
      ->check(CLI::IsMember({"local", "exhaustive", "random"}))
      ->capture_default_str();
  command.add_flag("--resume", options.resume, "do not measure again what the database has of this GPU and shape");
  command.add_flag("--dry-run", options.dry_run, "list the candidates in the model's order, and measure nothing");
  command.add_option("--report", options.report, "write a page with plots: one HTML file");
  command.add_option("--margin", options.margin, "by which a schedule has to be faster than what it replaces")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  command.add_option("--finalists", options.finalists, "candidates in the final")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  command.add_option("--final-seconds", options.final_seconds, "that a final takes")
      ->check(CLI::Range(0.05, 60.0))
      ->capture_default_str();
  command
      .add_option("--deadline", options.deadline, "seconds after which a candidate counts as hanging, beside its calls")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  command.add_option("--builders", options.builders, "processes that compile; 0: one fewer than processors")
      ->capture_default_str();
  command.add_option("--seed", options.seed, "of the random order and of the inputs")->capture_default_str();
  command.add_flag("--portable", options.portable, "the portable skeleton even where the GPU has one of its own");
}

void jvpgen::addTune(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("tune", "find the fastest verified schedules by measuring; needs a GPU");
  auto options = std::make_shared<TuneOptions>();
  addSpecOptions(*command, *options);
  command->get_option("spec")->description("specification of attention (TOML), or the folder of a bundle");
  addTuning(*command, *options);
  command->add_option("--start-from", options->start_from,
                      "for tests of the search: begin at the slowest candidates of a run, as its --json has them");
  command
      ->add_option("--plant", options->planted,
                   "for tests of the tuner: add candidates that misbehave: fault, loop, wrong")
      ->delimiter(',');
  command->add_option("--worker", options->worker,
                      "for tests of the tuner: the program, and its arguments, to measure by");
  command->callback([=, &action] { action = [=] { return tune(*options); }; });

  CLI::App *worker = app.add_subcommand("tune-worker", "the process of a tuner that owns a GPU or compiles")->group("");
  worker->callback([&action] { action = serveTuner; });
}
