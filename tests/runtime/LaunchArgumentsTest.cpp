// What kernels receive, and which tensors are refused with which words.
#include "runtime/launch/LaunchArguments.h"
#include "TinyBundle.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::ElementsAreArray;
using testing::HasSubstr;

namespace {
const Problem kProblem{.batch = 2, .heads = 6, .kv_heads = 2, .q_length = 65, .kv_length = 33};

TensorMap goodTensors() {
  auto at = [](uintptr_t address) { return reinterpret_cast<void *>(address); };
  return {{"q", {at(0x10000), DType::BF16, {100, 200, 24, 0}}},
          {"o", {at(0x20002), DType::BF16, {111, 222, 16, 0}}},
          {"lse", {at(0x30000), DType::F32, {400, 65, 1, 0}}}};
}

std::string refusal(const TensorMap &tensors, const Problem &problem = kProblem, uintptr_t workspace = 0x1000) {
  KernelBundle bundle = tinyBundle();
  const Result<LaunchArguments> arguments = LaunchArguments::create(bundle, bundle.variants[0]);
  std::vector<TensorView> views(arguments->signature().size());
  Result<void> ok = arguments->resolve(tensors, views).and_then([&] {
    return arguments->check(problem, views, reinterpret_cast<void *>(workspace));
  });
  return ok ? "" : ok.error().message;
}
} // namespace

TEST(LaunchArguments, PacksInterfaceTensorsAsGiven) {
  KernelBundle bundle = tinyBundle();
  Result<LaunchArguments> arguments = LaunchArguments::create(bundle, bundle.variants[0]);
  ASSERT_TRUE(arguments);
  KernelParameter parameter;
  std::vector<TensorView> views(3);
  ASSERT_TRUE(arguments->resolve(goodTensors(), views));
  arguments->pack(0, kProblem, views, reinterpret_cast<void *>(0x1000), parameter);
  EXPECT_EQ(parameter.problem, kProblem);
  EXPECT_EQ(parameter.tensors[0].data, reinterpret_cast<void *>(0x10000));
  EXPECT_THAT(parameter.tensors[0].stride, ElementsAreArray({100, 200, 24, 0}));
  EXPECT_EQ(parameter.tensors[1].data, reinterpret_cast<void *>(0x20002));
  // "unused", 2 floats, takes the first 256 bytes; rows of "sums" lie behind one another, 6 heads to a batch
  EXPECT_EQ(parameter.tensors[2].data, reinterpret_cast<void *>(0x1100));
  EXPECT_THAT(parameter.tensors[2].stride, ElementsAreArray({6 * 65, 65, 1, 0}));
}

TEST(LaunchArguments, LaysWorkspaceBuffersOut) {
  KernelBundle bundle = tinyBundle();
  KernelVariant &variant = bundle.variants[0];
  variant.workspace = {{"columns", "bnj", DType::F32, false},
                       {"features", "bnje", DType::F32, false},
                       {"tile", "bnrij", DType::F32, false},
                       {"heads", "nr", DType::F32, false},
                       {"one", "", DType::F32, false}};
  variant.launches.resize(1);
  variant.launches[0].tensors = {"columns", "features", "tile", "heads", "one"};
  Result<LaunchArguments> arguments = LaunchArguments::create(bundle, variant);
  ASSERT_TRUE(arguments);
  KernelParameter p;
  arguments->pack(0, kProblem, {}, reinterpret_cast<void *>(0x1000), p);
  EXPECT_THAT(p.tensors[0].stride, ElementsAreArray({66, 33, 0, 1}));
  EXPECT_THAT(p.tensors[1].stride, ElementsAreArray({1056, 528, 0, 16}));
  EXPECT_THAT(p.tensors[2].stride, ElementsAreArray({12870, 2145, 33, 1}));
  EXPECT_THAT(p.tensors[3].stride, ElementsAreArray({0, 1, 0, 0}));
  EXPECT_THAT(p.tensors[4].stride, ElementsAreArray({0, 0, 0, 0}));
  uintptr_t columns = 768, features = 8448, tile = 103168; // 132, 2112 and 25740 numbers, padded to 256 bytes
  EXPECT_EQ(reinterpret_cast<uintptr_t>(p.tensors[4].data), 0x1000 + columns + features + tile + 256);
  EXPECT_EQ(arguments->workspaceBytes(kProblem), columns + features + tile + 256 + 256);
}

TEST(LaunchArguments, CountsBlocks) {
  KernelBundle bundle = tinyBundle();
  Launch &launch = bundle.variants[0].launches[0];
  auto blocks = [&](const char *owners, const char *rows) {
    launch.owners = owners;
    launch.rows_per_block = rows;
    return LaunchArguments::create(bundle, bundle.variants[0])->blocks(0, kProblem);
  };
  EXPECT_EQ(blocks("bnri", "tile_m"), 2 * 6 * 3);
  EXPECT_EQ(blocks("bnj", "64"), 2 * 2);
  EXPECT_EQ(blocks("bnrij", "64"), 2 * 6 * 65);
  EXPECT_EQ(blocks("nr", "1"), 6);
  EXPECT_EQ(blocks("", "1"), 1);
}

