// The checks that a GPU is put to, on the emulator; and proof that they notice what they are for.
#include "tests/gpu/HopperChecks.h"
#include "tests/gpu/LargeBias.h"
#include "tests/gpu/SharedChecks.h"
#include "tests/gpu/Subject.h"

#include "tests/emulator/HostExecutable.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/RandomInputs.h"
#include <cstring>
#include <gmock/gmock.h>
#include <thread>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
class EmulatedPlace : public Place {
public:
  explicit EmulatedPlace(std::string arch) : arch(std::move(arch)) {}
  Target target() const override { return {.arch = arch}; }
  Result<std::unique_ptr<Executable>> prepare(const KernelBundle &bundle, const KernelVariant &variant) override {
    return prepareOnHost(bundle, variant, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  }
  Result<std::shared_ptr<void>> allocate(size_t bytes) override {
    return std::shared_ptr<void>(std::aligned_alloc(256, (bytes + 511) / 256 * 256), std::free);
  }
  Result<void> write(void *to, const void *from, size_t bytes) override {
    return std::memcpy(to, from, bytes), Result<void>();
  }
  Result<void> read(void *to, const void *from, size_t bytes) override { return write(to, from, bytes); }
  void *stream() const override { return nullptr; }
  Result<void> synchronize() override { return {}; }

private:
  std::string arch;
};

/// Stands for a kernel that goes wrong: does something to its arguments instead of its work.
class Spoiler : public Executable {
public:
  std::function<void(const TensorMap &, void *workspace)> act;
  size_t workspaceBytes(const Problem &) const override { return 512; }
  Result<void> launch(const Problem &, const TensorMap &tensors, void *workspace, void *) const override {
    act(tensors, workspace);
    return {};
  }
};

class SpoiltPlace : public EmulatedPlace {
public:
  explicit SpoiltPlace(std::function<void(const TensorMap &, void *)> act)
      : EmulatedPlace("sm_80"), act(std::move(act)) {}
  Result<std::unique_ptr<Executable>> prepare(const KernelBundle &, const KernelVariant &) override {
    auto out = std::make_unique<Spoiler>();
    out->act = act;
    return out;
  }

private:
  std::function<void(const TensorMap &, void *)> act;
};

/// The checks whose names end with `ending` or are of the copy engine; all for an empty one.
void expectPasses(Place &place, const std::string &ending, size_t least) {
  size_t passed = 0;
  for (const Check &check : sharedChecks(place, {.length = 40, .repeated_length = 33})) {
    if (!check.name.ends_with(ending) && !check.name.starts_with("the copy engine")) continue;
    Result<std::string> done = check.run();
    EXPECT_TRUE(done || done.error().kind == ErrorKind::Unsupported) << check.name << ": " << done.error().message;
    passed += done.has_value();
  }
  EXPECT_GE(passed, least);
}

/// What a run of plain attention's forward says when the kernel does this.
std::string verdictOn(std::function<void(const TensorMap &, void *)> act) {
  SpoiltPlace place(std::move(act));
  Result<Subject> subject = Subject::create(place, "dtype = 'bf16'\nhead_dim_qk = 64\n");
  if (!subject) return subject.error().message;
  const Problem problem = denseProblem(2, 2, 2, 9, 9);
  Result<TensorSet> inputs = subject->inputsFor("forward", problem, makeInputs(subject->spec, problem, 1).tensors);
  TensorSet outputs = poisonedOutputs(subject->spec, problem, "forward");
  Result<void> done = subject->run("forward", problem, *inputs, outputs);
  return done ? "nothing" : done.error().message;
}

unsigned char *bytesOf(const TensorMap &tensors, const char *name) {
  return static_cast<unsigned char *>(tensors.find(name)->second.data);
}
} // namespace

TEST(EmulatedChecks, PassOnThePortableSkeleton) {
  EmulatedPlace place("sm_80");
  expectPasses(place, "", 26);
}

TEST(EmulatedChecks, PassOnHopper) {
  EmulatedPlace place("sm_90a");
  expectPasses(place, ": plain", 9);
}

