#include "tuner/HtmlReport.h"

#include "db/Buckets.h"
#include "schedule/ScheduleFields.h"
#include "tuner/Svg.h"
#include <map>

using namespace jvpgen;
using namespace jvpgen::tuner;

static constexpr const char *kOpening = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>jvpgen tune</title><style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1d232b; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; margin: .6rem 0; } td, th { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #e3e6ea; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: #1d232b; } summary { cursor: pointer; }
</style></head><body>
)";

static std::string titleOf(const TunedProgram &program) { return program.program + " " + shapeText(program.problem); }

static std::string scheduleText(const Trial &trial) {
  std::string out = trial.variant;
  for (const TrialKernel &kernel : trial.kernels) out += "; " + kernel.kernel + ": " + scheduleName(kernel.schedule);
  return out;
}

static std::string number(const std::optional<double> &value) {
  return "<td class=\"n\">" + (value ? shortNumber(*value) : "") + "</td>";
}

static std::optional<double> gain(const std::optional<Trial> &winner) {
  if (!winner || !winner->median_us || !winner->default_median_us) return std::nullopt;
  return *winner->default_median_us / *winner->median_us;
}

static std::string summary(const TuningReport &report) {
  std::string out = "<table><tr><th>program</th><th>shape</th><th>GPU</th><th>result</th><th class=\"n\">default, us"
                    "</th><th class=\"n\">best, us</th><th class=\"n\">gain</th><th class=\"n\">cold, us</th></tr>\n";
  for (const TunedProgram &program : report.programs) {
    const SearchResult &result = program.result;
    const std::optional<Trial> &winner = result.winner, &best = winner ? winner : result.standard;
    out += "<tr><td>" + escaped(program.program) + "</td><td>" + shapeText(program.problem) + "</td><td>" +
           std::to_string(program.device.ordinal) + ": " + escaped(program.device.device.name) + "</td><td>" +
           name(result.ending) + (result.reason.empty() ? "" : ": " + escaped(result.reason)) + "</td>" +
           number(best ? best->default_median_us : std::nullopt) + number(best ? best->median_us : std::nullopt) +
           number(gain(winner)) + number(best ? best->cold_median_us : std::nullopt) + "</tr>\n";
  }
  return out + "</table>\n";
}

static std::string bars(const TuningReport &report) {
  std::vector<BarPair> pairs;
  for (const TunedProgram &program : report.programs)
    if (const std::optional<Trial> &winner = program.result.winner; gain(winner))
      pairs.push_back({titleOf(program), *winner->default_median_us, *winner->median_us});
  return pairs.empty() ? "" : "<h2>Best against default</h2>\n" + drawBars(pairs);
}

/// A map for each sweep of each variant: ratios of the candidates that differ from the emitted ones on it.
static std::string maps(const SearchResult &result) {
  std::map<std::string, std::vector<Cell>> cells;
  for (const Trial &trial : result.trials)
    if (trial.median_us && trial.default_median_us)
      for (const TrialKernel &kernel : trial.kernels)
        cells[trial.variant + ", " + kernel.kernel].push_back(
            {kernel.schedule.tile_m, kernel.schedule.tile_n, *trial.median_us / *trial.default_median_us});
  std::string out;
  for (const auto &[title, list] : cells) {
    std::map<std::pair<int, int>, int> sizes;
    for (const Cell &cell : list) sizes[{cell.tile_m, cell.tile_n}]++;
    if (sizes.size() > 1) out += "<h3>" + escaped(title) + ": least part of the default's time</h3>\n" + drawMap(list);
  }
  return out;
}

static std::string trialTable(const SearchResult &result) {
  std::string out = "<details><summary>" + std::to_string(result.trials.size()) +
                    " trials</summary><table><tr><th>candidate</th><th>outcome</th><th class=\"n\">us</th>"
                    "<th class=\"n\">default, us</th><th>verdict</th></tr>\n";
  for (const Trial &trial : result.trials)
    out += "<tr><td>" + escaped(scheduleText(trial)) + "</td><td>" + name(trial.outcome) +
           (trial.reason.empty() ? "" : ": " + escaped(trial.reason)) + "</td>" + number(trial.median_us) +
           number(trial.default_median_us) + "<td>" + (trial.verdict == Verdict::None ? "" : name(trial.verdict)) +
           "</td></tr>\n";
  return out + "</table></details>\n";
}

static std::string section(const TunedProgram &program) {
  const SearchResult &result = program.result;
  std::vector<Point> points;
  double standard = 0;
  for (const Trial &trial : result.trials) {
    if (!trial.median_us) continue;
    points.push_back({*trial.median_us, trial.cold_median_us.has_value(), scheduleText(trial)});
    if (trial.default_median_us) standard = *trial.default_median_us;
  }
  std::string out = "<h2>" + escaped(titleOf(program)) + "</h2>\n";
  if (result.winner) out += "<p>" + escaped(scheduleText(*result.winner)) + "</p>\n";
  if (!points.empty()) out += "<h3>Time per candidate</h3>\n" + drawPoints(points, standard);
  return out + maps(result) + trialTable(result);
}

std::string tuner::htmlReport(const TuningReport &report) {
  std::string out = kOpening;
  out += "<h1>jvpgen tune</h1>\n<p>Run " + report.run + ", " + shortNumber(report.seconds) + " s" +
         (report.is_interrupted ? ", interrupted" : "") +
         ". Times are medians of steady calls, in turns with the default; "
         "cold: with an empty L2 cache.</p>\n";
  out += summary(report) + bars(report);
  for (const TunedProgram &program : report.programs) out += section(program);
  return out + "</body></html>\n";
}
