// What can be measured of a program, and what was.
#ifndef JVPGEN_TOOLS_JVPGEN_TIMING_H
#define JVPGEN_TOOLS_JVPGEN_TIMING_H

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace jvpgen {

/// What is to be measured of one program and shape.
struct TimingOptions {
  int rounds = 20;          ///< the median counts
  double burst_ms = 40;     ///< of the GPU: in a round calls follow one another for so long; 0: one call
  bool ceiling = false;     ///< in turns with the ceiling, if that can be had
  bool by_launch = false;   ///< of the GPU: each kernel's time as well
  bool graph_slope = false; ///< of the GPU: what one more call in a graph takes as well
};

/// One kernel of a program.
struct LaunchTime {
  std::string kernel;
  double median_ms = 0;
};

/// What was measured of one program and shape; times are medians.
struct Timing {
  double median_ms = 0;
  std::optional<double> ceiling_tflops; ///< measured in turns with the program
  std::vector<LaunchTime> launches;     ///< in order, if they were asked for
  std::optional<double> slope_us;       ///< if it was asked for
  size_t workspace_bytes = 0;           ///< row statistics, and what gradients of a broadcast bias are summed from
};

} // namespace jvpgen

#endif
