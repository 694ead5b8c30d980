// Kernels that are wanted, under way and built: processes compile them side by side while the GPU measures.
#ifndef JVPGEN_TUNER_BUILDSHELF_H
#define JVPGEN_TUNER_BUILDSHELF_H

#include "tuner/Servant.h"
#include <deque>
#include <map>
#include <memory>
#include <poll.h>

namespace jvpgen::tuner {

class BuildShelf {
public:
  /// `count` processes of these words; kernels and logs go into `folder`.
  BuildShelf(const std::vector<std::string> &words, std::filesystem::path folder, unsigned count,
             std::chrono::milliseconds longest);

  /// What becomes of an order; the same one is built once.
  std::string keyOf(const BuildOrder &order) const;

  /// Puts an order behind all others, or before them, unless it is known.
  void want(const BuildOrder &order, bool urgent);

  /// The result, once there is one; null before.
  const Attempt<BuildAnswer> *find(const BuildOrder &order) const;

  /// Orders that nobody has begun are forgotten, but those that `isKept` names.
  template <typename IsKept> void forget(const IsKept &isKept) {
    std::erase_if(waiting, [&](const auto &order) { return !isKept(order); });
  }

  /// Starts what can be started and takes in what is done. An error where no process can be started.
  Result<void> pump();
  void addDescriptors(std::vector<pollfd> &into) const;

  /// Nothing is compiled until it goes on.
  void pause();
  void resume();
  bool isPaused() const { return paused; }

  size_t processCount() const { return servants.size(); }

  /// What a kernel took to compile on average, of those that were not cached.
  std::chrono::milliseconds meanTime() const;

private:
  struct Bench {
    Servant servant;
    std::string key; ///< of what it builds
  };
  std::filesystem::path folder;
  std::chrono::milliseconds longest;
  std::vector<std::unique_ptr<Bench>> servants;
  std::deque<BuildOrder> waiting;
  std::map<std::string, Attempt<BuildAnswer>> results;
  size_t files = 0; ///< of machine code, begun
  bool paused = false;
};

} // namespace jvpgen::tuner

#endif
