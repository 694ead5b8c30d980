// The SHA extensions of x86-64: two rounds an instruction, four words of the message schedule by two.
#include "support/HashInstructions.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

using namespace jvpgen;

/// The state lies in two registers as the instructions want it, highest word first: A B E F and C D G H.
__attribute__((target("sha,sse4.1"))) static void hashBlocks(std::array<uint32_t, 8> &state, const unsigned char *data,
                                                             size_t blocks) {
  auto *words = reinterpret_cast<__m128i *>(state.data());
  const __m128i bigEndian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; blocks; --blocks, data += 64) {
    const __m128i before_abef = abef, before_cdgh = cdgh;
    __m128i w[4]; // of the schedule, the last 16 words
    for (int g = 0; g < 16; ++g) {
      __m128i &four = w[g % 4];
      const __m128i &last = w[(g + 3) % 4];
      if (g < 4) {
        four = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(data) + g), bigEndian);
      } else { // W[t] = s1(W[t-2]) + W[t-7] + s0(W[t-15]) + W[t-16]
        const __m128i seventh = _mm_alignr_epi8(last, w[(g + 2) % 4], 4);
        four = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(four, w[(g + 1) % 4]), seventh), last);
      }
      const __m128i added = _mm_add_epi32(four, _mm_loadu_si128(reinterpret_cast<const __m128i *>(kHashRounds) + g));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, added);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(added, 0x0e));
    }
    abef = _mm_add_epi32(abef, before_abef);
    cdgh = _mm_add_epi32(cdgh, before_cdgh);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

HashBlocks jvpgen::hashInstructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool hasShuffles = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
  return hasShuffles && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) ? hashBlocks : nullptr;
}

#else

jvpgen::HashBlocks jvpgen::hashInstructions() { return nullptr; }

#endif
