#include "tools/jvpgen/TuneProgress.h"

#include "db/Buckets.h"
#include "schedule/ScheduleFields.h"
#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace jvpgen;

static std::string titleOf(const tuner::Subject &subject) { return subject.program + " " + shapeText(subject.problem); }

static std::string formatted(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

static std::string minutes(double seconds) {
  const int whole = int(seconds + 0.5);
  return whole < 100 ? std::to_string(whole) + " s" : std::to_string((whole + 30) / 60) + " min";
}

std::string jvpgen::barText(const std::string &title, const tuner::Progress &progress, double secondsLeft) {
  constexpr size_t kCells = 20;
  const size_t full = progress.total ? std::min(kCells, kCells * progress.tried / progress.total) : 0;
  std::string out = title + " [" + std::string(full, '#') + std::string(kCells - full, '.') + "] " +
                    std::to_string(progress.tried) + "/" + std::to_string(progress.total);
  if (progress.best_ratio)
    out += ", best " + formatted("%.2fx", 1 / *progress.best_ratio) + " (" + progress.best + ")";
  else
    out += ", " + progress.phase;
  return out + ", " + minutes(secondsLeft) + " left";
}

std::string jvpgen::endingText(const tuner::TunedProgram &program) {
  const tuner::SearchResult &result = program.result;
  std::string out = program.program + " " + shapeText(program.problem) + ": " + name(result.ending);
  if (!result.reason.empty()) out += ": " + result.reason;
  if (const std::optional<Trial> &winner = result.winner; winner && winner->median_us && winner->default_median_us) {
    out += ", " + formatted("%.1f", *winner->default_median_us) + " -> " + formatted("%.1f us", *winner->median_us) +
           formatted(" (%.3fx), ", *winner->default_median_us / *winner->median_us) + winner->variant;
    for (const TrialKernel &kernel : winner->kernels)
      out += "; " + kernel.kernel + ": " + scheduleName(kernel.schedule);
  }
  return out + " [" + formatted("%.1f s, ", result.seconds) + std::to_string(result.trials.size()) + " trials]";
}

/// Over the bar, if there is one, and the bar again beneath.
void TuneProgress::line(const std::string &text) {
  if (isDrawn) std::fputs("\r\033[K", stderr);
  isDrawn = false;
  std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
}

void TuneProgress::draw() {
  winsize size = {};
  const size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
  std::string text;
  for (const auto &[gpu, bar] : bars)
    text += (text.empty() ? "" : " | ") + (bars.size() > 1 ? std::to_string(gpu) + ": " : "") + bar.text;
  std::fprintf(stderr, "\r\033[K%s", text.substr(0, width).c_str());
  std::fflush(stderr);
  isDrawn = true;
  drawn = tuner::Clock::now();
}

void TuneProgress::began(const tuner::Subject &subject) {
  bars[subject.device.ordinal] = {};
  if (!isTerminal) line(titleOf(subject) + " on " + subject.device.device.name);
}

/// What could not be measured is told with its reason, whatever the form; refusals by the compiler are many and normal.
void TuneProgress::tried(const tuner::Subject &subject, const Trial &trial) {
  if (trial.outcome == Outcome::Measured || trial.outcome == Outcome::Rejected) return;
  std::string text = titleOf(subject) + ": " + trial.variant;
  for (const TrialKernel &kernel : trial.kernels) text += "; " + scheduleName(kernel.schedule);
  line(text + ": " + name(trial.outcome) + ": " + trial.reason);
}

void TuneProgress::stands(const tuner::Subject &subject, const tuner::Progress &progress, double secondsLeft) {
  constexpr auto kBetween = std::chrono::milliseconds(100);
  Bar &bar = bars[subject.device.ordinal];
  bar.text = barText(titleOf(subject), progress, secondsLeft);
  if (isTerminal) {
    if (tuner::Clock::now() - drawn >= kBetween) draw();
  } else if (progress.best_ratio && *progress.best_ratio < 1 && *progress.best_ratio != bar.best) {
    bar.best = *progress.best_ratio;
    line(bar.text);
  }
}

void TuneProgress::ended(const tuner::TunedProgram &program) {
  bars.erase(program.device.ordinal);
  line(endingText(program));
}
