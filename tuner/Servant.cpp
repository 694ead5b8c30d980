#include "tuner/Servant.h"

using namespace jvpgen;
using namespace jvpgen::tuner;

Result<void> Servant::ask(const Json &question, std::chrono::milliseconds time) {
  if (!peer) {
    Result<std::unique_ptr<Peer>> started = Peer::start(words, log);
    if (!started) return tl::unexpected(started.error());
    peer = std::move(*started);
  }
  longest = time;
  deadline = Clock::now() + time;
  (void)peer->send(question); // one that ended meanwhile is found out by `poll`
  return {};
}

static std::string secondsText(std::chrono::milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 ? "." + std::to_string(tenths % 10) : "") + " s";
}

std::optional<Attempt<Json>> Servant::poll() {
  if (isIdle() || !peer || paused) return std::nullopt;
  Result<std::optional<Json>> message = peer->receive();
  if (message && !*message && Clock::now() < *deadline) return std::nullopt;
  deadline.reset();
  if (message && *message) {
    Attempt<Json> answer = answerOf(**message);
    if (!answer && answer.error().poisoned) end();
    return answer;
  }
  if (message) {
    end();
    return failed(Outcome::TimedOut, "it did not end within " + secondsText(longest) + "; its process was ended", true);
  }
  const std::string how = peer->end();
  peer.reset();
  return failed(Outcome::Faulted, "its process ended" + (how.empty() ? " without an answer" : " by " + how), true);
}

void Servant::pause() {
  if (isIdle() || !peer || paused) return;
  peer->stop();
  paused = Clock::now();
}

void Servant::resume() {
  if (!paused) return;
  *deadline += Clock::now() - *paused;
  paused.reset();
  peer->proceed();
}

void Servant::end() {
  peer.reset();
  deadline.reset();
  paused.reset();
}
