// The database's answer as a choice.
#include "runtime/launch/TunedSchedules.h"

#include "db/Lookup.h"
#include "db/Places.h"
#include "runtime/jit/Environment.h"

#include <cstdio>

using namespace jvpgen;

std::shared_ptr<SharedDatabase> SharedDatabase::ofProcess(const std::vector<std::filesystem::path> &code_folders) {
  const Environment environment = Environment::ofProcess();
  DatabasePlaces places{environment.database, environment.tunings, environment.data_home, environment.home,
                        code_folders};
  if (!environment.program_folder.empty()) places.code_folders.push_back(environment.program_folder);
  auto warn = [](const std::string &words) { std::fprintf(stderr, "warning: %s\n", words.c_str()); };
  return std::make_shared<SharedDatabase>(databaseLayers(places), warn);
}

static ScheduleMatch matchOf(Match match) {
  switch (match) {
  case Match::Exact: return ScheduleMatch::Exact;
  case Match::Neighbour: return ScheduleMatch::Neighbour;
  case Match::SameArch: return ScheduleMatch::Architecture;
  case Match::Default: break;
  }
  return ScheduleMatch::Default;
}

ScheduleSource jvpgen::tunedSchedules(std::shared_ptr<SharedDatabase> database, std::string origin) {
  return [database, origin](const KernelBundle &bundle, const std::string &program, const std::string &variant,
                            const Problem &problem, const DeviceFacts &facts) -> Result<ScheduleChoice> {
    if (!variant.empty()) return bundledSchedules()(bundle, program, variant, problem, facts);
    TrialDevice device;
    device.name = facts.name;
    device.arch = facts.target.arch;
    device.multiprocessors = facts.target.multiprocessors;
    Result<TunedVariant> tuned = database->ask(
        [&](Database &asked) { return tunedVariant(asked, bundle, program, problem, device, facts.target, origin); });
    if (!tuned) return tl::unexpected(tuned.error());
    const std::string warning = tuned->match == Match::Default ? tuned->notice : "";
    return ScheduleChoice{std::move(tuned->variant), matchOf(tuned->match), warning, nullptr};
  };
}
