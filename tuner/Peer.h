// Another process that answers messages: started, given a deadline, and ended for good when it must go.
#ifndef JVPGEN_TUNER_PEER_H
#define JVPGEN_TUNER_PEER_H

#include "tuner/Message.h"
#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

namespace jvpgen::tuner {

using Clock = std::chrono::steady_clock;

/// Reads messages on descriptor 0 and writes them to descriptor 1. It leads a process group of its own, so that
/// Ctrl-C on a terminal reaches the one who started it alone, and is killed when that one ends.
class Peer {
public:
  /// `words` are the program and its arguments; what it writes to standard error goes to `log`.
  static Result<std::unique_ptr<Peer>> start(const std::vector<std::string> &words, const std::filesystem::path &log);
  ~Peer();
  Peer(const Peer &) = delete;
  Peer &operator=(const Peer &) = delete;

  Result<void> send(const Json &message);

  /// To be polled for reading.
  int descriptor() const { return answers; }

  /// What has arrived, never blocking; an error when it has ended or sent nonsense.
  Result<std::optional<Json>> receive() { return reader.read(); }

  /// Holds it, and lets it go on.
  void stop();
  void proceed();

  /// Kills it and everything it started, and says how it ended: "signal 11 (Segmentation fault)", "exit status 1", with
  /// the last line of its log. One that was killed by `end` itself says "".
  std::string end();

private:
  Peer(int process, int questions, int answers, std::filesystem::path log)
      : process(process), questions(questions), answers(answers), reader(answers), log(std::move(log)) {}
  std::string lastWords() const;
  int process, questions, answers;
  MessageReader reader;
  std::filesystem::path log;
};

} // namespace jvpgen::tuner

#endif
