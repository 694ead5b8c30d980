// SHA-256 by the processor's own instructions, where it has them.
#ifndef JVPGEN_SUPPORT_HASHINSTRUCTIONS_H
#define JVPGEN_SUPPORT_HASHINSTRUCTIONS_H

#include <array>
#include <cstddef>
#include <cstdint>

namespace jvpgen {

/// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
extern const uint32_t kHashRounds[64];

/// Carries on with `blocks` times 64 bytes; null where the processor has no such instructions.
using HashBlocks = void (*)(std::array<uint32_t, 8> &state, const unsigned char *data, size_t blocks);
HashBlocks hashInstructions();

} // namespace jvpgen

#endif
