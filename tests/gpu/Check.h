// One thing that must hold where programs run.
#ifndef JVPGEN_TESTS_GPU_CHECK_H
#define JVPGEN_TESTS_GPU_CHECK_H

#include "support/Result.h"
#include <functional>
#include <string>
#include <vector>

namespace jvpgen {

struct Check {
  std::string name;
  std::function<Result<std::string>()> run; ///< figures; *unsupported* where the place cannot do it
};

} // namespace jvpgen

#endif
