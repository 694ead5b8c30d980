// The library in a process that knows only its file: without a driver, and unloaded while its functions are held.
#include "TinyBundleFolder.h"
#include "jvpgen/jvpgen.h"

#include <dlfcn.h>
#include <gmock/gmock.h>

using testing::HasSubstr;

namespace {
/// The functions that these tests call, from a library that was opened by its path.
struct Library {
  explicit Library(void *handle) : handle(handle) {
    find(last_error, "jvpgen_last_error"), find(bundle_open, "jvpgen_bundle_open");
    find(bundle_program, "jvpgen_bundle_program"), find(bundle_release, "jvpgen_bundle_release");
    find(device_open, "jvpgen_device_open"), find(device_count, "jvpgen_device_count");
  }
  template <typename Function> void find(Function *&function, const char *name) {
    function = reinterpret_cast<Function *>(dlsym(handle, name));
    EXPECT_NE(function, nullptr) << name;
  }
  void *handle;
  decltype(jvpgen_last_error) *last_error = nullptr;
  decltype(jvpgen_bundle_open) *bundle_open = nullptr;
  decltype(jvpgen_bundle_program) *bundle_program = nullptr;
  decltype(jvpgen_bundle_release) *bundle_release = nullptr;
  decltype(jvpgen_device_open) *device_open = nullptr;
  decltype(jvpgen_device_count) *device_count = nullptr;
};

void *opened() {
  void *handle = dlopen(JVPGEN_RUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(handle, nullptr) << dlerror();
  return handle;
}
} // namespace

TEST(Alone, WithoutADriverEverythingButTheGpuWorks) {
  if (void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    dlclose(driver);
    GTEST_SKIP() << "there is a driver here";
  }
  Library library(opened());
  jvpgen_bundle *bundle = nullptr;
  ASSERT_EQ(library.bundle_open(tinyBundleFolder(MachineCodeKind::None).c_str(), &bundle), JVPGEN_OK);
  EXPECT_STREQ(library.bundle_program(bundle, 0), "forward");
  library.bundle_release(bundle);
  jvpgen_device *device = nullptr;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(library.device_open(0, &device), JVPGEN_ENVIRONMENT);
    EXPECT_EQ(device, nullptr);
    EXPECT_THAT(library.last_error(), HasSubstr("libcuda.so.1 is not on this machine; install NVIDIA's driver"));
  }
  int32_t count = 7;
  EXPECT_EQ(library.device_count(&count), JVPGEN_ENVIRONMENT);
  EXPECT_EQ(count, 0);
}

TEST(Alone, ClosingItLeavesItInPlace) {
  Library library(opened());
  jvpgen_bundle *bundle = nullptr;
  ASSERT_EQ(library.bundle_open(tinyBundleFolder(MachineCodeKind::None).c_str(), &bundle), JVPGEN_OK);
  ASSERT_EQ(dlclose(library.handle), 0);
  EXPECT_STREQ(library.bundle_program(bundle, 0), "forward") << "handles outlive it";
  library.bundle_release(bundle);
  EXPECT_NE(library.bundle_open("/nowhere", &bundle), JVPGEN_OK);
  EXPECT_THAT(library.last_error(), HasSubstr("/nowhere"));
  void *const again = opened();
  EXPECT_EQ(dlsym(again, "jvpgen_last_error"), reinterpret_cast<void *>(library.last_error));
}