/// Those of Hopper's own whose names end so.
static void expectHopperPasses(const std::vector<std::string> &endings) {
  EmulatedPlace place("sm_90a");
  size_t passed = 0;
  for (const Check &check :
       hopperChecks(place, {.runs = 3, .repeated_length = 150, .mean_length = 150, .ragged_length = 70})) {
    const bool isWanted = std::any_of(endings.begin(), endings.end(),
                                      [&](const std::string &ending) { return check.name.ends_with(ending); });
    if (!isWanted) continue;
    Result<std::string> done = check.run();
    EXPECT_TRUE(done) << check.name << ": " << (done ? "" : done.error().message);
    passed += done.has_value();
  }
  EXPECT_GE(passed, endings.size());
}

TEST(EmulatedChecks, HoppersOwnPass) { expectHopperPasses({"in 3 parts", "rows of 72", "boolean tensor", "padded"}); }

TEST(EmulatedChecks, TheLastHeadOfABiasIsThatHeadAlone) {
  EmulatedPlace place("sm_80");
  Result<std::string> done = largeBias(place, 3, 50);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(*done, HasSubstr("dbias"));
}

TEST(Subjects, AreMadeSideBySide) {
  const std::string toml = "dtype = 'bf16'\nhead_dim_qk = 64\nscore = '30 * tanh(z / 30)'\n";
  EmulatedPlace place("sm_90a");
  Result<Subject> alone = Subject::create(place, toml);
  ASSERT_TRUE(alone) << alone.error().message;
  std::vector<std::string> texts(8);
  std::vector<std::jthread> threads;
  for (std::string &text : texts)
    threads.emplace_back([&] {
      if (Result<Subject> made = Subject::create(place, toml))
        for (const SourceFile &file : made->bundle.files) text += file.text;
    });
  threads.clear(); // waits
  std::string expected;
  for (const SourceFile &file : alone->bundle.files) expected += file.text;
  for (const std::string &text : texts) EXPECT_EQ(text, expected);
}

TEST(Guards, NoticeWritesThatBelongToNoOutput) {
  EXPECT_EQ(verdictOn([](const TensorMap &t, void *) { bytesOf(t, "o")[3] = 0; }), "nothing");
  EXPECT_THAT(verdictOn([](const TensorMap &t, void *) { bytesOf(t, "o")[-1] = 0; }),
              HasSubstr("byte -1 from the start of 'o'"));
  EXPECT_THAT(verdictOn([](const TensorMap &t, void *) { bytesOf(t, "o")[2 * 64 + 4] = 0; }), // the gap behind a row
              HasSubstr("byte 132 from the start of 'o'"));
  EXPECT_THAT(verdictOn([](const TensorMap &t, void *) { bytesOf(t, "k")[64] ^= 1; }), HasSubstr("the input 'k'"));
  EXPECT_THAT(verdictOn([](const TensorMap &t, void *) { bytesOf(t, "v")[-2] = 1; }), HasSubstr("the input 'v'"));
  EXPECT_THAT(verdictOn([](const TensorMap &, void *w) { static_cast<char *>(w)[512] = 0; }),
              HasSubstr("memory behind the workspace"));
  EXPECT_THAT(verdictOn([](const TensorMap &, void *w) { static_cast<char *>(w)[-1] = 0; }),
              HasSubstr("memory before the workspace"));
}

TEST(Guards, ComparisonsNoticeABit) {
  HostTensor x("x", DType::F32, {2}), y = x;
  EXPECT_TRUE(expectEqual({{"x", x}}, {{"x", y}}, "twice"));
  y.bytes[0] = 1;
  EXPECT_FALSE(expectEqual({{"x", x}}, {{"x", y}}, "twice"));
  x.set(1, NAN);
  EXPECT_FALSE(expectEqual({{"x", x}}, {{"x", x}}, "twice"));
}

TEST(Guards, LargeErrorsAreNoticed) {
  HostTensor o("o", DType::F32, {2}), to("to", DType::F32, {2});
  for (int64_t k = 0; k < 2; ++k) o.set(k, 1), to.set(k, 1);
  EXPECT_TRUE(expectPlainErrors({{"o", o}, {"to", to}}, {{"o", {1, 1.002}}, {"to", {1, 1.003}}}));
  EXPECT_FALSE(expectPlainErrors({{"o", o}, {"to", to}}, {{"o", {1, 1}}, {"to", {1, 1.005}}}));
  o.set(1, NAN);
  EXPECT_FALSE(expectPlainErrors({{"o", o}, {"to", to}}, {{"o", {1, 1}}, {"to", {1, 1}}}));
}
