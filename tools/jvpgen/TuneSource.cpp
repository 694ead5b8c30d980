#include "tools/jvpgen/TuneSource.h"

#include "compiler/driver/PlannedSpec.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/abi/BundleMetadata.h"
#include "runtime/jit/MachineCode.h"
#include <algorithm>
#include <filesystem>
#include <memory>

using namespace jvpgen;

static Result<TuneSource> fromBundle(const SpecOptions &options) {
  Result<KernelBundle> read = readBundle(options.file);
  if (!read) return tl::unexpected<Error>(read.error());
  const auto bundle = std::make_shared<const KernelBundle>(std::move(*read));
  SpecOptions carried = options;
  carried.file = options.file + "/" + kSpecificationFile;
  if (bundle->specification.empty())
    return fail(ErrorKind::Invalid, "the bundle in '" + options.file +
                                        "' is to be tuned, and carries no specification; tune the specification");
  Result<Request> request = loadRequest(carried);
  if (!request) return tl::unexpected<Error>(request.error());
  if (options.programs.empty())
    std::erase_if(request->programs, [&](const std::string &program) {
      return std::none_of(bundle->variants.begin(), bundle->variants.end(),
                          [&](const KernelVariant &variant) { return variant.program == program; });
    });
  auto emit = [bundle](const Target &target) -> Result<KernelBundle> {
    if (runsOn(bundle->arch, target.arch)) return *bundle;
    return fail(ErrorKind::Invalid, "the bundle '" + bundle->name + "' was emitted for " + bundle->arch +
                                        ", and this GPU is " + target.arch + "; emit it for that arch");
  };
  return TuneSource{std::move(*request), emit};
}

Result<TuneSource> jvpgen::openTuneSource(const SpecOptions &options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.file, ignored)) return fromBundle(options);
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, withEarlier(request->spec, request->programs));
  if (!planned) return tl::unexpected<Error>(planned.error());
  auto emit = [shared = std::make_shared<PlannedSpec>(std::move(*planned))](const Target &target) {
    return shared->emit(target);
  };
  return TuneSource{std::move(*request), emit};
}
