// The primitives of templates/primitives.cuh for the host: each thread of a block is a fiber of a HostMachine.
#pragma once

#include "HostMachine.h"
#include <bit>
#include <cmath>
#include <cstring>

#define DEV inline
#define KERNEL(threads, blocks_per_processor) extern "C" __attribute__((visibility("default"))) void
#define PARAMETER const

static HostMachine *host_machine;
extern "C" __attribute__((visibility("default"), used)) void attach_host_machine(HostMachine *machine) {
  host_machine = machine;
}

// ---- threads
// ---------------------------------------------------------------------------------------------------------

DEV int thread_index() { return host_machine->thread; }
DEV int block_index() { return host_machine->block; }
DEV int grid_size() { return host_machine->blocks; }
DEV void barrier() { host_machine->barrier(); }
DEV float shuffle_xor(float x, int mask) { return host_machine->shuffleXor(x, mask); }
DEV bool any_in_warp(bool x) { return host_machine->any(x); }

// ---- shared memory
// ---------------------------------------------------------------------------------------------------

DEV SharedAddress shared_base() { return 1024; } // as on a GPU, whose own first KiB is reserved
DEV float load_shared(SharedAddress at) {
  float x;
  std::memcpy(&x, host_machine->shared(at, 4), 4);
  return x;
}
DEV void load_shared_pair(float &x, float &y, SharedAddress at) {
  const unsigned char *from = host_machine->shared(at, 8);
  std::memcpy(&x, from, 4);
  std::memcpy(&y, from + 4, 4);
}
DEV void store_shared(SharedAddress at, float x) { std::memcpy(host_machine->shared(at, 4), &x, 4); }
DEV void store_shared_words(SharedAddress at, const Words &x) { std::memcpy(host_machine->shared(at, 16), x.w, 16); }
DEV void copy_async(SharedAddress to, const void *from, bool valid) { host_machine->copyAsync(to, from, 16, valid); }
DEV void copy_async_number(SharedAddress to, const float *from, bool valid) {
  host_machine->copyAsync(to, from, 4, valid);
}
DEV void commit_copies() { host_machine->commitCopies(); }
template <int N> DEV void wait_copies() { host_machine->waitCopies(N); }

// ---- matrices
// --------------------------------------------------------------------------------------------------------

DEV void load_matrices(u32 (&x)[4], SharedAddress row) { host_machine->loadMatrices(x, row, false); }
DEV void load_matrices_transposed(u32 (&x)[4], SharedAddress row) { host_machine->loadMatrices(x, row, true); }
DEV void mma_bf16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  host_machine->multiply(HostMachine::Element::BF16, c, a, b0, b1);
}
DEV void mma_f16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  host_machine->multiply(HostMachine::Element::F16, c, a, b0, b1);
}
DEV void mma_tf32(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  host_machine->multiply(HostMachine::Element::TF32, c, a, b0, b1);
}

// ---- numbers
// ---------------------------------------------------------------------------------------------------------

DEV u32 bits_of(float x) { return std::bit_cast<u32>(x); }
DEV float float_of(u32 x) { return std::bit_cast<float>(x); }

/// To nearest, ties to even; every NaN becomes the one that the GPU's conversions give.
DEV u32 round_bf16(float x) {
  const u32 bits = bits_of(x);
  return x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}
DEV u32 round_f16(float x) { return x != x ? 0x7fffu : u32(std::bit_cast<u16>(static_cast<_Float16>(x))); }
DEV u32 pack_bf16(float low, float high) { return round_bf16(low) | round_bf16(high) << 16; }
DEV u32 pack_f16(float low, float high) { return round_f16(low) | round_f16(high) << 16; }
DEV float float_of_f16(u16 x) { return static_cast<float>(std::bit_cast<_Float16>(x)); }

/// To nearest with 10 bits behind the point, ties away from zero.
DEV u32 round_tf32(float x) { return x != x ? 0x7fffe000u : (bits_of(x) + 0x1000u) & 0xffffe000u; }

/// ".ftz": numbers below the normal ones count as zero, as arguments and as results.
DEV float flushed(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.f, x) : x; }
DEV float exp2_fast(float x) { return flushed(std::exp2(flushed(x))); }
DEV float log2_fast(float x) { return std::log2(flushed(x)); }
DEV float recip_fast(float x) {
  const float y = flushed(x);
  return y == 0.f ? std::copysign(float_of(0x7f800000u), y) : flushed(1.f / y);
}
DEV float sqrt_exact(float x) { return std::sqrt(x); }
DEV float tanh_exact(float x) { return std::tanh(x); }
DEV float fused(float x, float y, float z) { return std::fma(x, y, z); }
DEV float least(float x, float y) { return std::fmin(x, y); }
DEV float greatest(float x, float y) { return std::fmax(x, y); }
DEV float magnitude(float x) { return std::fabs(x); }
