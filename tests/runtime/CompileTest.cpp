// NVRTC at work: machine code without a GPU. NVRTC has to be there: without it these fail.
#include "runtime/jit/Compile.h"
#include "TemporaryFolder.h"
#include "TinyBundle.h"
#include "runtime/jit/SharedLibrary.h"
#include "schedule/Legality.h"

#include <fstream>
#include <gmock/gmock.h>

using namespace jvpgen;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {
class CompileTest : public testing::Test {
protected:
  void SetUp() override {
    Result<NvrtcFiles> found = findNvrtc(Environment::ofProcess());
    ASSERT_TRUE(found) << found.error().message;
    files = *found;
    bundle = tinyBundle();
    launch = &bundle.variants[0].launches[0];
  }
  std::unique_ptr<KernelCompiler> compiler(const fs::path &cache) {
    auto warn = [this](const std::string &message) { warnings.push_back(message); };
    return std::move(*KernelCompiler::create(files, cache, warn));
  }
  NvrtcFiles files;
  KernelBundle bundle;
  Launch *launch = nullptr;
  std::vector<std::string> warnings;
};

const char *const kArchs[] = {"sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120"};
} // namespace

TEST_F(CompileTest, MachineCodeForEveryArch) {
  auto jit = compiler({});
  for (const char *arch : kArchs) {
    Result<CompiledKernel> kernel = jit->compile(bundle, *launch, launch->schedule, {.arch = arch});
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->cubin.substr(0, 4), "\x7f"
                                          "ELF");
    EXPECT_GT(kernel->registers, 8) << arch;
    EXPECT_LE(kernel->registers, 64) << arch;
    EXPECT_EQ(kernel->spill_bytes, 0);
    EXPECT_EQ(kernel->shared_bytes, sharedBytes(launch->resources, launch->schedule));
    EXPECT_STREQ(kernel->source(), "compiled");
    EXPECT_GT(kernel->compile_ms, 1);
  }
}

TEST_F(CompileTest, ReportsSpillsAndSharedMemory) {
  bundle.files[0].text = R"(
extern "C" __global__ void __launch_bounds__(1024, 2) twice(float *x, int n) {
  __shared__ float tile[300];
  float y[48];
  for (int round = 0; round < n; ++round) {
#pragma unroll
    for (int k = 0; k < 48; ++k) y[k] = x[k * 1024 + threadIdx.x] + tile[k];
    tile[threadIdx.x % 300] = y[0];
    __syncthreads();
#pragma unroll
    for (int k = 0; k < 48; ++k) x[k * 1024 + threadIdx.x] = y[k] * y[47 - k];
  }
}
)";
  TemporaryFolder folder;
  const fs::path cache = folder.path / "kernels";
  Result<CompiledKernel> kernel = compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  ASSERT_TRUE(kernel) << kernel.error().message;
  EXPECT_EQ(kernel->registers, 32);
  EXPECT_GT(kernel->spill_bytes, 0);
  EXPECT_EQ(kernel->dynamic_shared_bytes, sharedBytes(launch->resources, launch->schedule));
  EXPECT_EQ(kernel->shared_bytes, 1200 + kernel->dynamic_shared_bytes);

  Result<CompiledKernel> kept = compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  ASSERT_TRUE(kept && kept->cached);
  EXPECT_EQ(kept->registers, kernel->registers);
  EXPECT_EQ(kept->spill_bytes, kernel->spill_bytes);
  EXPECT_EQ(kept->shared_bytes, kernel->shared_bytes);
  EXPECT_EQ(kept->cubin, kernel->cubin);
}

