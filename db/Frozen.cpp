#include "db/Frozen.h"

#include "db/Buckets.h"
#include "db/BundleTrials.h"
#include "db/JsonFields.h"
#include "support/Hash.h"

#include <algorithm>

using namespace jvpgen;

static constexpr const char *kFormat = "jvpgen frozen schedules";
static constexpr int kVersion = 1;
static constexpr size_t kMostPrograms = 100'000, kMostKernels = 64;

static std::string nameOf(const FrozenProgram &pinned) {
  return pinned.problem.program + " for " + shapeText(pinned.problem.shape) + " on " + pinned.device.name;
}

static bool isPinnedFor(const FrozenProgram &pinned, const TrialProblem &problem, const TrialDevice &device) {
  return canonicalKey(pinned.problem) == canonicalKey(problem) && pinned.device.name == device.name &&
         pinned.device.arch == device.arch && pinned.device.multiprocessors == device.multiprocessors;
}

// ---- text
// ---------------------------------------------------------------------------------------------------------------

std::string jvpgen::printFrozen(const FrozenSchedules &frozen) {
  Json programs = Json::array();
  for (const FrozenProgram &pinned : frozen) {
    Json kernels = Json::array();
    for (const FrozenKernel &kernel : pinned.kernels) {
      kernels.push_back(toJson(kernel.kernel));
      kernels.back()["whole_blocks"] = kernel.division.whole;
      kernels.back()["parts"] = kernel.division.parts;
      kernels.back()["cubin_sha256"] = kernel.cubin_sha256;
    }
    programs.push_back({{"problem", toJson(pinned.problem)},
                        {"device", toJson(pinned.device)},
                        {"variant", pinned.variant},
                        {"kernels", std::move(kernels)}});
  }
  const Json out = {{"format", kFormat}, {"version", kVersion}, {"programs", std::move(programs)}};
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

static FrozenKernel readFrozenKernel(const Json &json, const std::string &where, std::string &problem) {
  FrozenKernel out;
  ObjectReader reader(json, where, problem);
  readKernel(out.kernel, reader);
  reader("whole_blocks", out.division.whole);
  reader("parts", out.division.parts);
  reader("cubin_sha256", out.cubin_sha256);
  reader.finish();
  return out;
}

static FrozenProgram readFrozenProgram(const Json &json, const std::string &where, std::string &problem) {
  FrozenProgram out;
  ObjectReader reader(json, where, problem);
  out.problem = readProblem(reader.member("problem"), reader.placeOf("problem"), problem);
  out.device = readDevice(reader.member("device"), reader.placeOf("device"), problem);
  reader("variant", out.variant);
  out.kernels = readList<FrozenKernel>(
      reader.member("kernels"), reader.placeOf("kernels"), kMostKernels, problem,
      [&](const Json &item, const std::string &at) { return readFrozenKernel(item, at, problem); });
  reader.finish();
  return out;
}

Result<FrozenSchedules> jvpgen::parseFrozen(std::string_view text) {
  std::string problem, format;
  int64_t version = 0;
  FrozenSchedules out;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ObjectReader reader(json, "the text", problem);
  reader("format", format);
  reader("version", version);
  out = readList<FrozenProgram>(
      reader.member("programs"), "programs", kMostPrograms, problem,
      [&](const Json &item, const std::string &at) { return readFrozenProgram(item, at, problem); });
  reader.finish();
  if (format != kFormat || version != kVersion) reader.refuse("it has another format or version");
  if (problem.empty()) return out;
  return fail(ErrorKind::Invalid, "frozen schedules were to be read, but " + problem + "; freeze them again");
}

// ---- use
// ----------------------------------------------------------------------------------------------------------------

void jvpgen::pin(FrozenSchedules &frozen, FrozenProgram program) {
  auto known = std::find_if(frozen.begin(), frozen.end(), [&](const FrozenProgram &pinned) {
    return isPinnedFor(pinned, program.problem, program.device);
  });
  if (known == frozen.end())
    frozen.push_back(std::move(program));
  else
    *known = std::move(program);
}

Result<const FrozenProgram *> jvpgen::findFrozen(const FrozenSchedules &frozen, const TrialProblem &problem,
                                                 const TrialDevice &device) {
  for (const FrozenProgram &pinned : frozen)
    if (isPinnedFor(pinned, problem, device)) return &pinned;
  return fail(ErrorKind::CheckFailed, "schedules are frozen, but none is pinned of " + problem.program + " for " +
                                          shapeText(problem.shape) + " on " + device.name +
                                          "; pin it with `jvpgen db best --freeze`");
}

Result<KernelVariant> jvpgen::frozenVariant(const FrozenProgram &pinned, const KernelBundle &bundle,
                                            const Target &target) {
  auto refuse = [&](const std::string &obstacle) {
    return fail(ErrorKind::CheckFailed, "the pinned schedule of " + nameOf(pinned) + " cannot run: " + obstacle);
  };
  if (pinned.problem.specification != bundle.digest)
    return refuse("it is of another specification than '" + bundle.name + "'; use the one that it was pinned with");
  std::vector<TrialKernel> kernels;
  for (const FrozenKernel &kernel : pinned.kernels) kernels.push_back(kernel.kernel);
  Result<KernelVariant> out = applied(bundle, pinned.problem.program, pinned.variant, kernels, target);
  if (!out) return refuse(out.error().message);
  return out;
}

static std::string launchText(const FrozenProgram &pinned, size_t launch) {
  return nameOf(pinned) + ", launch " + std::to_string(launch);
}

Result<void> jvpgen::checkFrozenCode(const FrozenProgram &pinned, size_t launch, std::string_view cubin) {
  const std::string found = sha256(cubin);
  const std::string expected = launch < pinned.kernels.size() ? pinned.kernels[launch].cubin_sha256 : "none";
  if (expected == found) return {};
  return fail(ErrorKind::CheckFailed, "the machine code of " + launchText(pinned, launch) + ", was pinned as " +
                                          expected + " and is " + found +
                                          "; use the jvpgen and the NVRTC that it was pinned with");
}

Result<void> jvpgen::checkFrozenDivision(const FrozenProgram &pinned, size_t launch, const Division &division) {
  const Division expected = launch < pinned.kernels.size() ? pinned.kernels[launch].division : Division();
  if (expected == division) return {};
  auto text = [](const Division &d) {
    return std::to_string(d.whole) + " whole blocks and others in " + std::to_string(d.parts) + " parts";
  };
  return fail(ErrorKind::CheckFailed, "the division of " + launchText(pinned, launch) + ", was pinned as " +
                                          text(expected) + " and is " + text(division) +
                                          "; use the jvpgen that it was pinned with");
}
