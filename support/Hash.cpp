// SHA-256 as FIPS 180-4 states it; blocks go to the processor's instructions where it has them.
#include "support/Hash.h"

#include "support/HashInstructions.h"

#include <algorithm>
#include <bit>
#include <cstring>

using namespace jvpgen;

const uint32_t jvpgen::kHashRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void hashBlock(std::array<uint32_t, 8> &state, const unsigned char *data) {
  uint32_t w[64];
  for (int t = 0; t < 16; ++t)
    w[t] = uint32_t(data[4 * t]) << 24 | uint32_t(data[4 * t + 1]) << 16 | uint32_t(data[4 * t + 2]) << 8 |
           data[4 * t + 3];
  for (int t = 16; t < 64; ++t) {
    uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
    uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (int t = 0; t < 64; ++t) {
    uint32_t t1 =
        h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + kHashRounds[t] + w[t];
    uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const uint32_t add[8] = {a, b, c, d, e, f, g, h};
  for (int k = 0; k < 8; ++k) state[k] += add[k];
}

Sha256 Sha256::portable() {
  Sha256 out;
  out.is_portable = true;
  return out;
}

void Sha256::blocks(const unsigned char *data, size_t count) {
  static const HashBlocks instructions = hashInstructions();
  if (instructions && !is_portable) return instructions(state, data, count);
  for (size_t k = 0; k < count; ++k) hashBlock(state, data + 64 * k);
}

void Sha256::update(std::string_view bytes) {
  size_t held = length % 64;
  length += bytes.size();
  if (held) {
    size_t take = std::min(bytes.size(), 64 - held);
    std::memcpy(pending.data() + held, bytes.data(), take);
    bytes.remove_prefix(take);
    if (held + take < 64) return;
    blocks(pending.data(), 1);
  }
  blocks(reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size() / 64);
  bytes.remove_prefix(bytes.size() / 64 * 64);
  std::copy(bytes.begin(), bytes.end(), pending.begin());
}

std::string Sha256::hex() {
  uint64_t bits = length * 8;
  std::string tail(1, '\x80');
  tail.append((119 - length % 64) % 64, '\0');
  for (int k = 7; k >= 0; --k) tail += static_cast<char>(bits >> (8 * k));
  update(tail);
  std::string out;
  for (uint32_t word : state)
    for (int k = 28; k >= 0; k -= 4) out += "0123456789abcdef"[(word >> k) & 15];
  return out;
}

std::string jvpgen::sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}
