#include "runtime/launch/PinnedSchedules.h"

#include "runtime/jit/Environment.h"
#include "support/AtomicFile.h"

using namespace jvpgen;

static Result<std::shared_ptr<const FrozenSchedules>> readPinned(const std::string &file) {
  if (file.empty()) return nullptr;
  if (!std::filesystem::path(file).is_absolute())
    return fail(ErrorKind::Environment, "JVPGEN_FROZEN is '" + file +
                                            "', which depends on the working directory; give an "
                                            "absolute path");
  constexpr size_t limit = size_t(1) << 26;
  Result<std::string> text = readFile(file, limit);
  Result<FrozenSchedules> frozen = text ? parseFrozen(*text) : tl::unexpected(text.error());
  if (!frozen) return fail(ErrorKind::Environment, "JVPGEN_FROZEN is '" + file + "': " + frozen.error().message);
  return std::make_shared<const FrozenSchedules>(std::move(*frozen));
}

const Result<std::shared_ptr<const FrozenSchedules>> &jvpgen::pinnedByProcess() {
  static const Result<std::shared_ptr<const FrozenSchedules>> pinned = readPinned(Environment::ofProcess().frozen);
  return pinned;
}

ScheduleSource jvpgen::pinnedSchedules(std::shared_ptr<const FrozenSchedules> pinned) {
  return [pinned](const KernelBundle &bundle, const std::string &program, const std::string &variant,
                  const Problem &problem, const DeviceFacts &facts) -> Result<ScheduleChoice> {
    TrialDevice device;
    device.name = facts.name;
    device.arch = facts.target.arch;
    device.multiprocessors = facts.target.multiprocessors;
    Result<const FrozenProgram *> found = findFrozen(*pinned, {bundle.digest, program, problem}, device);
    if (!found) return tl::unexpected(found.error());
    if (!variant.empty() && variant != (*found)->variant)
      return fail(ErrorKind::CheckFailed, "the variant '" + variant + "' of " + program + " was asked for, and '" +
                                              (*found)->variant + "' is pinned; ask for that, or for none");
    Result<KernelVariant> fitting = frozenVariant(**found, bundle, facts.target);
    if (!fitting) return tl::unexpected(fitting.error());
    return ScheduleChoice{std::move(*fitting), ScheduleMatch::Pinned, "",
                          std::shared_ptr<const FrozenProgram>(pinned, *found)};
  };
}
