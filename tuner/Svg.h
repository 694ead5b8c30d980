// Drawings for a report, as SVG inside a page: bars, points over the order of trials, a map of tile sizes.
#ifndef JVPGEN_TUNER_SVG_H
#define JVPGEN_TUNER_SVG_H

#include <optional>
#include <string>
#include <vector>

namespace jvpgen::tuner {

/// Text as it may stand between tags and in attributes.
std::string escaped(const std::string &text);

/// "1.25", "0.031": as many digits as tell it apart.
std::string shortNumber(double value);

struct BarPair {
  std::string title;
  double standard = 0, best = 0; ///< microseconds
};
/// Best against default: two bars for each entry, in parts of its default.
std::string drawBars(const std::vector<BarPair> &pairs);

struct Point {
  double us = 0;
  bool isFinal = false;
  std::string title; ///< shown where the pointer rests on it
};
/// Time per candidate, in the order of the trials, on a logarithmic scale; a line for the default.
std::string drawPoints(const std::vector<Point> &points, double standard_us);

struct Cell {
  int tile_m = 0, tile_n = 0;
  double ratio = 1; ///< of the default's time
};
/// The least ratio of each pair of tile sizes: green below 1, red above.
std::string drawMap(const std::vector<Cell> &cells);

} // namespace jvpgen::tuner

#endif
