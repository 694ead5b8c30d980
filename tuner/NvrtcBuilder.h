// Compiles one launch after another by NVRTC, through the process's kernel cache.
#ifndef JVPGEN_TUNER_NVRTCBUILDER_H
#define JVPGEN_TUNER_NVRTCBUILDER_H

#include "tuner/Worker.h"

namespace jvpgen::tuner {

class NvrtcBuilder : public KernelBuilder {
public:
  Attempt<BuildAnswer> build(const BuildOrder &order) override;

private:
  Result<const KernelBundle *> bundleAt(const std::string &folder);
  std::string folder; ///< of the bundle that was read last
  KernelBundle bundle;
  std::optional<std::string> version; ///< of NVRTC
};

} // namespace jvpgen::tuner

#endif
