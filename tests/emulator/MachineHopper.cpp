// What Hopper adds to the machine: barriers that count bytes, the copy engine, products of warpgroups.
#include "Machine.h"

#include "WarpgroupProduct.h"

#include <cstring>

using namespace jvpgen;

uint32_t Machine::ballot(bool x) {
  lane().flag = x;
  meet(Collective::Ballot);
  return lane().result[0];
}

int Machine::broadcast(int x) {
  lane().mask = x;
  meet(Collective::Broadcast);
  return int(lane().result[0]);
}

// ---- barriers ----

Machine::Phases &Machine::phasesAt(uint32_t barrier) {
  auto it = phases.find(barrier);
  if (it == phases.end())
    fault([&] { return "the barrier at " + std::to_string(barrier) + " has not been initialised"; });
  return it->second;
}

void Machine::phaseInit(uint32_t barrier, int arrivals) {
  shared(barrier, 8);
  phases[barrier] = Phases();
  phases[barrier].arrivals = phases[barrier].missing = arrivals;
}

void Machine::endPhase(Phases &barrier) {
  if (barrier.missing > 0 || barrier.missing_bytes != 0) return;
  barrier.missing = barrier.arrivals;
  ++barrier.ended;
}

static std::string oneTooMany(uint32_t barrier) {
  return "one arrival too many at the barrier at " + std::to_string(barrier);
}

void Machine::arrive(Phases &barrier, uint32_t at) {
  if (--barrier.missing < 0) fault([&] { return oneTooMany(at); });
  endPhase(barrier);
}

void Machine::phaseArrive(uint32_t at, int expected_bytes) {
  Phases &barrier = phasesAt(at);
  barrier.missing_bytes += expected_bytes;
  arrive(barrier, at);
}

void Machine::phaseArriveAfterCopies(uint32_t at) {
  Phases &barrier = phasesAt(at);
  commitCopies();
  if (eager_copies) {
    waitCopies(0);
    return arrive(barrier, at);
  }
  Thread &t = threads[size_t(thread)];
  std::vector<Copy> copies;
  for (; !t.groups.empty(); t.groups.pop_front())
    copies.insert(copies.end(), t.groups.front().begin(), t.groups.front().end());
  barrier.late_arrivals.push_back(std::move(copies));
}

/// The first phase has parity 0; a wait for parity 1 before it ends is none.
void Machine::phaseWait(uint32_t at, uint32_t parity) {
  Phases &barrier = phasesAt(at);
  while ((barrier.ended & 1) == parity) waitWhile(barrier.ended);
}

void Machine::meeting(int number, int threads, bool waits) {
  Meeting &place = meetings[number];
  if (place.came && place.threads != threads)
    fault([&] {
      return "meeting point " + std::to_string(number) + " of " + std::to_string(threads) + " threads, where others " +
             "come for one of " + std::to_string(place.threads);
    });
  place.threads = threads;
  const uint64_t before = place.held;
  if (++place.came == threads) place.came = 0, ++place.held;
  if (waits && place.held == before) waitWhile(place.held);
}

// ---- copies ----

void Machine::copyBox(uint32_t to, const void *map, const int (&at)[4], uint32_t barrier) {
  Phases &counted = phasesAt(barrier);
  TensorMapFacts facts;
  std::memcpy(static_cast<void *>(&facts), map, sizeof facts);
  const Box box = {.to = to, .facts = facts, .at = {at[0], at[1], at[2], at[3]}};
  const uint32_t width = 2 * facts.box_features;
  if (to % (8 * width)) fault([&] { return "a box at " + std::to_string(to) + ", where no swizzle begins"; });
  shared(to, width);
  shared(to + (facts.box_rows - 1) * width, width);
  if (eager_copies)
    carryOut(box, counted);
  else
    counted.copies.push_back(box);
}

/// Carries out one copy, or the copies of one thread, that some thread waits for.
bool Machine::carryOutCopy() {
  for (const Thread &t : threads)
    for (auto &[at, barrier] : phases) {
      if (t.waits_for != &barrier.ended || !t.waits()) continue;
      if (!barrier.late_arrivals.empty()) {
        carryOut(barrier.late_arrivals.front());
        barrier.late_arrivals.pop_front();
        if (--barrier.missing < 0) problem = "kernel " + kernel + ": " + oneTooMany(at);
        endPhase(barrier);
        return true;
      }
      if (!barrier.copies.empty()) {
        Box box = barrier.copies.front();
        barrier.copies.pop_front();
        carryOut(box, barrier);
        return true;
      }
    }
  return false;
}

