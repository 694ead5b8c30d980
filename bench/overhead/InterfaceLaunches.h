// The same launches through the C interface: what an application pays.
#ifndef JVPGEN_BENCH_OVERHEAD_INTERFACELAUNCHES_H
#define JVPGEN_BENCH_OVERHEAD_INTERFACELAUNCHES_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct InterfaceOptions {
  std::string bundle, program;
  int64_t batch, heads, q_length, kv_length;
  char *memory; ///< of the GPU: a place of `bytes` bytes for each tensor, set after set
  size_t bytes, sets;
  void *workspace, *stream;
};

class InterfaceLaunches {
public:
  /// Opens, prepares; says what went wrong by an exception.
  explicit InterfaceLaunches(const InterfaceOptions &options);
  ~InterfaceLaunches();

  /// With the addresses of one of the sets.
  void launch(size_t turn);
  double prepareMilliseconds() const;

private:
  struct Contents;
  std::unique_ptr<Contents> contents;
};

#endif
