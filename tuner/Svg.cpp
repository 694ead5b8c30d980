#include "tuner/Svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

using namespace jvpgen;

std::string tuner::escaped(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string tuner::shortNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f",
                std::abs(value) >= 100   ? 0
                : std::abs(value) >= 10  ? 1
                : std::abs(value) >= 0.1 ? 3
                                         : 5,
                value);
  return text;
}

/// Coordinates need no more than a tenth of a unit.
static std::string at(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

static std::string open(double width, double height) {
  return "<svg viewBox=\"0 0 " + at(width) + " " + at(height) + "\" width=\"" + at(width) + "\" height=\"" +
         at(height) + "\" role=\"img\">\n";
}

static std::string rect(double x, double y, double width, double height, const std::string &fill,
                        const std::string &title = "") {
  return "<rect x=\"" + at(x) + "\" y=\"" + at(y) + "\" width=\"" + at(width) + "\" height=\"" + at(height) +
         "\" fill=\"" + fill + "\">" + (title.empty() ? "" : "<title>" + tuner::escaped(title) + "</title>") +
         "</rect>\n";
}

static std::string label(double x, double y, const std::string &text, const char *anchor = "start") {
  return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + anchor + "\">" + tuner::escaped(text) +
         "</text>\n";
}

static std::string line(double x1, double y1, double x2, double y2, const std::string &look) {
  return "<line x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" + at(y2) + "\" " + look +
         "/>\n";
}

std::string tuner::drawBars(const std::vector<BarPair> &pairs) {
  constexpr double kTitles = 260, kFull = 320, kRow = 44;
  std::string out = open(kTitles + kFull + 200, kRow * double(pairs.size()) + 4);
  for (size_t k = 0; k < pairs.size(); ++k) {
    const BarPair &pair = pairs[k];
    const double y = kRow * double(k), part = pair.standard > 0 ? pair.best / pair.standard : 1;
    out += label(kTitles - 10, y + 22, pair.title, "end");
    out += rect(kTitles, y + 4, kFull, 14, "#b8bec6", "default");
    out += rect(kTitles, y + 20, kFull * std::min(part, 1.3), 14, "#2a9d5c", "best");
    out += label(kTitles + kFull + 8, y + 16, shortNumber(pair.standard) + " us");
    out += label(kTitles + kFull * std::min(part, 1.3) + 8, y + 32,
                 shortNumber(pair.best) + " us, " + shortNumber(part > 0 ? 1 / part : 0) + "x");
  }
  return out + "</svg>\n";
}

std::string tuner::drawPoints(const std::vector<Point> &points, double standard_us) {
  constexpr double kLeft = 70, kWidth = 640, kHeight = 220, kTop = 10;
  if (points.empty()) return "";
  double low = standard_us > 0 ? standard_us : points[0].us, high = low;
  for (const Point &point : points) low = std::min(low, point.us), high = std::max(high, point.us);
  low *= 0.93, high *= 1.07;
  auto y = [&](double us) { return kTop + kHeight * (1 - std::log(us / low) / std::log(high / low)); };
  std::string out = open(kLeft + kWidth + 20, kTop + kHeight + 30);
  for (int k = 0; k <= 4; ++k) { // equal steps of the logarithm
    const double us = low * std::pow(high / low, k / 4.0);
    out += line(kLeft, y(us), kLeft + kWidth, y(us), "stroke=\"#e3e6ea\"") +
           label(kLeft - 6, y(us) + 4, shortNumber(us), "end");
  }
  if (standard_us > 0)
    out += line(kLeft, y(standard_us), kLeft + kWidth, y(standard_us), "stroke=\"#5a6370\" stroke-dasharray=\"5 4\"");
  for (size_t k = 0; k < points.size(); ++k) {
    const double x = kLeft + kWidth * (double(k) + 0.5) / double(points.size());
    out += "<circle cx=\"" + at(x) + "\" cy=\"" + at(y(points[k].us)) + "\" r=\"3.5\" fill=\"" +
           (points[k].isFinal ? "#d1495b" : "#30638e") + "\"><title>" + escaped(points[k].title) + ": " +
           shortNumber(points[k].us) + " us</title></circle>\n";
  }
  out += label(kLeft + kWidth / 2, kTop + kHeight + 20,
               "trials in their order; us; dashed: the default; red: the final", "middle");
  return out + "</svg>\n";
}

/// White at 1; the further from it, the stronger.
static std::string shade(double ratio) {
  const double strength = std::min(1.0, std::abs(std::log2(std::max(ratio, 1e-3))));
  const int pale = int(255 - 150 * strength);
  char text[16];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", ratio < 1 ? pale : 235, ratio < 1 ? 215 : pale, pale);
  return ratio == 1 ? "#ffffff" : text;
}

std::string tuner::drawMap(const std::vector<Cell> &cells) {
  constexpr double kCell = 58, kHigh = 30, kLeft = 90, kTop = 34;
  std::map<std::pair<int, int>, double> least;
  std::set<int> rows, columns;
  for (const Cell &cell : cells) {
    rows.insert(cell.tile_m), columns.insert(cell.tile_n);
    auto [entry, isNew] = least.try_emplace({cell.tile_m, cell.tile_n}, cell.ratio);
    entry->second = std::min(entry->second, cell.ratio);
  }
  std::string out = open(kLeft + kCell * double(columns.size()) + 10, kTop + kHigh * double(rows.size()) + 10);
  double x = kLeft;
  for (int tile_n : columns) {
    out += label(x + kCell / 2, kTop - 8, "tile_n " + std::to_string(tile_n), "middle");
    x += kCell;
  }
  double y = kTop;
  for (int tile_m : rows) {
    out += label(kLeft - 8, y + 20, "tile_m " + std::to_string(tile_m), "end");
    x = kLeft;
    for (int tile_n : columns) {
      const auto entry = least.find({tile_m, tile_n});
      out += rect(x, y, kCell - 2, kHigh - 2, entry == least.end() ? "#f4f5f7" : shade(entry->second));
      if (entry != least.end()) out += label(x + kCell / 2 - 1, y + 19, shortNumber(entry->second), "middle");
      x += kCell;
    }
    y += kHigh;
  }
  return out + "</svg>\n";
}
