// A process that is asked one thing at a time, and started again when it crashes, hangs or says that it is broken.
#ifndef JVPGEN_TUNER_SERVANT_H
#define JVPGEN_TUNER_SERVANT_H

#include "tuner/Peer.h"
#include "tuner/Protocol.h"
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace jvpgen::tuner {

class Servant {
public:
  /// `words`: program and arguments of the process, which is started by the first question. `log` is a file for it.
  Servant(std::vector<std::string> words, std::filesystem::path log) : words(std::move(words)), log(std::move(log)) {}

  bool isIdle() const { return !deadline; }
  bool isAlive() const { return peer != nullptr; }

  /// Sends a question whose answer has to come within the time. An error where no process can be started.
  Result<void> ask(const Json &question, std::chrono::milliseconds longest);

  /// The answer to the last question, once: what the process sent, or that it crashed or hung, which ends it.
  std::optional<Attempt<Json>> poll();

  /// To wait for; -1 while nothing is asked.
  int descriptor() const { return isIdle() || !peer ? -1 : peer->descriptor(); }
  Clock::time_point patience() const { return deadline.value_or(Clock::time_point::max()); }

  /// Stops and continues the process; the time between does not count.
  void pause();
  void resume();

  void end();

private:
  std::vector<std::string> words;
  std::filesystem::path log;
  std::unique_ptr<Peer> peer;
  std::optional<Clock::time_point> deadline, paused;
  std::chrono::milliseconds longest{0};
};

} // namespace jvpgen::tuner

#endif
