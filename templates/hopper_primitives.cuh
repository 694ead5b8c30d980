// The instructions that Hopper (sm_90a) adds: barriers that count bytes, the copy engine, products of warpgroups.
#pragma once

#include "elements.cuh"

/// Where a tensor lies, for the copy engine: made by the host, passed as a kernel's parameter.
struct alignas(64) TensorMap {
  unsigned char opaque[128];
};

/// A shared-memory operand of a product of warpgroups: address, strides between its blocks, swizzle.
using MatrixDescriptor = unsigned long long;

#ifdef JVPGEN_HOST
#include "host_hopper_primitives.h"
#else

/// Bit l says what lane l says.
DEV u32 warp_ballot(bool x) { return __ballot_sync(0xffffffffu, x); }
DEV int lowest_bit(u32 x) { return __ffs(x) - 1; } ///< its number
/// What lanes have read or written before is behind them all.
DEV void warp_barrier() { __syncwarp(); }
/// A number that is the same in all lanes.
DEV int uniform(int x) { return __shfl_sync(0xffffffffu, x, 0); }
/// The same number, of which the compiler knows nothing: what is computed from it is computed where it stands.
DEV u32 opaque(u32 x) {
  asm volatile("" : "+r"(x));
  return x;
}

// ---- barriers in shared memory: a phase ends when all arrivals and all announced bytes have come ----

DEV void phase_init(SharedAddress barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
/// Makes initialised barriers known to the copy engine; a barrier of the block has to follow.
DEV void phase_init_end() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
DEV void phase_arrive(SharedAddress barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// The same as soon as all asynchronous copies of this thread have come.
DEV void phase_arrive_after_copies(SharedAddress barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}
/// Arrives, and announces bytes that copies will bring.
DEV void phase_arrive_expecting(SharedAddress barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
/// Whether the phase of that parity has ended; may wait a while before it says no.
DEV bool phase_ended(SharedAddress barrier, u32 parity) {
  u32 ended;
  asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
               : "=r"(ended)
               : "r"(barrier), "r"(parity)
               : "memory");
  return ended;
}
DEV void phase_wait(SharedAddress barrier, u32 parity) {
  while (!phase_ended(barrier, parity)) {
  }
}
/// The same for threads that hold no accumulators: a wait of seconds, that is a deadlock, becomes an error.
DEV void phase_wait_guarded(SharedAddress barrier, u32 parity) {
  if (phase_ended(barrier, parity)) return;
  const long long start = clock64();
  while (!phase_ended(barrier, parity))
    if (clock64() - start > 8000000000ll) asm volatile("trap;");
}

// ---- meeting points of some of the block's threads, by number; 0 is that of barrier() ----

DEV void meeting_wait(int number, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}
DEV void meeting_arrive(int number, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

/// Registers of each thread of the warpgroup from now on.
template <int N> DEV void raise_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> DEV void lower_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }

// ---- copies of boxes ----

/// Copies the map's box from (feature, row, head, batch) on to shared memory; what lies outside the tensor becomes
/// zero. The bytes are counted by the barrier.
DEV void copy_box(SharedAddress to, const TensorMap &map, int feature, int row, int head, int batch,
                  SharedAddress barrier) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, "
               "%6}], [%2];" ::"r"(to),
               "l"(&map), "r"(barrier), "r"(feature), "r"(row), "r"(head), "r"(batch)
               : "memory");
}
/// Brings the line of 128 bytes that holds the address to the cache that all multiprocessors share.
DEV void prefetch_line(const void *at) { asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at))); }
/// Brings a map nearer, which the first copy by it would wait for.
DEV void prefetch_map(const TensorMap &map) { asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory"); }
/// What this thread stored to shared memory is seen by the copy engine and by products that begin later.
DEV void publish_stores() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// The number of those who drew from the counter before.
DEV u32 draw_number(u32 *counter) {
  u32 x;
  asm volatile("atom.relaxed.gpu.global.add.u32 %0, [%1], 1;"
               : "=r"(x)
               : "l"(__cvta_generic_to_global(counter))
               : "memory");
  return x;
}

// ---- numbers ----

/// The greater of two words, or of each half of them.
template <int Bytes> DEV u32 greatest_bits(u32 x, u32 y) {
  if constexpr (Bytes == 4) return x > y ? x : y;
  u32 out;
  asm("max.u16x2 %0, %1, %2;" : "=r"(out) : "r"(x), "r"(y));
  return out;
}

// ---- products of warpgroups: four warps, 64 rows; they run behind the threads' backs ----

/// Stands before the first product that reads or writes registers the threads have written.
DEV void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/// Closes a group of products; wait_products<N> returns when at most the N latest groups are under way.
DEV void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEV void wait_products() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }

