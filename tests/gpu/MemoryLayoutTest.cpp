// Layouts: every element has a place of its own, and what was scattered is gathered.
#include "tests/gpu/MemoryLayout.h"

#include <gmock/gmock.h>
#include <set>

using namespace jvpgen;
using testing::ElementsAre;

static HostTensor numbered() {
  HostTensor x("q", DType::BF16, {2, 3, 4, 8});
  for (size_t k = 0; k < x.bytes.size(); ++k) x.bytes[k] = (unsigned char)(k % 200);
  return x;
}

TEST(MemoryLayout, StridesAreThoseOfTheArrangement) {
  const HostTensor x = numbered();
  EXPECT_THAT(layOut(x, Arrangement::Contiguous).stride, ElementsAre(96, 32, 8, 1));
  EXPECT_THAT(layOut(x, Arrangement::LengthOutsideHeads).stride, ElementsAre(96, 8, 24, 1));
  EXPECT_THAT(layOut(x, Arrangement::HeadsOutside).stride, ElementsAre(96, 192, 24, 1));
  EXPECT_THAT(layOut(x, Arrangement::Slice).stride, ElementsAre(24 * 7 * 6, 24 * 7, 24, 1));
}

TEST(MemoryLayout, ScatteredElementsAreGathered) {
  const HostTensor x = numbered();
  for (int a = 0; a < kArrangements; ++a) {
    const MemoryLayout layout = layOut(x, Arrangement(a), 6, 4);
    std::set<size_t> places;
    for (int64_t k = 0; k < layout.elements(); ++k) places.insert(layout.place(k));
    EXPECT_EQ(places.size(), size_t(x.elements()));
    EXPECT_GE(*places.begin(), MemoryLayout::kGuardBytes);
    EXPECT_LE(*places.rbegin() + 2 + MemoryLayout::kGuardBytes, layout.bytes);
    std::vector<unsigned char> memory = layout.scatter(x, 0xee);
    HostTensor back("q", DType::BF16, x.shape);
    layout.gather(memory, back);
    EXPECT_EQ(back.bytes, x.bytes);
    EXPECT_EQ(layout.firstTrespass(memory, 0xee), -1);
    memory[*places.rbegin() + 2] = 0;
    EXPECT_EQ(layout.firstTrespass(memory, 0xee), int64_t(*places.rbegin() + 2));
  }
}
