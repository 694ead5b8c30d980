// One warp's share of a warpgroup's product, on operands laid out as the PTX ISA states for swizzled matrices.
#ifndef JVPGEN_TESTS_EMULATOR_WARPGROUPPRODUCT_H
#define JVPGEN_TESTS_EMULATOR_WARPGROUPPRODUCT_H

#include "HostMachine.h"
#include <functional>

namespace jvpgen {

/// Gives the 16-bit element at an address of shared memory.
using ReadElement = std::function<uint16_t(uint32_t)>;

/// The address after the swizzle over rows of `width` bytes (32, 64, 128): bits 4 .. 6 are changed by bits 7 .. 9.
uint32_t swizzled(uint32_t address, uint32_t width);

/// c (+)= a b of the warp that is number `warp` in its warpgroup. All lanes bring the same product with registers of
/// their own.
void multiplyWarp(const HostMachine::Product *const (&lanes)[32], int warp, const ReadElement &read);

} // namespace jvpgen

#endif
