#include "tuner/Worker.h"

#include <csignal>
#include <cstdio>
#include <unistd.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

static Json answer(MeasuringDevice &device, KernelBuilder &builder, const Json &message) try {
  const std::optional<Order> order = orderOf(message);
  const Json &with = message.at("with");
  if (order == Order::Describe) return answerMessage(device.describe(with.at("ordinal")));
  if (order == Order::Build) return answerMessage(builder.build(fromJson<BuildOrder>(with)));
  if (order == Order::Open) return answerMessage(device.open(fromJson<OpenOrder>(with)));
  if (order == Order::Trial) return answerMessage(device.trial(fromJson<TrialOrder>(with)));
  return answerMessage(device.final(fromJson<FinalOrder>(with)));
} catch (const Json::exception &error) {
  return {{"failure", toJson(Failure{Outcome::Faulted, std::string("its order was not understood: ") + error.what()})}};
}

int tuner::serve(MeasuringDevice &device, KernelBuilder &builder) {
  std::signal(SIGPIPE, SIG_IGN);
  const int answers = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  MessageReader reader(STDIN_FILENO);
  for (;;) {
    Result<Json> message = reader.wait();
    if (!message) return 0;
    const Json reply = answer(device, builder, *message);
    if (!writeMessage(answers, reply)) return 0;
    if (reply.contains("failure") && reply.at("failure").at("poisoned").get<bool>()) return 1;
  }
}
