// Frames between processes: the length of a JSON text, then the text.
#ifndef JVPGEN_TUNER_MESSAGE_H
#define JVPGEN_TUNER_MESSAGE_H

#include "support/Result.h"
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace jvpgen::tuner {

using Json = nlohmann::ordered_json;

/// Writes a whole frame, however long that takes; an error if nobody reads any more.
Result<void> writeMessage(int fd, const Json &message);

/// Puts frames together from the pieces in which they arrive.
class MessageReader {
public:
  explicit MessageReader(int fd) : fd(fd) {}

  /// One read, which blocks if the descriptor does. A message once its last byte is there; an error at the end of the
  /// stream, in a frame or between two, and for bytes that are no frame.
  Result<std::optional<Json>> read();

  /// Waits for a whole message.
  Result<Json> wait();

private:
  static constexpr size_t kLongest = size_t(64) << 20; ///< of a frame
  Result<std::optional<Json>> take();
  int fd;
  std::string pending;
};

} // namespace jvpgen::tuner

#endif
