#include "db/BundleTrials.h"

#include "runtime/abi/References.h"
#include "schedule/Legality.h"
#include "schedule/ScheduleFields.h"
#include "support/Hash.h"

#include <algorithm>
#include <filesystem>

using namespace jvpgen;

std::string jvpgen::launchName(const KernelBundle &bundle, const Launch &launch) {
  const std::string prefix = bundle.name + "_";
  return launch.kernel.starts_with(prefix) ? launch.kernel.substr(prefix.size()) : launch.kernel;
}

std::vector<TrialKernel> jvpgen::kernelsOf(const KernelBundle &bundle, const KernelVariant &variant) {
  std::vector<TrialKernel> out;
  for (const Launch &launch : variant.launches) out.push_back({launchName(bundle, launch), launch.schedule});
  return out;
}

/// Whether a header was emitted along with a launch's source, whose name it bears.
static bool isEmitted(const KernelBundle &bundle, const std::filesystem::path &header) {
  for (const KernelVariant &variant : bundle.variants)
    for (const Launch &launch : variant.launches)
      if (std::filesystem::path(launch.source).stem() == header.stem()) return true;
  return false;
}

std::string jvpgen::templateDigest(const KernelBundle &bundle) {
  std::vector<const SourceFile *> templates;
  for (const SourceFile &file : bundle.files)
    if (file.name.ends_with(".cuh") && file.name != kReferenceHeader && !isEmitted(bundle, file.name))
      templates.push_back(&file);
  std::sort(templates.begin(), templates.end(), [](auto *a, auto *b) { return a->name < b->name; });
  Sha256 hash;
  for (const SourceFile *file : templates)
    for (const std::string *piece : {&file->name, &file->text}) {
      hash.update(std::to_string(piece->size()) + ":");
      hash.update(*piece);
    }
  return hash.hex();
}

static const KernelVariant *find(const KernelBundle &bundle, const std::string &program, const std::string &variant) {
  for (const KernelVariant &candidate : bundle.variants)
    if (candidate.program == program && (variant.empty() || candidate.variant == variant)) return &candidate;
  return nullptr;
}

std::string jvpgen::defaultDigest(const KernelBundle &bundle, const std::string &program) {
  const KernelVariant *variant = find(bundle, program, "");
  return variant ? candidateDigest(variant->variant, kernelsOf(bundle, *variant)) : "";
}

/// A pass before or after the sweeps keeps the schedule that it was emitted with.
static Result<void> fitting(const Launch &launch, const Schedule &schedule, const Target &target) {
  if (launch.resources.is_sweep || schedule == launch.schedule) return legal(launch.resources, schedule, target);
  return fail(ErrorKind::Invalid, "a tuned schedule gives '" + launch.kernel + "' " + scheduleName(schedule) +
                                      ", where it was emitted for " + scheduleName(launch.schedule) + "; tune again");
}

Result<KernelVariant> jvpgen::applied(const KernelBundle &bundle, const std::string &program,
                                      const std::string &variant, const std::vector<TrialKernel> &kernels,
                                      const Target &target) {
  const std::string remedy = "; tune again";
  const KernelVariant *found = variant.empty() ? nullptr : find(bundle, program, variant);
  if (!found)
    return fail(ErrorKind::Invalid, "a tuned schedule is for the variant '" + variant + "' of " + program +
                                        ", which '" + bundle.name + "' does not have" + remedy);
  if (kernels.size() != found->launches.size())
    return fail(ErrorKind::Invalid, "a tuned schedule of " + program + " (" + variant + ") has " +
                                        std::to_string(kernels.size()) + " kernels, and the bundle '" + bundle.name +
                                        "' has " + std::to_string(found->launches.size()) + remedy);
  KernelVariant out = *found;
  bool named = false; // out.schedule is that of the first launch that the variant's own could be
  for (size_t k = 0; k < kernels.size(); ++k) {
    Launch &launch = out.launches[k];
    if (kernels[k].kernel != launchName(bundle, launch))
      return fail(ErrorKind::Invalid, "a tuned schedule of " + program + " (" + variant + ") is for the kernel '" +
                                          kernels[k].kernel + "', where '" + bundle.name + "' has '" +
                                          launchName(bundle, launch) + "'" + remedy);
    if (Result<void> fits = fitting(launch, kernels[k].schedule, target); !fits) return tl::unexpected(fits.error());
    const bool is_named = !named && launch.resources.is_sweep && launch.schedule == found->schedule;
    if (is_named) out.schedule = kernels[k].schedule;
    named |= is_named;
    launch.schedule = kernels[k].schedule;
  }
  return out;
}
