#include "tuner/Tuner.h"

#include "runtime/abi/BundleFiles.h"
#include "tuner/ScratchFolder.h"
#include "tuner/Workload.h"
#include <algorithm>
#include <csignal>
#include <thread>

using namespace jvpgen;
using namespace jvpgen::tuner;

namespace {
/// One GPU: its process, what is searched for on it, and until when.
struct Lane {
  DeviceReport device;
  std::unique_ptr<Servant> worker;
  std::unique_ptr<ProgramSearch> search;
  Clock::time_point end;
  std::optional<Problem> shape; ///< of the last search: what it left of its time goes to the next one's
};

class Tuning {
public:
  Tuning(const TunerRequest &request, Database &database, Observer &observer, const ScratchFolder &scratch)
      : request(request), database(database), observer(observer), scratch(scratch),
        shelf(request.worker, scratch.path, builders(request), request.build_patience) {}

  Result<TuningReport> run();

private:
  static unsigned builders(const TunerRequest &request) {
    return request.builders ? request.builders : std::max(2u, std::thread::hardware_concurrency()) - 1;
  }
  Result<void> openLanes();
  Result<const KernelBundle *> bundleFor(const DeviceReport &device);
  std::string folderFor(const DeviceReport &device) const;
  Result<void> begin(Lane &lane, const Job &job);
  Result<void> advance(Lane &lane);
  void end(Lane &lane);
  Result<void> buildAhead();
  void quietWhereWanted();
  void wait() const;
  double share(const Lane &lane, const Job &job);
  double secondsLeft(const Lane &lane) const;

  const TunerRequest &request;
  Database &database;
  Observer &observer;
  const ScratchFolder &scratch;
  BuildShelf shelf;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::deque<Job> jobs;                        ///< that wait for a GPU
  std::map<std::string, KernelBundle> bundles; ///< by their folders
  TuningReport report;
};
} // namespace

/// Asks a fresh process of the request's for its device.
static Result<DeviceReport> describe(const TunerRequest &request, Servant &worker, int ordinal) {
  const auto patience = request.search.open_patience;
  if (Result<void> asked = worker.ask(orderMessage(Order::Describe, {{"ordinal", ordinal}}), patience); !asked)
    return tl::unexpected(asked.error());
  for (;;) {
    if (std::optional<Attempt<Json>> answer = worker.poll()) {
      Attempt<DeviceReport> report = readAs<DeviceReport>(*answer);
      if (report) return std::move(*report);
      return fail(ErrorKind::Environment, "GPU " + std::to_string(ordinal) + " was to be tuned on: " +
                                              report.error().reason + "; see what `jvpgen doctor` says of it");
    }
    pollfd ready = {worker.descriptor(), POLLIN, 0};
    poll(&ready, 1, 100);
  }
}

static std::unique_ptr<Servant> makeWorker(const TunerRequest &request, const ScratchFolder &scratch, int ordinal) {
  return std::make_unique<Servant>(request.worker, scratch.path / ("worker-" + std::to_string(ordinal) + ".log"));
}

Result<std::vector<DeviceReport>> tuner::describeDevices(const TunerRequest &request) {
  Result<ScratchFolder> scratch = ScratchFolder::create();
  if (!scratch) return tl::unexpected(scratch.error());
  std::vector<DeviceReport> out;
  std::vector<int> ordinals = request.devices.empty() ? std::vector{0} : request.devices;
  for (size_t k = 0; k < ordinals.size(); ++k) {
    const std::unique_ptr<Servant> worker = makeWorker(request, *scratch, ordinals[k]);
    Result<DeviceReport> device = describe(request, *worker, ordinals[k]);
    if (!device) return tl::unexpected(device.error());
    for (int other = 1; request.devices.empty() && k == 0 && other < device->devices; ++other)
      ordinals.push_back(other);
    out.push_back(std::move(*device));
  }
  return out;
}

