// Machine code that travels in a bundle: who finds it fitting needs no NVRTC, and it fits nothing else.
#include "runtime/jit/AheadOfTime.h"
#include "TinyBundle.h"
#include "runtime/jit/MachineCode.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {
class AheadOfTime : public testing::Test {
protected:
  void SetUp() override {
    Result<NvrtcFiles> found = findNvrtc(Environment::ofProcess());
    ASSERT_TRUE(found) << found.error().message;
    compiler = std::move(*KernelCompiler::create(*found, {}, nullptr));
    // One that finds no NVRTC when it needs it.
    without = std::move(*KernelCompiler::create({"/nowhere/libnvrtc.so.13", "/nowhere/builtins", "none"}, {}, nullptr));
    for (const char *arch : {"sm_80", "sm_90a"}) {
      Result<void> ok = addMachineCode(bundle, bundle.variants[0], arch, *compiler);
      ASSERT_TRUE(ok) << ok.error().message;
    }
  }
  /// Where a kernel came from that was prepared without NVRTC, or the failure.
  std::string source(const char *arch, const Launch &launch) {
    Result<CompiledKernel> kernel = without->compile(bundle, launch, launch.schedule, {.arch = arch});
    return kernel ? kernel->source() : "failed";
  }
  KernelBundle bundle = tinyBundle();
  const Launch &twice = bundle.variants[0].launches[0];
  std::unique_ptr<KernelCompiler> compiler, without;
};
} // namespace

TEST_F(AheadOfTime, NeedsNoNvrtc) {
  ASSERT_EQ(bundle.machine_code.size(), 4u);
  for (const char *arch : {"sm_80", "sm_90a"}) {
    Result<CompiledVariant> prepared = compileVariant(bundle, bundle.variants[0], {.arch = arch}, *without);
    ASSERT_TRUE(prepared) << prepared.error().message;
    KernelBundle texts = bundle;
    texts.machine_code.clear();
    for (size_t k = 0; k < prepared->kernels.size(); ++k) {
      const CompiledKernel &kernel = prepared->kernels[k];
      Result<CompiledKernel> compiled =
          compiler->compile(texts, bundle.variants[0].launches[k], twice.schedule, {.arch = arch});
      EXPECT_STREQ(kernel.source(), "bundle");
      EXPECT_EQ(kernel.cubin, compiled->cubin);
      EXPECT_EQ(kernel.registers, compiled->registers);
      EXPECT_EQ(kernel.shared_bytes, compiled->shared_bytes);
      EXPECT_EQ(kernel.dynamic_shared_bytes, compiled->dynamic_shared_bytes);
    }
  }
}

TEST_F(AheadOfTime, FitsItsArchItsScheduleAndItsTexts) {
  EXPECT_EQ(source("sm_80", twice), "bundle");
  EXPECT_EQ(source("sm_86", twice), "bundle") << "machine code of 8.0";
  EXPECT_EQ(source("sm_90", twice), "failed") << "sm_90a is another";
  EXPECT_EQ(source("sm_100a", twice), "failed");
  Launch other = twice;
  other.schedule.stages = 2;
  EXPECT_EQ(source("sm_80", other), "failed");
  bundle.files[0].text += "\n";
  EXPECT_EQ(source("sm_80", twice), "failed") << "another text";
  EXPECT_EQ(source("sm_80", bundle.variants[0].launches[1]), "bundle") << "whose own text is the same";
  for (SourceFile &file : bundle.files)
    if (file.name == "abi.cuh") file.text += "\n";
  EXPECT_EQ(source("sm_80", bundle.variants[0].launches[1]), "failed") << "another header";
}

TEST_F(AheadOfTime, IsReplacedNotRepeated) {
  ASSERT_TRUE(addMachineCode(bundle, bundle.variants[0], "sm_80", *compiler));
  EXPECT_EQ(bundle.machine_code.size(), 4u);
}

TEST_F(AheadOfTime, IsComparedByteByByte) {
  Result<std::vector<std::string>> same = differingMachineCode(bundle, *compiler);
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_THAT(*same, IsEmpty());
  bundle.machine_code[1].cubin[1000] ^= 1;
  EXPECT_THAT(*differingMachineCode(bundle, *compiler), ElementsAre("copy_sums.sm_80.1.cubin"));
  bundle.machine_code[0].kernel = "unknown";
  EXPECT_THAT(*differingMachineCode(bundle, *compiler),
              ElementsAre("unknown.sm_80.0.cubin", "copy_sums.sm_80.1.cubin"));
  bundle.machine_code[0].compiler = "another";
  EXPECT_THAT(differingMachineCode(bundle, *compiler).error().message,
              HasSubstr("was made by another NVRTC (another)"));
}

TEST(MachineCode, RunsOnLaterMachinesOfItsMajorVersion) {
  EXPECT_TRUE(runsOn("sm_80", "sm_80"));
  EXPECT_TRUE(runsOn("sm_80", "sm_89"));
  EXPECT_FALSE(runsOn("sm_86", "sm_80"));
  EXPECT_FALSE(runsOn("sm_80", "sm_90a"));
  EXPECT_TRUE(runsOn("sm_90", "sm_90a"));
  EXPECT_TRUE(runsOn("sm_90a", "sm_90a"));
  EXPECT_FALSE(runsOn("sm_90a", "sm_90"));
  EXPECT_FALSE(runsOn("sm_100a", "sm_103a"));
  EXPECT_TRUE(runsOn("sm_100", "sm_103a"));
  EXPECT_FALSE(runsOn("", "sm_80"));
  EXPECT_FALSE(runsOn("sm_", "sm_8"));
}