/// Reads and writes of the registers stay on their side of this point.
template <int N> DEV void hold(float (&x)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) asm volatile("" : "+f"(x[n][e])::"memory");
}
template <int N> DEV void hold(u32 (&x)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) asm volatile("" : "+r"(x[n][e])::"memory");
}
/// The registers' values die here: a product that does not add to them follows.
template <int N> DEV void forget(float (&x)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) asm volatile("" : "=f"(x[n][e])::"memory");
}

// One product of 64 rows, N columns and 16 summed elements; the number of columns follows from c, which is laid out as
// the accumulators of mma are, warp by warp.
//   wgmma_shared:    c = a bt (+ c if Adds), both operands in shared memory, their features summed
//   wgmma_registers: c += a b, a in registers as mma takes it, the rows of b summed
#define JVPGEN_REGISTERS_16 "%0,%1,%2,%3,%4,%5,%6,%7"
#define JVPGEN_REGISTERS_32                                                                                            \
  JVPGEN_REGISTERS_16 ","                                                                                              \
                      "%8,%9,%10,%11,%12,%13,%14,%15"
#define JVPGEN_REGISTERS_48                                                                                            \
  JVPGEN_REGISTERS_32 ","                                                                                              \
                      "%16,%17,%18,%19,%20,%21,%22,%23"
#define JVPGEN_REGISTERS_64                                                                                            \
  JVPGEN_REGISTERS_48 ","                                                                                              \
                      "%24,%25,%26,%27,%28,%29,%30,%31"
#define JVPGEN_REGISTERS_80                                                                                            \
  JVPGEN_REGISTERS_64 ","                                                                                              \
                      "%32,%33,%34,%35,%36,%37,%38,%39"
#define JVPGEN_REGISTERS_96                                                                                            \
  JVPGEN_REGISTERS_80 ","                                                                                              \
                      "%40,%41,%42,%43,%44,%45,%46,%47"
#define JVPGEN_REGISTERS_112                                                                                           \
  JVPGEN_REGISTERS_96 ","                                                                                              \
                      "%48,%49,%50,%51,%52,%53,%54,%55"
#define JVPGEN_REGISTERS_128                                                                                           \
  JVPGEN_REGISTERS_112 ","                                                                                             \
                       "%56,%57,%58,%59,%60,%61,%62,%63"
#define JVPGEN_REGISTERS_144                                                                                           \
  JVPGEN_REGISTERS_128 ","                                                                                             \
                       "%64,%65,%66,%67,%68,%69,%70,%71"
#define JVPGEN_REGISTERS_160                                                                                           \
  JVPGEN_REGISTERS_144 ","                                                                                             \
                       "%72,%73,%74,%75,%76,%77,%78,%79"
#define JVPGEN_REGISTERS_176                                                                                           \
  JVPGEN_REGISTERS_160 ","                                                                                             \
                       "%80,%81,%82,%83,%84,%85,%86,%87"
#define JVPGEN_REGISTERS_192                                                                                           \
  JVPGEN_REGISTERS_176 ","                                                                                             \
                       "%88,%89,%90,%91,%92,%93,%94,%95"
#define JVPGEN_REGISTERS_208                                                                                           \
  JVPGEN_REGISTERS_192 ","                                                                                             \
                       "%96,%97,%98,%99,%100,%101,%102,%103"
#define JVPGEN_REGISTERS_224                                                                                           \
  JVPGEN_REGISTERS_208 ","                                                                                             \
                       "%104,%105,%106,%107,%108,%109,%110,%111"
#define JVPGEN_REGISTERS_240                                                                                           \
  JVPGEN_REGISTERS_224 ","                                                                                             \
                       "%112,%113,%114,%115,%116,%117,%118,%119"
#define JVPGEN_REGISTERS_256                                                                                           \
  JVPGEN_REGISTERS_240 ","                                                                                             \
                       "%120,%121,%122,%123,%124,%125,%126,%127"
#define JVPGEN_NUMBERS(n)                                                                                              \
  "+f"(c[n][0]), "+f"(c[n][1]), "+f"(c[n][2]), "+f"(c[n][3]), "+f"(c[n + 1][0]), "+f"(c[n + 1][1]), "+f"(c[n + 1][2]), \
      "+f"(c[n + 1][3])
