// Threads, warps, barriers and shared memory of one block.
#include "Machine.h"

#include "Fragments.h"

#include <algorithm>
#include <cstring>

using namespace jvpgen;

Result<void> Machine::run(const std::string &name, int64_t grid, int count, uint32_t shared_bytes,
                          const std::function<void()> &body) {
  kernel = name;
  blocks = int(grid);
  problem.clear();
  if (threads.size() < size_t(count)) threads.resize(size_t(count));
  warps.resize(size_t(count / kLanes));
  memory.resize(shared_bytes);
  alive = count;
  for (block = 0; block < blocks && problem.empty(); ++block) {
    alive = count;
    runBlock(body);
  }
  if (problem.empty()) return {};
  return fail(ErrorKind::CheckFailed, problem);
}

void Machine::runBlock(const std::function<void()> &body) {
  std::fill(memory.begin(), memory.end(),
            0xff); // not a number in every type: what was never written is seen in the results
  for (Warp &warp : warps) warp = Warp();
  at_barrier = 0;
  int count = alive;
  for (int k = 0; k < count; ++k) {
    Thread &t = threads[size_t(k)];
    if (!t.fiber) t.fiber = std::make_unique<Fiber>();
    t.waits_for = nullptr;
    t.open.clear();
    t.groups.clear();
    t.open_products.clear();
    t.product_groups.clear();
    t.fiber->start(body);
  }
  phases.clear();
  meetings.clear();
  while (alive > 0) {
    bool progress = false;
    for (thread = 0; thread < count; ++thread) {
      Thread &t = threads[size_t(thread)];
      if (t.fiber->ended() || t.waits()) continue;
      progress = true;
      t.fiber->resume();
      if (!problem.empty()) return;
      if (t.fiber->ended()) threadEnded();
    }
    if (progress || carryOutProducts() || carryOutCopy()) continue;
    if (!problem.empty()) return;
    problem = "kernel " + kernel + ", block " + std::to_string(block) + ": no thread can go on; " + waiting();
    return;
  }
  checkEnd();
}

void Machine::threadEnded() {
  --alive;
  releaseBarrier();
}

std::string Machine::waiting() const {
  std::string out = std::to_string(at_barrier) + " wait at a barrier";
  for (size_t w = 0; w < warps.size(); ++w)
    if (warps[w].arrived)
      out += ", warp " + std::to_string(w) + " has lanes " + std::to_string(warps[w].arrived) +
             " (bits) at collective " + std::to_string(int(warps[w].kind));
  return out;
}

void Machine::waitWhile(const uint64_t &counter) {
  Thread &t = threads[size_t(thread)];
  t.waits_for = &counter;
  t.since = counter;
  Fiber::yield();
}

// ---- barriers and collectives
// ------------------------------------------------------------------------------------------

/// A barrier opens when every thread that has not ended has come.
void Machine::releaseBarrier() {
  if (at_barrier == 0 || at_barrier < alive) return;
  at_barrier = 0;
  ++barriers;
}

void Machine::barrier() {
  ++at_barrier;
  uint64_t before = barriers;
  releaseBarrier();
  if (barriers == before) waitWhile(barriers);
}

void Machine::meet(Collective kind) {
  Warp &warp = warps[size_t(thread / kLanes)];
  if (warp.arrived && warp.kind != kind)
    fault([&] {
      return "its lane is at collective " + std::to_string(int(kind)) + " while others of the warp are at " +
             std::to_string(int(warp.kind));
    });
  warp.kind = kind;
  warp.arrived |= 1u << (thread % kLanes);
  if (warp.arrived != ~0u) return waitWhile(warp.meetings);
  carryOut(warp);
  warp.arrived = 0;
  ++warp.meetings;
}

void Machine::carryOut(Warp &warp) {
  bool some = false;
  switch (warp.kind) {
  case Collective::None: return;
  case Collective::Shuffle:
    for (int l = 0; l < kLanes; ++l) warp.lanes[l].c[0] = warp.lanes[(l ^ warp.lanes[l].mask) & (kLanes - 1)].x;
    return;
  case Collective::Any:
    for (const Lane &l : warp.lanes) some |= l.flag;
    for (Lane &l : warp.lanes) l.flag = some;
    return;
  case Collective::LoadMatrices: return loadAll(warp, false);
  case Collective::LoadMatricesTransposed: return loadAll(warp, true);
  case Collective::MultiplyBF16: return multiplyFragments<Element::BF16>(warp.lanes);
  case Collective::MultiplyF16: return multiplyFragments<Element::F16>(warp.lanes);
  case Collective::MultiplyTF32: return multiplyFragments<Element::TF32>(warp.lanes);
  case Collective::Ballot: {
    uint32_t bits = 0;
    for (int l = 0; l < kLanes; ++l) bits |= uint32_t(warp.lanes[l].flag) << l;
    for (Lane &l : warp.lanes) l.result[0] = bits;
    return;
  }
  case Collective::Broadcast:
    for (Lane &l : warp.lanes) l.result[0] = uint32_t(warp.lanes[0].mask);
    return;
  case Collective::Products: warp.waits_for_products = true; return;
  }
}