TEST_F(CompileTest, SecondTimeComesFromTheCache) {
  TemporaryFolder folder;
  fs::path cache = folder.path / "kernels";
  Result<CompiledKernel> first = compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  Result<CompiledKernel> second = compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  ASSERT_TRUE(first && second);
  EXPECT_STREQ(first->source(), "compiled");
  EXPECT_STREQ(second->source(), "cached");
  EXPECT_EQ(first->cubin, second->cubin);
  EXPECT_EQ(first->registers, second->registers);
  EXPECT_EQ(fs::status(cache).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(CompileTest, DamagedEntryIsCompiledAnew) {
  TemporaryFolder folder;
  fs::path cache = folder.path / "kernels";
  Result<CompiledKernel> first = compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  ASSERT_TRUE(first);
  fs::path entry;
  for (const fs::directory_entry &file : fs::directory_iterator(cache))
    if (file.is_regular_file()) entry = file.path();
  for (auto position : {0, 70, 500}) {
    {
      std::fstream file(entry, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(position);
      file.put('\x55');
    }
    Result<CompiledKernel> again = compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
    ASSERT_TRUE(again);
    EXPECT_STREQ(again->source(), "compiled") << position;
    EXPECT_EQ(again->cubin, first->cubin);
  }
  fs::resize_file(entry, 40);
  EXPECT_STREQ(compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"})->source(), "compiled");
  EXPECT_STREQ(compiler(cache)->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"})->source(), "cached");
}

TEST_F(CompileTest, UnusableCacheIsOneWarning) {
  TemporaryFolder folder;
  std::ofstream(folder.path / "file") << "x";
  auto jit = compiler(folder.path / "file");
  for (const char *arch : {"sm_80", "sm_90a"})
    EXPECT_STREQ(jit->compile(bundle, *launch, launch->schedule, {.arch = arch})->source(), "compiled");
  EXPECT_STREQ(jit->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"})->source(), "cached"); // in memory
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("is not a folder; remove it"));
}

TEST_F(CompileTest, SeveralKernelsAtOnce) {
  KernelVariant variant = bundle.variants[0];
  std::vector<KernelRequest> requests = kernelRequests(variant);
  for (int k = 0; k < 4; ++k) requests.push_back(requests[size_t(k % 2)]);
  Result<std::vector<CompiledKernel>> kernels = compiler({})->compileAll(bundle, requests, {.arch = "sm_90a"}, 3);
  ASSERT_TRUE(kernels) << kernels.error().message;
  ASSERT_EQ(kernels->size(), 6u);
  for (size_t k = 0; k < 6; ++k) EXPECT_EQ((*kernels)[k].kernel, k % 2 ? "copy_sums" : "twice");
}

TEST_F(CompileTest, ErrorsQuoteTheCompiler) {
  bundle.files[0].text += "int x = undeclared;\n";
  Result<CompiledKernel> kernel = compiler({})->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message, HasSubstr("compiling 'twice.cu' failed"));
  EXPECT_THAT(kernel.error().message, HasSubstr("undeclared"));
  Result<CompiledKernel> arch = compiler({})->compile(bundle, *launch, launch->schedule, {.arch = "sm_999"});
  ASSERT_FALSE(arch);
  EXPECT_THAT(arch.error().message, HasSubstr("arch"));
}

TEST_F(CompileTest, FilesOfTheMachineAreOutOfReach) {
  TemporaryFolder folder;
  std::ofstream(folder.path / "abi.cuh") << "#error planted\n";
  std::ofstream(folder.path / "planted.cuh") << "#error planted\n";
  Result<CompiledKernel> alone = compiler({})->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  fs::path before = fs::current_path();
  fs::current_path(folder.path);
  Result<CompiledKernel> beside = compiler({})->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  EXPECT_TRUE(alone && beside && alone->cubin == beside->cubin); // the bundle's own abi.cuh
  bundle.files[0].text.insert(0, "#include \"planted.cuh\"\n");
  Result<CompiledKernel> planted = compiler({})->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
  fs::current_path(before);
  ASSERT_FALSE(planted);
  EXPECT_THAT(planted.error().message, testing::Not(HasSubstr("#error")));

  for (const std::string name : {"\"/etc/hostname\"", "\"../x.cuh\"", "</etc/hostname>", "MACRO"}) {
    bundle.files[0].text = "#define MACRO \"x\"\n  #  include " + name + "\n";
    Result<CompiledKernel> absolute = compiler({})->compile(bundle, *launch, launch->schedule, {.arch = "sm_80"});
    ASSERT_FALSE(absolute) << name;
    EXPECT_THAT(absolute.error().message, HasSubstr("is no plain file name"));
  }
}

TEST(FindNvrtc, SaysWhereItLooked) {
  Environment environment;
  environment.nvrtc = "/nonexistent";
  Result<NvrtcFiles> files = findNvrtc(environment);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, ErrorKind::Environment);
  EXPECT_THAT(files.error().message, HasSubstr("JVPGEN_NVRTC is '/nonexistent'"));
}

TEST(FindNvrtc, LibraryWithoutItsBuiltinsIsRefused) {
  Result<NvrtcFiles> real = findNvrtc(Environment::ofProcess());
  ASSERT_TRUE(real) << real.error().message;
  TemporaryFolder folder;
  fs::copy_file(real->library, folder.path / real->library.filename());
  Environment environment;
  environment.nvrtc = folder.path.string();
  Result<NvrtcFiles> files = findNvrtc(environment);
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message, HasSubstr("without libnvrtc-builtins"));
}

TEST(FindNvrtc, PythonPackagesAreSearched) {
  TemporaryFolder folder;
  fs::path lib = folder.path / "lib/python3.11/site-packages/nvidia/cu13/lib";
  fs::create_directories(lib);
  Environment environment;
  environment.python_homes = {folder.path};
  EXPECT_THAT(cudaLibraryFolders(environment), testing::Contains(lib));
}
