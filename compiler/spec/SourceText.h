// Where things are written in a specification's file, and errors that say so.
#ifndef JVPGEN_COMPILER_SPEC_SOURCETEXT_H
#define JVPGEN_COMPILER_SPEC_SOURCETEXT_H

#include "support/Result.h"
#include <algorithm>
#include <string>
#include <vector>

namespace jvpgen {

/// Line and column from 1.
struct Place {
  unsigned line = 0, column = 0;
};

/// A decoded string with the place in the file of each of its bytes, and of its end.
struct SourceText {
  std::string text;
  std::vector<Place> places;

  Place at(size_t offset) const { return places.empty() ? Place{} : places[std::min(offset, places.size() - 1)]; }
};

using Status = tl::expected<void, Error>;

/// An error of the user's at a place; `message` says what was asked, what stood in the way, what to do.
inline tl::unexpected<Error> invalidAt(std::string_view file, Place place, std::string message) {
  return fail(ErrorKind::Invalid, std::move(message),
              std::string(file) + ":" + std::to_string(place.line) + ":" + std::to_string(place.column));
}

} // namespace jvpgen

#endif
