#include "tuner/NvrtcBuilder.h"

#include "runtime/abi/BundleFiles.h"
#include "runtime/jit/Compile.h"
#include "support/AtomicFile.h"

#include <unistd.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

Result<const KernelBundle *> NvrtcBuilder::bundleAt(const std::string &path) {
  if (folder != path) {
    Result<KernelBundle> read = readBundle(path);
    if (!read) return tl::unexpected(read.error());
    bundle = std::move(*read);
    folder = path;
  }
  return &bundle;
}

static const Launch *launchOf(const KernelBundle &bundle, const BuildOrder &order) {
  for (const auto *variants : {&bundle.variants, &bundle.references})
    for (const KernelVariant &variant : *variants)
      if (variant.program == order.program && variant.variant == order.variant &&
          order.launch < variant.launches.size())
        return &variant.launches[order.launch];
  return nullptr;
}

static std::string versionOfNvrtc() {
  Result<Nvrtc> nvrtc =
      findNvrtc(Environment::ofProcess()).and_then([](const NvrtcFiles &f) { return Nvrtc::load(f); });
  return nvrtc ? nvrtc->version() : "";
}

/// Compilers give way to the process that measures, whose host compares outputs meanwhile.
static void giveWay() { [[maybe_unused]] static const int niceness = nice(10); }

Attempt<BuildAnswer> NvrtcBuilder::build(const BuildOrder &order) {
  giveWay();
  Result<const KernelBundle *> known = bundleAt(order.bundle);
  if (!known) return failed(Outcome::NotCompiled, known.error().message);
  const Launch *launch = launchOf(**known, order);
  if (!launch) return failed(Outcome::NotCompiled, "the bundle has no such launch");
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return failed(Outcome::NotCompiled, compiler.error().message);
  Result<CompiledKernel> made = (*compiler)->compile(**known, *launch, order.schedule, order.target);
  if (!made) return failed(Outcome::NotCompiled, made.error().message);
  if (Result<void> written = writeFile(order.cubin, made->cubin); !written)
    return failed(Outcome::NotCompiled, written.error().message);
  if (!version) version = versionOfNvrtc();
  return BuildAnswer{{order.cubin, made->registers, made->spill_bytes, made->serialised, made->shared_bytes,
                      made->dynamic_shared_bytes, made->compile_ms, made->cached},
                     *version};
}
