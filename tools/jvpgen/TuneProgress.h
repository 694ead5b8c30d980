// What `jvpgen tune` shows while it works: a bar on a terminal, plain lines elsewhere.
#ifndef JVPGEN_TOOLS_JVPGEN_TUNEPROGRESS_H
#define JVPGEN_TOOLS_JVPGEN_TUNEPROGRESS_H

#include "tuner/Tuner.h"
#include <map>

namespace jvpgen {

class TuneProgress : public tuner::Observer {
public:
  /// Writes to standard error; `isTerminal` says which of the two forms. A terminal is as wide as it is at the moment.
  explicit TuneProgress(bool isTerminal) : isTerminal(isTerminal) {}

  void began(const tuner::Subject &subject) override;
  void tried(const tuner::Subject &subject, const Trial &trial) override;
  void stands(const tuner::Subject &subject, const tuner::Progress &progress, double secondsLeft) override;
  void ended(const tuner::TunedProgram &program) override;

private:
  struct Bar {
    std::string text;
    double best = 0; ///< ratio that was told last
  };
  void line(const std::string &text);
  void draw();
  const bool isTerminal;
  std::map<int, Bar> bars; ///< by GPU
  tuner::Clock::time_point drawn;
  bool isDrawn = false;
};

/// "tangent_forward 2x16x2048x2048 [#####...............] 41/120, best 1.31x (row: tile_m 128, ...), 23 s left"
std::string barText(const std::string &title, const tuner::Progress &progress, double secondsLeft);

/// One line on how a program ended.
std::string endingText(const tuner::TunedProgram &program);

} // namespace jvpgen

#endif
