// The machine under the kernels: every instruction that plain C++ cannot say. The only file with inline PTX.
#pragma once

using u16 = unsigned short;
using u32 = unsigned int;
using i64 = long long;

/// Four 32-bit words that move together: 16 bytes of global or shared memory.
struct alignas(16) Words {
  u32 w[4];
};

/// A byte address in the block's shared memory; all of it is dynamic, beginning at shared_base().
using SharedAddress = u32;

// With JVPGEN_HOST the same functions come from a header of the host, which runs one fiber per thread of a block.
#ifdef JVPGEN_HOST
#include "host_primitives.h"
#else

#define DEV __device__ __forceinline__
#define KERNEL(threads, blocks_per_processor)                                                                          \
  extern "C" __global__ void __launch_bounds__(threads, blocks_per_processor)
#define PARAMETER const __grid_constant__

// ---- threads ----

DEV int thread_index() { return threadIdx.x; }
DEV int block_index() { return blockIdx.x; }
DEV int grid_size() { return gridDim.x; }

/// Every thread of the block has arrived, and sees what the others wrote.
DEV void barrier() { __syncthreads(); }

/// x of the lane whose number differs by the bits of `mask`.
DEV float shuffle_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }

/// Whether some thread of the warp says so.
DEV bool any_in_warp(bool x) { return __any_sync(0xffffffffu, x); }

// ---- shared memory ----

DEV SharedAddress shared_base() {
  extern __shared__ Words shared_memory[];
  return static_cast<u32>(__cvta_generic_to_shared(shared_memory));
}
DEV float load_shared(SharedAddress at) {
  float x;
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(at) : "memory");
  return x;
}
DEV void load_shared_pair(float &x, float &y, SharedAddress at) {
  asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(x), "=f"(y) : "r"(at) : "memory");
}
DEV void store_shared(SharedAddress at, float x) {
  asm volatile("st.shared.f32 [%0], %1;" ::"r"(at), "f"(x) : "memory");
}
DEV void store_shared_words(SharedAddress at, const Words &x) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(at), "r"(x.w[0]), "r"(x.w[1]), "r"(x.w[2]), "r"(x.w[3])
               : "memory");
}

/// Copies 16 bytes from global to shared memory behind the thread's back; zeros if not `valid` (nothing is read then).
DEV void copy_async(SharedAddress to, const void *from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)),
               "r"(valid ? 16 : 0)
               : "memory");
}
/// The same for one float32.
DEV void copy_async_number(SharedAddress to, const float *from, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)),
               "r"(valid ? 4 : 0)
               : "memory");
}
/// Closes a group of copies; wait_copies<N> returns when at most the N latest groups of this thread are under way.
DEV void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> DEV void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// ---- matrices ----

/// Four 8x8 matrices of 16-bit elements: lane 8 m + r gives the address of row r of matrix m; afterwards x[m] of lane l
/// holds the elements 2 (l mod 4) and 2 (l mod 4) + 1 of row l / 4. A row of 16 bytes may as well be four 32-bit
/// elements.
DEV void load_matrices(u32 (&x)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(row)
               : "memory");
}
/// The same, each matrix transposed.
DEV void load_matrices_transposed(u32 (&x)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(row)
               : "memory");
}

/// c += a b: a 16x16, b 16x8 of 16-bit elements, c 16x8 float32. c[e] is row l / 4 + 8 (e / 2), column 2 (l mod 4) + e
/// mod 2.
DEV void mma_bf16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
DEV void mma_f16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// c += a b: a 16x8, b 8x8 of TF32 numbers in 32-bit words. a[0], a[1] hold rows l / 4 and l / 4 + 8 of column l mod 4,
/// a[2], a[3] the same of column l mod 4 + 4; b0, b1 hold rows l mod 4 and l mod 4 + 4 of column l / 4.
DEV void mma_tf32(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// ---- numbers ----

DEV u32 bits_of(float x) { return __float_as_uint(x); }
DEV float float_of(u32 x) { return __uint_as_float(x); }

/// Two numbers rounded to 16 bits (to nearest, ties to even), the first in the low half.
DEV u32 pack_bf16(float low, float high) {
  u32 x;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
  return x;
}
DEV u32 pack_f16(float low, float high) {
  u32 x;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
  return x;
}
DEV float float_of_f16(u16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
  return y;
}
/// The nearest TF32 number, as the 32-bit word that mma_tf32 takes.
DEV u32 round_tf32(float x) {
  u32 y;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
  return y;
}

/// Approximations with a relative error of a few units of float32's last place.
DEV float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEV float log2_fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEV float recip_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// Correct to float32.
DEV float sqrt_exact(float x) { return sqrtf(x); }
DEV float tanh_exact(float x) { return tanhf(x); }
DEV float fused(float x, float y, float z) { return fmaf(x, y, z); } ///< x y + z, rounded once
DEV float least(float x, float y) { return fminf(x, y); }
DEV float greatest(float x, float y) { return fmaxf(x, y); }
DEV float magnitude(float x) { return fabsf(x); }

#endif // JVPGEN_HOST

constexpr int kWarp = 32; ///< threads of a warp

DEV float infinity() { return float_of(0x7f800000u); }
