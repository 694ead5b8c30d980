// The exact text and options of one compilation, and the key that names its result.
#ifndef JVPGEN_RUNTIME_JIT_TRANSLATIONUNIT_H
#define JVPGEN_RUNTIME_JIT_TRANSLATIONUNIT_H

#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include <string>
#include <string_view>
#include <vector>

namespace jvpgen {

struct TranslationUnit {
  const SourceFile *source = nullptr;
  std::vector<const SourceFile *> headers; ///< those that the source reaches by includes, sorted by name
};

/// The launch's source and what it includes. An include has to be a plain file name; one that the bundle does not hold
/// is left out, and ends the compilation if it is reached: nothing else of the machine's file system is part of one.
Result<TranslationUnit> translationUnit(const KernelBundle &bundle, const Launch &launch);

/// "-DJVPGEN_TILE_M=64", ...: how a schedule reaches the text (see Launch).
std::vector<std::string> scheduleDefinitions(const Launch &launch, const Schedule &schedule);

/// SHA-256 over every byte and option that reaches the compiler, and over the compiler's own identity.
std::string compilationKey(const TranslationUnit &unit, const std::vector<std::string> &options,
                           std::string_view compiler);

} // namespace jvpgen

#endif