Result<void> Tuning::openLanes() {
  std::vector<int> ordinals = request.devices.empty() ? std::vector{0} : request.devices;
  for (size_t k = 0; k < ordinals.size(); ++k) {
    auto lane = std::make_unique<Lane>();
    lane->worker = makeWorker(request, scratch, ordinals[k]);
    Result<DeviceReport> device = describe(request, *lane->worker, ordinals[k]);
    if (!device) return tl::unexpected(device.error());
    lane->device = std::move(*device);
    for (int other = 1; request.devices.empty() && k == 0 && other < lane->device.devices; ++other)
      ordinals.push_back(other);
    lanes.push_back(std::move(lane));
  }
  return {};
}

std::string Tuning::folderFor(const DeviceReport &device) const {
  const Target &target = device.target;
  return scratch.path / ("bundle-" + target.arch + "-" + std::to_string(target.shared_bytes_per_block) + "-" +
                         std::to_string(target.multiprocessors));
}

/// Emitted once for all GPUs of one kind.
Result<const KernelBundle *> Tuning::bundleFor(const DeviceReport &device) {
  const std::string folder = folderFor(device);
  if (const auto known = bundles.find(folder); known != bundles.end()) return &known->second;
  Result<KernelBundle> bundle = request.emit(device.target);
  if (!bundle) return tl::unexpected(bundle.error());
  if (Result<void> written = writeBundle(*bundle, folder); !written) return tl::unexpected(written.error());
  return &bundles.emplace(folder, std::move(*bundle)).first->second;
}

/// Of the shape's budget: part of it as the program's points are to those of all its programs, the rest in equal parts.
double Tuning::share(const Lane &lane, const Job &job) {
  constexpr double kByPoints = 0.6;
  const KernelBundle &bundle = bundles.at(folderFor(lane.device));
  double all = 0, own = 0, programs = 0;
  for (const Job &other : request.jobs) {
    if (!(other.problem == job.problem)) continue;
    Result<SearchSpace> space =
        SearchSpace::create(bundle, other.program, lane.device.target, completed(bundle, job.problem));
    const double points = space ? double(space->size()) : 0;
    all += points, programs += 1;
    if (other.program == job.program) own = points;
  }
  return request.budget_s * (kByPoints * own / std::max(all, 1.0) + (1 - kByPoints) / programs);
}

double Tuning::secondsLeft(const Lane &lane) const {
  return std::max(0.0, std::chrono::duration<double>(lane.end - Clock::now()).count());
}

Result<void> Tuning::begin(Lane &lane, const Job &job) {
  Result<const KernelBundle *> bundle = bundleFor(lane.device);
  if (!bundle) return tl::unexpected(bundle.error());
  Subject subject{*bundle, folderFor(lane.device), job.program, job.problem, lane.device, report.run, std::nullopt};
  if (request.start) subject.start = request.start(**bundle, job.program);
  TrialWriter writer(**bundle, job.program, job.problem, lane.device, report.run);
  std::vector<Trial> known;
  if (request.search.resumes) {
    Result<std::vector<Trial>> trials = database.trials(writer.filter());
    if (!trials) return tl::unexpected(trials.error());
    known = std::move(*trials);
  }
  const Winner winner = database.best(writer.question());
  std::optional<Candidate> incumbent;
  if (winner.match == Match::Exact && !winner.is_default)
    incumbent = writer.candidateOf(winner.variant, winner.kernels);

  const auto seconds = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(share(lane, job)));
  const bool isFirst = report.programs.empty() && !lane.shape;
  const Clock::time_point from = lane.shape == job.problem ? lane.end : isFirst ? request.began : Clock::now();
  lane.end = std::max(from + seconds, Clock::now() + std::chrono::milliseconds(500));
  lane.shape = job.problem;
  observer.began(subject);
  Result<std::unique_ptr<ProgramSearch>> search =
      ProgramSearch::create(std::move(subject), request.search, known, incumbent, [this, &lane](const Trial &trial) {
        observer.tried(lane.search->subject, trial);
        return database.record(trial);
      });
  if (!search) return tl::unexpected(search.error());
  lane.search = std::move(*search);
  return {};
}