float Machine::shuffleXor(float x, int mask) {
  lane().x = x;
  lane().mask = mask;
  meet(Collective::Shuffle);
  return lane().c[0];
}

bool Machine::any(bool x) {
  lane().flag = x;
  meet(Collective::Any);
  return lane().flag;
}

/// Lane 8 m + r names row r of matrix m. Lane l gets of each matrix the 16-bit elements (l / 4, 2 (l mod 4)) and the
/// one right of it; of the transposed matrix the same, that is (2 (l mod 4), l / 4) and the one below it.
void Machine::loadAll(Warp &warp, bool transposed) {
  uint16_t element[4][8][8];
  for (int l = 0; l < kLanes; ++l)
    std::memcpy(element[l / 8][l % 8], memory.data() + (warp.lanes[l].address - kSharedBase), 16);
  for (int l = 0; l < kLanes; ++l)
    for (int m = 0; m < 4; ++m) {
      int row = l / 4, column = 2 * (l % 4);
      uint32_t low = transposed ? element[m][column][row] : element[m][row][column];
      uint32_t high = transposed ? element[m][column + 1][row] : element[m][row][column + 1];
      warp.lanes[l].result[m] = low | high << 16;
    }
}

void Machine::loadMatrices(uint32_t (&x)[4], uint32_t row, bool transposed) {
  shared(row, 16); // in bounds and aligned
  lane().address = row;
  meet(transposed ? Collective::LoadMatricesTransposed : Collective::LoadMatrices);
  std::copy_n(lane().result, 4, x);
}

void Machine::multiply(Element element, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  Lane &own = lane();
  std::copy_n(a, 4, own.a);
  std::copy_n(c, 4, own.c);
  own.b[0] = b0;
  own.b[1] = b1;
  meet(element == Element::BF16  ? Collective::MultiplyBF16
       : element == Element::F16 ? Collective::MultiplyF16
                                 : Collective::MultiplyTF32);
  std::copy_n(own.c, 4, c);
}

// ---- shared memory
// -----------------------------------------------------------------------------------------------------

bool Machine::isShared(uint32_t at, uint32_t bytes) const {
  return at >= kSharedBase && at - kSharedBase <= memory.size() && memory.size() - (at - kSharedBase) >= bytes;
}

unsigned char *Machine::shared(uint32_t at, uint32_t bytes) {
  if (at % bytes)
    fault([&] {
      return std::to_string(bytes) + " bytes of shared memory at " + std::to_string(at) +
             ", which is no multiple of them";
    });
  if (!isShared(at, bytes))
    fault([&] {
      return std::to_string(bytes) + " bytes of shared memory at " + std::to_string(int64_t(at) - kSharedBase) +
             ", where the block has " + std::to_string(memory.size());
    });
  return memory.data() + (at - kSharedBase);
}

void Machine::copyAsync(uint32_t to, const void *from, uint32_t bytes, bool valid) {
  shared(to, bytes);
  if (valid && reinterpret_cast<uintptr_t>(from) % bytes)
    fault([&] { return "a copy of " + std::to_string(bytes) + " bytes from an address that is no multiple of them"; });
  threads[size_t(thread)].open.push_back({to, bytes, from, valid});
}

void Machine::commitCopies() {
  Thread &t = threads[size_t(thread)];
  t.groups.push_back(std::move(t.open));
  t.open.clear();
}

void Machine::waitCopies(int under_way) {
  Thread &t = threads[size_t(thread)];
  for (; t.groups.size() > size_t(under_way); t.groups.pop_front()) carryOut(t.groups.front());
}

void Machine::carryOut(const std::vector<Copy> &copies) {
  for (const Copy &copy : copies) {
    unsigned char *to = shared(copy.to, copy.bytes);
    if (copy.valid)
      std::memcpy(to, copy.from, copy.bytes);
    else
      std::memset(to, 0, copy.bytes);
  }
}