/// Rows of the box lie behind one another, swizzled; what lies outside the tensor is zero.
void Machine::carryOut(const Box &box, Phases &barrier) {
  const TensorMapFacts &facts = box.facts;
  const uint32_t width = 2 * facts.box_features;
  auto inside = [&](int axis, int64_t x) { return x >= 0 && x < int64_t(facts.extent[axis]); };
  const bool exists = inside(2, box.at[2]) && inside(3, box.at[3]);
  for (uint32_t row = 0; row < facts.box_rows; ++row)
    for (uint32_t f = 0; f < facts.box_features; ++f) {
      const int64_t feature = box.at[0] + int64_t(f), line = box.at[1] + int64_t(row);
      uint16_t x = 0;
      if (exists && inside(0, feature) && inside(1, line))
        std::memcpy(&x,
                    static_cast<const char *>(facts.data) + 2 * feature + int64_t(facts.stride_bytes[0]) * line +
                        int64_t(facts.stride_bytes[1]) * box.at[2] + int64_t(facts.stride_bytes[2]) * box.at[3],
                    2);
      std::memcpy(shared(swizzled(box.to + row * width + 2 * f, width), 2), &x, 2);
    }
  barrier.missing_bytes -= int64_t(width) * facts.box_rows;
  endPhase(barrier);
}

// ---- products ----

void Machine::multiplyLater(const Product &product) { threads[size_t(thread)].open_products.push_back(product); }

void Machine::closeProducts() {
  Thread &t = threads[size_t(thread)];
  t.product_groups.push_back(std::move(t.open_products));
  t.open_products.clear();
}

/// The warp's lanes come together; the products wait until nothing else can go on.
void Machine::waitProducts(int under_way) {
  lane().mask = under_way;
  meet(Collective::Products);
  waitWhile(warps[size_t(thread / kLanes)].products);
}

/// Carries out what the warps that wait for products wait for.
bool Machine::carryOutProducts() {
  bool some = false;
  for (size_t w = 0; w < warps.size(); ++w)
    if (warps[w].waits_for_products) {
      multiplyAll(int(w));
      warps[w].waits_for_products = false;
      ++warps[w].products;
      some = true;
    }
  return some;
}

void Machine::multiplyAll(int warp) {
  Thread *first = &threads[size_t(kLanes * warp)];
  const size_t under_way = size_t(warps[size_t(warp)].lanes[0].mask), groups = first->product_groups.size();
  for (size_t done = 0; done + under_way < groups; ++done) {
    const size_t products = first->product_groups.front().size();
    for (size_t p = 0; p < products; ++p) {
      const Product *lanes[kLanes];
      for (int l = 0; l < kLanes; ++l) {
        const auto &own = first[l].product_groups;
        lanes[l] = own.size() == groups - done && own.front().size() == products ? &own.front()[p] : nullptr;
        if (!lanes[l] || lanes[l]->left != lanes[0]->left || lanes[l]->right != lanes[0]->right) {
          problem = "kernel " + kernel + ": the lanes of warp " + std::to_string(warp) + " multiply different things";
          return;
        }
      }
      multiplyWarp(lanes, warp % 4, [&](uint32_t at) { return elementAt(at); });
    }
    for (int l = 0; l < kLanes; ++l) first[l].product_groups.pop_front();
  }
}

/// A 16-bit element of shared memory that a product reads.
uint16_t Machine::elementAt(uint32_t at) {
  uint16_t x = 0;
  if (isShared(at, 2))
    std::memcpy(&x, memory.data() + (at - kSharedBase), 2);
  else
    problem = "kernel " + kernel + ": a product reads shared memory at " + std::to_string(at);
  return x;
}

/// A block that ends has waited for all that it began.
void Machine::checkEnd() {
  for (const Thread &t : threads)
    if (!t.open_products.empty() || !t.product_groups.empty())
      problem = "kernel " + kernel + ": products that nobody waited for";
  for (auto &[at, barrier] : phases)
    if (!barrier.copies.empty() || !barrier.late_arrivals.empty() || barrier.missing_bytes)
      problem = "kernel " + kernel + ": copies that nobody waited for, or bytes that never came, at the barrier at " +
                std::to_string(at);
}
