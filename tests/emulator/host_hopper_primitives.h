// The primitives of templates/hopper_primitives.cuh for the host.
#pragma once

DEV u32 warp_ballot(bool x) { return host_machine->ballot(x); }
DEV int lowest_bit(u32 x) { return std::countr_zero(x); }
DEV void warp_barrier() { (void)host_machine->any(true); }
DEV int uniform(int x) { return host_machine->broadcast(x); }
DEV u32 opaque(u32 x) { return x; }

template <int Bytes> DEV u32 greatest_bits(u32 x, u32 y) {
  if constexpr (Bytes == 4) return x > y ? x : y;
  const u32 low = (x & 0xffffu) > (y & 0xffffu) ? x & 0xffffu : y & 0xffffu,
            high = x >> 16 > y >> 16 ? x >> 16 : y >> 16;
  return low | high << 16;
}

// ---- barriers in shared memory ----

DEV void phase_init(SharedAddress barrier, int arrivals) { host_machine->phaseInit(barrier, arrivals); }
DEV void phase_init_end() {}
DEV void phase_arrive(SharedAddress barrier) { host_machine->phaseArrive(barrier, 0); }
DEV void phase_arrive_after_copies(SharedAddress barrier) { host_machine->phaseArriveAfterCopies(barrier); }
DEV void phase_arrive_expecting(SharedAddress barrier, int bytes) { host_machine->phaseArrive(barrier, bytes); }
DEV void phase_wait(SharedAddress barrier, u32 parity) { host_machine->phaseWait(barrier, parity); }
DEV void phase_wait_guarded(SharedAddress barrier, u32 parity) { host_machine->phaseWait(barrier, parity); }
DEV void meeting_wait(int number, int threads) { host_machine->meeting(number, threads, true); }
DEV void meeting_arrive(int number, int threads) { host_machine->meeting(number, threads, false); }
template <int N> DEV void raise_registers() {}
template <int N> DEV void lower_registers() {}

// ---- copies of boxes ----

DEV void copy_box(SharedAddress to, const TensorMap &map, int feature, int row, int head, int batch,
                  SharedAddress barrier) {
  const int at[4] = {feature, row, head, batch};
  host_machine->copyBox(to, &map, at, barrier);
}
DEV void prefetch_line(const void *) {}
DEV void prefetch_map(const TensorMap &) {}
DEV void publish_stores() {}
DEV u32 draw_number(u32 *counter) { return (*counter)++; }

// ---- products of warpgroups ----

DEV void begin_products() {}
DEV void end_products() { host_machine->closeProducts(); }
template <int N> DEV void wait_products() { host_machine->waitProducts(N); }
template <int N> DEV void hold(float (&)[N][4]) {}
template <int N> DEV void hold(u32 (&)[N][4]) {}
template <int N> DEV void forget(float (&x)[N][4]) {
  for (float (&group)[4] : x)
    for (float &number : group) number = float_of(0x7fffffffu);
}

template <class Type> constexpr HostMachine::Element host_element = HostMachine::Element::BF16;
template <> inline constexpr HostMachine::Element host_element<F16> = HostMachine::Element::F16;

template <bool Adds, class Type, int N>
DEV void wgmma_shared(Type, float (&c)[N][4], MatrixDescriptor a, MatrixDescriptor b) {
  host_machine->multiplyLater({host_element<Type>, 8 * N, c, nullptr, a, b, Adds});
}
template <class Type, int N> DEV void wgmma_registers(Type, float (&c)[N][4], const u32 (&a)[4], MatrixDescriptor b) {
  host_machine->multiplyLater({host_element<Type>, 8 * N, c, a, 0, b, true});
}
