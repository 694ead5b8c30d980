// Schedules from the tuning databases of the user who runs the process; the bundle's own where nothing is known.
#ifndef JVPGEN_RUNTIME_LAUNCH_TUNEDSCHEDULES_H
#define JVPGEN_RUNTIME_LAUNCH_TUNEDSCHEDULES_H

#include "db/Database.h"
#include "runtime/launch/ScheduleSource.h"
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace jvpgen {

/// A database that many threads ask; opened when it is first asked.
class SharedDatabase {
public:
  SharedDatabase(DatabaseLayers layers, Database::Warn warn) : database(std::move(layers), std::move(warn)) {}

  /// Where the environment says, and beside the code in these folders; warnings go to standard error.
  static std::shared_ptr<SharedDatabase> ofProcess(const std::vector<std::filesystem::path> &code_folders);

  template <typename Ask> auto ask(Ask &&question) {
    std::lock_guard<std::mutex> lock(mutex);
    return question(database);
  }

private:
  std::mutex mutex;
  Database database;
};

/// What was measured decides. `origin` is what `jvpgen tune` would be given: a path of the specification or the bundle.
/// A caller who insists on a variant gets the bundle's own schedules of it.
ScheduleSource tunedSchedules(std::shared_ptr<SharedDatabase> database, std::string origin);

} // namespace jvpgen

#endif
