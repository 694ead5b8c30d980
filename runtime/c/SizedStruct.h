// Structs that callers of another release hand over: shorter or longer than ours, by the size in front.
#ifndef JVPGEN_RUNTIME_C_SIZEDSTRUCT_H
#define JVPGEN_RUNTIME_C_SIZEDSTRUCT_H

#include "support/Result.h"
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

namespace jvpgen {

/// What was asked when a struct's size is not one that can be worked with.
inline tl::unexpected<Error> refuseSize(const char *name, size_t size) {
  return fail(ErrorKind::Invalid, std::string("a ") + name + " was handed over with size " + std::to_string(size) +
                                      "; set it to sizeof(" + name + ") and the fields that you do not know to zero");
}

/// Fields beyond the caller's struct are zero; fields beyond ours must be: they ask for what this release does not
/// know.
template <typename Struct> Result<Struct> readSized(const Struct *given, const char *name) {
  constexpr size_t kLargest = 4096; // a size beyond is no size
  if (!given) return fail(ErrorKind::Invalid, std::string("a ") + name + " is needed, and it is null; give one");
  if (given->size < sizeof(size_t) || given->size > kLargest) return refuseSize(name, given->size);
  const char *bytes = reinterpret_cast<const char *>(given);
  for (size_t k = sizeof(Struct); k < given->size; ++k)
    if (bytes[k])
      return fail(ErrorKind::Unsupported,
                  std::string("a ") + name +
                      " of a later release was handed over, with a field that this one does not "
                      "know; update libjvpgen_runtime");
  Struct out = {};
  std::memcpy(&out, given, std::min(sizeof(Struct), given->size));
  return out;
}

/// Fills as much as the caller has room for; his size stays.
template <typename Struct> Result<void> writeSized(const Struct &value, Struct *given, const char *name) {
  if (!given) return fail(ErrorKind::Invalid, std::string("a ") + name + " is needed, and it is null; give one");
  const size_t size = given->size;
  if (size < sizeof(size_t)) return refuseSize(name, size);
  std::memcpy(given, &value, std::min(sizeof(Struct), size));
  given->size = size;
  return {};
}

/// Element k of an array whose elements all have the size of the first.
template <typename Struct> const Struct *elementOf(const Struct *array, size_t k) {
  return reinterpret_cast<const Struct *>(reinterpret_cast<const char *>(array) + k * array->size);
}

} // namespace jvpgen

#endif