void Tuning::end(Lane &lane) {
  report.programs.push_back(
      {lane.search->subject.program, lane.search->subject.problem, lane.device, lane.search->result()});
  observer.ended(report.programs.back());
  lane.search.reset();
}

Result<void> Tuning::advance(Lane &lane) {
  if (!lane.search) return {};
  // The final and its repetition, tensors' copies, and what was begun last.
  const auto reserve = std::chrono::milliseconds(int64_t(1000 + 2500 * request.search.final_seconds));
  if (Result<void> stepped = lane.search->step(*lane.worker, shelf, lane.end - reserve); !stepped) return stepped;
  observer.stands(lane.search->subject, lane.search->progress(), secondsLeft(lane));
  if (lane.search->isDone()) end(lane);
  return {};
}

/// The defaults' kernels of all programs, before the first one's candidates.
Result<void> Tuning::buildAhead() {
  for (const auto &lane : lanes) {
    Result<const KernelBundle *> bundle = bundleFor(lane->device);
    if (!bundle) return tl::unexpected(bundle.error());
    for (const Job &job : request.jobs) {
      Subject subject{*bundle,     folderFor(lane->device), job.program, job.problem, lane->device, report.run,
                      std::nullopt};
      Result<std::unique_ptr<ProgramSearch>> search =
          ProgramSearch::create(std::move(subject), request.search, {}, std::nullopt, nullptr);
      if (!search) return tl::unexpected(search.error());
      for (const BuildOrder &order : (*search)->firstOrders()) shelf.want(order, false);
    }
  }
  return {};
}

void Tuning::quietWhereWanted() {
  const bool wanted = std::any_of(lanes.begin(), lanes.end(),
                                  [](const auto &lane) { return lane->search && lane->search->wantsQuiet(); });
  if (wanted && !shelf.isPaused()) shelf.pause();
  if (!wanted && shelf.isPaused()) shelf.resume();
}

void Tuning::wait() const {
  std::vector<pollfd> ready;
  for (const auto &lane : lanes)
    if (lane->worker->descriptor() >= 0) ready.push_back({lane->worker->descriptor(), POLLIN, 0});
  shelf.addDescriptors(ready);
  poll(ready.data(), ready.size(), 20); // deadlines and interruptions are looked at that often
}

Result<TuningReport> Tuning::run() {
  report.run = makeRunName();
  jobs.assign(request.jobs.begin(), request.jobs.end());
  if (Result<void> opened = openLanes(); !opened) return tl::unexpected(opened.error());
  if (Result<void> wanted = buildAhead(); !wanted) return tl::unexpected(wanted.error());
  const auto isInterrupted = [&] { return request.isInterrupted && request.isInterrupted(); };
  for (bool isBusy = true; isBusy && !isInterrupted();) {
    isBusy = false;
    for (const auto &lane : lanes) {
      if (!lane->search && !jobs.empty()) {
        const Job job = jobs.front();
        jobs.pop_front();
        if (Result<void> begun = begin(*lane, job); !begun) return tl::unexpected(begun.error());
      }
      if (Result<void> done = advance(*lane); !done) return tl::unexpected(done.error());
      isBusy |= lane->search || !jobs.empty();
    }
    quietWhereWanted();
    if (Result<void> pumped = shelf.pump(); !pumped) return tl::unexpected(pumped.error());
    if (isBusy) wait();
  }
  report.is_interrupted = isInterrupted();
  for (const auto &lane : lanes)
    if (lane->search) end(*lane);
  report.seconds = std::chrono::duration<double>(Clock::now() - request.began).count();
  return std::move(report);
}

Result<TuningReport> tuner::tune(const TunerRequest &request, Database &database, Observer &observer) {
  std::signal(SIGPIPE, SIG_IGN); // a process that ended is found out by what it does not answer
  Result<ScratchFolder> scratch = ScratchFolder::create();
  if (!scratch) return tl::unexpected(scratch.error());
  return Tuning(request, database, observer, *scratch).run();
}
