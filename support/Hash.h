// SHA-256 (FIPS 180-4), for keys of caches and digests of bundles.
#ifndef JVPGEN_SUPPORT_HASH_H
#define JVPGEN_SUPPORT_HASH_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace jvpgen {

/// Feeds bytes one piece after the other; `hex` ends it.
class Sha256 {
public:
  Sha256() = default;
  /// By the portable code, though the processor may have instructions.
  static Sha256 portable();
  void update(std::string_view bytes);
  std::string hex();

private:
  void blocks(const unsigned char *data, size_t count);
  bool is_portable = false;
  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending = {};
  uint64_t length = 0;
};

std::string sha256(std::string_view bytes);

} // namespace jvpgen

#endif
