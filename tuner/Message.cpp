#include "tuner/Message.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// A lost pipe is an error like others; the signal that comes with it is ignored by who starts processes.
Result<void> tuner::writeMessage(int fd, const Json &message) {
  const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  const uint32_t length = uint32_t(text.size());
  std::string frame(reinterpret_cast<const char *>(&length), sizeof length);
  frame += text;
  for (size_t done = 0; done < frame.size();) {
    const ssize_t count = write(fd, frame.data() + done, frame.size() - done);
    if (count > 0) {
      done += size_t(count);
    } else if (errno == EAGAIN) {
      pollfd ready = {fd, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return fail(ErrorKind::Environment, std::string("a message to another process was to be written: ") +
                                              std::strerror(errno) + "; it has ended");
    }
  }
  return {};
}

static tl::unexpected<Error> lost(const std::string &obstacle) {
  return fail(ErrorKind::Environment, "a message of another process was waited for: " + obstacle);
}

/// The first frame of what has arrived.
Result<std::optional<Json>> MessageReader::take() {
  uint32_t length = 0;
  if (pending.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, pending.data(), sizeof length);
  if (length > kLongest) return lost("it sent what is no message");
  if (pending.size() < sizeof length + length) return std::nullopt;
  Json message = Json::parse(pending.data() + sizeof length, pending.data() + sizeof length + length, nullptr, false);
  pending.erase(0, sizeof length + length);
  if (message.is_discarded()) return lost("it sent what is no message");
  return message;
}

Result<std::optional<Json>> MessageReader::read() {
  if (Result<std::optional<Json>> earlier = take(); !earlier || *earlier) return earlier;
  char bytes[16384];
  const ssize_t count = ::read(fd, bytes, sizeof bytes);
  if (count == 0) return lost("it has ended");
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (count < 0) return lost(std::strerror(errno));
  pending.append(bytes, size_t(count));
  return take();
}

Result<Json> MessageReader::wait() {
  for (;;) {
    Result<std::optional<Json>> message = read();
    if (!message) return tl::unexpected(message.error());
    if (*message) return std::move(**message);
  }
}