TEST(LaunchArguments, AcceptsWhatIsRight) {
  EXPECT_EQ(refusal(goodTensors()), "");
  Problem empty = kProblem;
  empty.batch = 0;
  TensorMap null = goodTensors();
  for (auto &[name, view] : null) view.data = nullptr;
  EXPECT_EQ(refusal(null, empty, 0), "");
  TensorMap broadcast = goodTensors();
  broadcast["q"].stride[0] = broadcast["q"].stride[1] = 0;
  EXPECT_EQ(refusal(broadcast), "");
}

TEST(LaunchArguments, RefusesWrongTensors) {
  auto changed = [](const char *name, auto change) {
    TensorMap tensors = goodTensors();
    change(tensors[name]);
    return refusal(tensors);
  };
  TensorMap missing = goodTensors();
  missing.erase("q");
  EXPECT_EQ(refusal(missing),
            "launching forward of 'tiny' needs the tensor 'q': it is missing; give it, or leave it out of the "
            "specification");
  missing = goodTensors();
  missing.erase("lse");
  EXPECT_THAT(refusal(missing), HasSubstr("'lse': it is missing; give memory for it"));
  EXPECT_THAT(changed("q", [](TensorView &t) { t.dtype = DType::F16; }), HasSubstr("it is f16, not bf16; convert it"));
  EXPECT_THAT(changed("q", [](TensorView &t) { t.data = nullptr; }), HasSubstr("its address is null; give memory"));
  EXPECT_THAT(changed("lse", [](TensorView &t) { t.data = reinterpret_cast<void *>(0x30002); }),
              HasSubstr("its address is no multiple of its 4-byte elements"));
  EXPECT_THAT(changed("o", [](TensorView &t) { t.stride[2] = 0; }),
              HasSubstr("it is written to, and its stride along 'i' is 0; give each element a place of its own"));
}

TEST(LaunchArguments, RefusesWrongProblemsAndWorkspaces) {
  auto changed = [](auto change) {
    Problem problem = kProblem;
    change(problem);
    return refusal(goodTensors(), problem);
  };
  EXPECT_THAT(changed([](Problem &p) { p.kv_heads = 4; }), HasSubstr("6 query heads over 4 key heads"));
  EXPECT_THAT(changed([](Problem &p) { p.heads = 0; }), HasSubstr("positive multiple"));
  EXPECT_THAT(changed([](Problem &p) { p.kv_length = -1; }), HasSubstr("negative"));
  EXPECT_THAT(changed([](Problem &p) { p.q_length = int64_t(1) << 31; }), HasSubstr("beyond 2^31 - 1"));
  EXPECT_THAT(changed([](Problem &p) { p.batch = 1 << 30; }),
              HasSubstr("a grid has at most 2^31 - 1; split the batch"));
  EXPECT_THAT(refusal(goodTensors(), kProblem, 0), HasSubstr("it is null; allocate workspaceBytes(problem)"));
  EXPECT_THAT(refusal(goodTensors(), kProblem, 0x1010), HasSubstr("needs a workspace of"));
}

TEST(LaunchArguments, EveryVariantOfAProgramTakesTheSameTensors) {
  KernelBundle bundle = tinyBundle();
  KernelVariant other = bundle.variants[0], backward = other;
  other.variant = "other";
  other.launches.resize(1);
  backward.program = "backward";
  backward.launches.erase(backward.launches.begin());
  bundle.variants.push_back(other);
  bundle.variants.push_back(backward);
  auto names = [&](const KernelVariant &variant) {
    std::string out;
    const Result<LaunchArguments> arguments = LaunchArguments::create(bundle, variant);
    for (size_t k = 0; k < arguments->signature().size(); ++k)
      out += arguments->signature()[k].name + (arguments->isUsed(k) ? " " : "? ");
    return out;
  };
  EXPECT_EQ(names(bundle.variants[0]), "q o lse ");
  EXPECT_EQ(names(bundle.variants[1]), "q o lse? ");
  EXPECT_EQ(names(bundle.variants[2]), "lse ");
  const Result<LaunchArguments> arguments = LaunchArguments::create(bundle, bundle.variants[0]);
  const std::vector<TensorView> two(2);
  EXPECT_THAT(arguments->check(kProblem, two, nullptr).error().message, HasSubstr("takes 3 tensors, and 2 were given"));
}

TEST(LaunchArguments, RefusesBundlesThatFitNothing) {
  KernelBundle bundle = tinyBundle();
  KernelVariant variant = bundle.variants[0];
  variant.launches[0].tensors = {"nothing"};
  EXPECT_THAT(LaunchArguments::create(bundle, variant).error().message,
              HasSubstr("its tensor 'nothing' is not declared"));
  variant.launches[0].tensors.assign(102, "q");
  EXPECT_THAT(LaunchArguments::create(bundle, variant).error().message, HasSubstr("it takes 102 tensors and 0 maps"));
}