#define JVPGEN_NUMBERS_16 JVPGEN_NUMBERS(0)
#define JVPGEN_NUMBERS_32 JVPGEN_NUMBERS_16, JVPGEN_NUMBERS(2)
#define JVPGEN_NUMBERS_48 JVPGEN_NUMBERS_32, JVPGEN_NUMBERS(4)
#define JVPGEN_NUMBERS_64 JVPGEN_NUMBERS_48, JVPGEN_NUMBERS(6)
#define JVPGEN_NUMBERS_80 JVPGEN_NUMBERS_64, JVPGEN_NUMBERS(8)
#define JVPGEN_NUMBERS_96 JVPGEN_NUMBERS_80, JVPGEN_NUMBERS(10)
#define JVPGEN_NUMBERS_112 JVPGEN_NUMBERS_96, JVPGEN_NUMBERS(12)
#define JVPGEN_NUMBERS_128 JVPGEN_NUMBERS_112, JVPGEN_NUMBERS(14)
#define JVPGEN_NUMBERS_144 JVPGEN_NUMBERS_128, JVPGEN_NUMBERS(16)
#define JVPGEN_NUMBERS_160 JVPGEN_NUMBERS_144, JVPGEN_NUMBERS(18)
#define JVPGEN_NUMBERS_176 JVPGEN_NUMBERS_160, JVPGEN_NUMBERS(20)
#define JVPGEN_NUMBERS_192 JVPGEN_NUMBERS_176, JVPGEN_NUMBERS(22)
#define JVPGEN_NUMBERS_208 JVPGEN_NUMBERS_192, JVPGEN_NUMBERS(24)
#define JVPGEN_NUMBERS_224 JVPGEN_NUMBERS_208, JVPGEN_NUMBERS(26)
#define JVPGEN_NUMBERS_240 JVPGEN_NUMBERS_224, JVPGEN_NUMBERS(28)
#define JVPGEN_NUMBERS_256 JVPGEN_NUMBERS_240, JVPGEN_NUMBERS(30)
#define JVPGEN_WGMMA(Type, type, N, x0, x1, x2, x3, x4, x5)                                                            \
  template <bool Adds> DEV void wgmma_shared(Type, float (&c)[N / 8][4], MatrixDescriptor a, MatrixDescriptor b) {     \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #x2 ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." type \
                 "." type " {" JVPGEN_REGISTERS_##N "}, %" #x0 ", %" #x1 ", p, 1, 1, 0, 0;\n}"                         \
                 : JVPGEN_NUMBERS_##N                                                                                  \
                 : "l"(a), "l"(b), "n"(int(Adds)));                                                                    \
  }                                                                                                                    \
  DEV void wgmma_registers(Type, float (&c)[N / 8][4], const u32(&a)[4], MatrixDescriptor b) {                         \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #x5 ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." type \
                 "." type " {" JVPGEN_REGISTERS_##N "}, {%" #x0 ", %" #x1 ", %" #x2 ", %" #x3 "}, %" #x4               \
                                                    ", p, 1, 1, 1;\n}"                                                 \
                 : JVPGEN_NUMBERS_##N                                                                                  \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(1));                                        \
  }
#define JVPGEN_WGMMA_SHAPE(N, x0, x1, x2, x3, x4, x5)                                                                  \
  JVPGEN_WGMMA(Bf16, "bf16", N, x0, x1, x2, x3, x4, x5)                                                                \
  JVPGEN_WGMMA(F16, "f16", N, x0, x1, x2, x3, x4, x5)
// The operands behind the accumulators are numbered from N / 2 on.
JVPGEN_WGMMA_SHAPE(16, 8, 9, 10, 11, 12, 13)
JVPGEN_WGMMA_SHAPE(32, 16, 17, 18, 19, 20, 21)
JVPGEN_WGMMA_SHAPE(48, 24, 25, 26, 27, 28, 29)
JVPGEN_WGMMA_SHAPE(64, 32, 33, 34, 35, 36, 37)
JVPGEN_WGMMA_SHAPE(80, 40, 41, 42, 43, 44, 45)
JVPGEN_WGMMA_SHAPE(96, 48, 49, 50, 51, 52, 53)
JVPGEN_WGMMA_SHAPE(112, 56, 57, 58, 59, 60, 61)
JVPGEN_WGMMA_SHAPE(128, 64, 65, 66, 67, 68, 69)
JVPGEN_WGMMA_SHAPE(144, 72, 73, 74, 75, 76, 77)
JVPGEN_WGMMA_SHAPE(160, 80, 81, 82, 83, 84, 85)
JVPGEN_WGMMA_SHAPE(176, 88, 89, 90, 91, 92, 93)
JVPGEN_WGMMA_SHAPE(192, 96, 97, 98, 99, 100, 101)
JVPGEN_WGMMA_SHAPE(208, 104, 105, 106, 107, 108, 109)
JVPGEN_WGMMA_SHAPE(224, 112, 113, 114, 115, 116, 117)
JVPGEN_WGMMA_SHAPE(240, 120, 121, 122, 123, 124, 125)
JVPGEN_WGMMA_SHAPE(256, 128, 129, 130, 131, 132, 133)

#endif // JVPGEN_HOST
