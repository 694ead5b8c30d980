#include "tuner/BuildShelf.h"

#include "schedule/ScheduleFields.h"
#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

BuildShelf::BuildShelf(const std::vector<std::string> &words, std::filesystem::path folder, unsigned count,
                       std::chrono::milliseconds longest)
    : folder(std::move(folder)), longest(longest) {
  for (unsigned k = 0; k < std::max(1u, count); ++k)
    servants.push_back(
        std::make_unique<Bench>(Bench{Servant(words, this->folder / ("builder-" + std::to_string(k) + ".log")), ""}));
}

std::string BuildShelf::keyOf(const BuildOrder &order) const {
  return order.bundle + "|" + order.program + "|" + order.variant + "|" + std::to_string(order.launch) + "|" +
         scheduleName(order.schedule);
}

void BuildShelf::want(const BuildOrder &order, bool urgent) {
  const std::string key = keyOf(order);
  const auto known = std::find_if(waiting.begin(), waiting.end(), [&](const auto &w) { return keyOf(w) == key; });
  const bool begun = results.contains(key) ||
                     std::any_of(servants.begin(), servants.end(), [&](const auto &b) { return b->key == key; });
  if (begun || (known != waiting.end() && !urgent)) return;
  if (known != waiting.end()) waiting.erase(known);
  urgent ? waiting.push_front(order) : waiting.push_back(order);
}

const Attempt<BuildAnswer> *BuildShelf::find(const BuildOrder &order) const {
  const auto found = results.find(keyOf(order));
  return found == results.end() ? nullptr : &found->second;
}

/// Whatever happened to the process, what it was to build has failed.
static Attempt<BuildAnswer> builtFrom(const Attempt<Json> &answer) {
  if (answer) return readAs<BuildAnswer>(answer);
  if (answer.error().outcome == Outcome::NotCompiled) return tl::unexpected(answer.error());
  return failed(Outcome::NotCompiled, "compiling failed: " + answer.error().reason);
}

Result<void> BuildShelf::pump() {
  for (const auto &bench : servants) {
    if (std::optional<Attempt<Json>> answer = bench->servant.poll()) {
      results.insert_or_assign(bench->key, builtFrom(*answer));
      bench->key.clear();
    }
    if (paused || waiting.empty() || !bench->servant.isIdle()) continue;
    BuildOrder order = waiting.front();
    waiting.pop_front();
    bench->key = keyOf(order);
    order.cubin = folder / ("kernel-" + std::to_string(++files) + ".cubin");
    if (Result<void> asked = bench->servant.ask(orderMessage(Order::Build, toJson(order)), longest); !asked)
      return asked;
  }
  return {};
}

void BuildShelf::addDescriptors(std::vector<pollfd> &into) const {
  if (paused) return;
  for (const auto &bench : servants)
    if (bench->servant.descriptor() >= 0) into.push_back({bench->servant.descriptor(), POLLIN, 0});
}

std::chrono::milliseconds BuildShelf::meanTime() const {
  double sum = 0, count = 0;
  for (const auto &[key, result] : results)
    if (result && !result->kernel.cached) sum += result->kernel.compile_ms, count += 1;
  return std::chrono::milliseconds(int64_t(sum / std::max(count, 1.0)));
}

void BuildShelf::pause() {
  paused = true;
  for (const auto &bench : servants) bench->servant.pause();
}

void BuildShelf::resume() {
  paused = false;
  for (const auto &bench : servants) bench->servant.resume();
}
