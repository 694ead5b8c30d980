#include "tuner/Planted.h"

#include "schedule/Legality.h"
#include <algorithm>
#include <optional>

using namespace jvpgen;

/// What stands in the kernel; nothing for a kind that there is not.
static std::optional<std::string> bodyOf(const std::string &kind) {
  if (kind == "fault") return "*reinterpret_cast<volatile int *>(0) = 1;";
  if (kind == "loop") return "__shared__ volatile int stop;\n  stop = 0;\n  while (stop == 0) {\n  }";
  if (kind == "wrong") return "";
  return std::nullopt;
}

/// One launch with the grid and tensors of the variant's first, which no schedule changes.
static KernelVariant planted(KernelBundle &bundle, const KernelVariant &model, const std::string &kind,
                             const std::string &body) {
  KernelVariant out = model;
  out.variant = "planted " + kind;
  out.launches.resize(1);
  Launch &launch = out.launches.front();
  launch.kernel = bundle.name + "_planted_" + kind + "_" + model.program;
  launch.source = launch.kernel + ".cu";
  launch.maps.clear();
  launch.walks = launch.joins = false;
  launch.counter.clear();
  launch.partial_numbers = 0;
  launch.resources = {};
  launch.schedule = out.schedule = defaultSchedule(launch.resources, {});
  bundle.files.push_back(
      {launch.source, "extern \"C\" __global__ void " + launch.kernel + "() {\n  " + body + "\n}\n"});
  return out;
}

Result<void> tuner::plant(KernelBundle &bundle, const std::vector<std::string> &kinds) {
  std::vector<KernelVariant> defaults;
  for (const KernelVariant &variant : bundle.variants)
    if (std::none_of(defaults.begin(), defaults.end(),
                     [&](const KernelVariant &known) { return known.program == variant.program; }))
      defaults.push_back(variant);
  for (const std::string &kind : kinds) {
    const std::optional<std::string> body = bodyOf(kind);
    if (!body)
      return fail(ErrorKind::Invalid, "planting '" + kind + "' was asked for; there are fault, loop and wrong");
    for (const KernelVariant &model : defaults) bundle.variants.push_back(planted(bundle, model, kind, *body));
  }
  return {};
}
