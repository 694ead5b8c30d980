// From a bundle to launches through the C interface, on a driver of the tests' own. Nothing here needs NVRTC.
#include "FakeCuda.h"
#include "TinyBundleFolder.h"
#include "jvpgen/jvpgen.hpp"

#include <atomic>
#include <cstring>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using testing::HasSubstr;

namespace {
/// The beginning of what kernels receive.
struct Parameter {
  int64_t sizes[7];
  struct {
    void *data;
    int64_t stride[4];
  } tensors[3];
};

Parameter lastParameter() {
  Parameter out;
  const FakeLaunch launch = fake_last_launch();
  std::memcpy(&out, launch.parameter, sizeof out);
  return out;
}

/// The words of a call that fails, with its status in front.
template <typename Call> std::string refusal(Call &&call) {
  try {
    call();
  } catch (const jvpgen::Error &error) {
    return std::to_string(error.status) + ": " + error.what();
  }
  return "accepted";
}

/// Tensors of the tiny bundle for 2 sequences of 2 heads and 40 queries, at an offset into a GPU's memory.
struct Tensors {
  explicit Tensors(int device, size_t offset = 0) {
    char *memory = static_cast<char *>(fake_memory(device)) + offset;
    q = {memory, JVPGEN_BF16, {2, 2, 40, 16}, {}};
    o = {memory + (1 << 20), JVPGEN_BF16, {2, 2, 40, 16}, {2560, 640, 16, 1}};
    lse = {memory + (2 << 20), JVPGEN_F32, {2, 2, 40}, {}};
    workspace = memory + (3 << 20);
  }
  std::vector<jvpgen::NamedTensor> named() const { return {{"lse", &lse}, {"q", &q}, {"o", &o}}; }
  jvpgen::Tensor q, o, lse;
  void *workspace;
};

const jvpgen_problem kShape = jvpgen::problem(2, 2, 40, 1, 1);

class Lifecycle : public testing::Test {
protected:
  jvpgen::Bundle bundle{tinyBundleFolder(MachineCodeKind::Fitting)};

  void launch(const jvpgen::Program &program, const Tensors &tensors, const jvpgen_problem &shape = kShape,
              void *stream = nullptr) {
    program.launch(shape, tensors.named(), tensors.workspace, program.workspaceBytes(shape), stream);
  }
};
} // namespace

TEST_F(Lifecycle, BundleToLaunch) {
  EXPECT_EQ(bundle.programs(), std::vector<std::string>{"forward"});
  EXPECT_STREQ(bundle.info().name, "tiny");
  EXPECT_EQ(bundle.info().head_dim_qk, 16);
  jvpgen::Device device(0);
  EXPECT_STREQ(device.info().arch, "sm_90a");
  EXPECT_STREQ(device.info().name, "Fake GPU zero");
  jvpgen::Program program(bundle, device, "forward");
  std::string signature;
  for (const jvpgen_tensor_info &info : program.tensors())
    signature += std::string(info.name) + " " + info.axes + " " + std::to_string(info.dtype) +
                 (info.is_output ? " out; " : "; ");
  EXPECT_EQ(signature, "q bhid 1; o bhie 1 out; lse bhi 0 out; ");
}

TEST_F(Lifecycle, LaunchesWhatWasPreparedAndNothingElse) {
  jvpgen::Device device(0);
  jvpgen::Program program(bundle, device, "forward");
  const FakeCounts before = fake_counts();
  const std::string unprepared = refusal([&] { launch(program, Tensors(0)); });
  EXPECT_THAT(unprepared, HasSubstr("5: forward of 'tiny' was asked for the shape 2x2x40x1 with 1 key heads, which was "
                                    "not prepared; call jvpgen_program_prepare with it first"));
  EXPECT_EQ(fake_counts().launches, before.launches);

  program.prepare({kShape});
  EXPECT_EQ(fake_counts().modules, before.modules + 2);
  program.prepare({kShape});
  EXPECT_EQ(fake_counts().modules, before.modules + 2) << "again costs nothing";
  EXPECT_EQ(program.workspaceBytes(kShape), 256u + 768u);
  EXPECT_STREQ(program.choice(kShape).source, "default");
  EXPECT_STREQ(program.choice(kShape).variant, "row");

  const Tensors tensors(0);
  launch(program, tensors, kShape, reinterpret_cast<void *>(0x55));
  EXPECT_EQ(fake_counts().launches, before.launches + 2);
  EXPECT_EQ(fake_counts().allocations, before.allocations);
  EXPECT_EQ(fake_last_launch().stream, reinterpret_cast<void *>(0x55));
  const Parameter parameter = lastParameter(); // of the second kernel: sums in the workspace, lse
  EXPECT_EQ(parameter.sizes[3], 40);
  EXPECT_EQ(parameter.tensors[0].data, static_cast<char *>(tensors.workspace) + 256);
  EXPECT_EQ(parameter.tensors[1].data, tensors.lse.data);
  EXPECT_EQ(parameter.tensors[1].stride[1], 40);

  EXPECT_THAT(refusal([&] { launch(program, tensors, jvpgen::problem(2, 2, 41, 1, 1)); }), HasSubstr("5: "));
  program.prepare({});
  EXPECT_EQ(refusal([&] { program.workspaceBytes(jvpgen::problem(3, 2, 41, 1, 1)); }), "accepted");
}

TEST_F(Lifecycle, NotPreparedInACaptureLeavesItWhole) {
  jvpgen::Device device(0);
  jvpgen::Program program(bundle, device, "forward");
  program.prepare({kShape});
  const FakeCounts before = fake_counts();
  fake_capture(true);
  EXPECT_THAT(refusal([&] { launch(program, Tensors(0), jvpgen::problem(1, 2, 40, 1, 1)); }), HasSubstr("5: "));
  launch(program, Tensors(0));
  fake_capture(false);
  EXPECT_EQ(fake_counts().broken_captures, 0);
  EXPECT_EQ(fake_counts().launches, before.launches + 2);
  EXPECT_EQ(fake_counts().modules, before.modules);
}

TEST_F(Lifecycle, ReleasesInAnyOrder) {
  const FakeCounts before = fake_counts();
  {
    auto own = std::make_unique<jvpgen::Bundle>(tinyBundleFolder(MachineCodeKind::Fitting));
    auto device = std::make_unique<jvpgen::Device>(0);
    jvpgen::Program program(*own, *device, "forward");
    own.reset();
    device.reset();
    program.prepare({kShape});
    launch(program, Tensors(0));
    EXPECT_EQ(fake_counts().contexts, before.contexts + 1) << "retained by the program";
  }
  EXPECT_EQ(fake_counts().contexts, before.contexts);
  EXPECT_EQ(fake_counts().modules, before.modules);
  jvpgen_bundle_release(nullptr), jvpgen_device_release(nullptr), jvpgen_program_release(nullptr);
}

TEST_F(Lifecycle, DevicesKeepApart) {
  jvpgen::Device zero(0), one(1);
  jvpgen::Program on_zero(bundle, zero, "forward"), on_one(bundle, one, "forward");
  on_zero.prepare({kShape}), on_one.prepare({kShape});
  launch(on_zero, Tensors(0));
  void *const context_of_zero = fake_last_launch().context;
  launch(on_one, Tensors(1));
  EXPECT_NE(fake_last_launch().context, context_of_zero);
  EXPECT_THAT(refusal([&] { launch(on_one, Tensors(0)); }),
              HasSubstr("2: the tensor 'q' is to be used on Fake GPU one"));
  launch(on_zero, Tensors(0));
  EXPECT_THAT(refusal([] { jvpgen::Device(2); }), HasSubstr("3: GPU 2 was asked for, and this process sees 2"));
}

TEST_F(Lifecycle, ContextsOfTheCallersAreUsedAndOutlived) {
  const FakeCounts before = fake_counts();
  void *context = fake_context_create(1);
  jvpgen_device *handle = nullptr;
  ASSERT_EQ(jvpgen_device_of_context(context, &handle), JVPGEN_OK) << jvpgen_last_error();
  {
    jvpgen::Device device(handle), primary(1);
    EXPECT_EQ(device.info().ordinal, 1);
    jvpgen::Program program(bundle, device, "forward"), elsewhere(bundle, primary, "forward");
    program.prepare({kShape}), elsewhere.prepare({kShape});
    launch(program, Tensors(1));
    EXPECT_EQ(fake_last_launch().context, context);
    launch(elsewhere, Tensors(1));
    EXPECT_NE(fake_last_launch().context, context) << "two contexts of one GPU";

    fake_context_destroy(context);
    const FakeCounts destroyed = fake_counts();
    EXPECT_THAT(refusal([&] { launch(program, Tensors(1)); }),
                HasSubstr("3: using Fake GPU one, GPU 1: its context was destroyed"));
    EXPECT_THAT(refusal([&] { program.prepare({jvpgen::problem(9, 2, 40, 1, 1)}); }),
                HasSubstr("3: using Fake GPU one"));
    EXPECT_EQ(fake_counts().launches, destroyed.launches);
    launch(elsewhere, Tensors(1));
  }
  EXPECT_EQ(fake_counts().misuses, before.misuses) << "nothing of the destroyed context was touched";
  EXPECT_THAT(refusal([] { jvpgen::check(jvpgen_device_of_context(nullptr, nullptr)); }), HasSubstr("2: "));
}

TEST_F(Lifecycle, AResetContextIsNotTheOldOne) {
  const int misuses = fake_counts().misuses;
  jvpgen::Device device(0);
  {
    jvpgen::Program program(bundle, device, "forward");
    program.prepare({kShape});
    fake_primary_reset(0);
    EXPECT_THAT(refusal([&] { launch(program, Tensors(0)); }), HasSubstr("destroyed or reset since it was opened"));
  }
  EXPECT_EQ(fake_counts().misuses, misuses);
  jvpgen::Device again(0);
  jvpgen::Program program(bundle, again, "forward");
  program.prepare({kShape});
  launch(program, Tensors(0));
}

TEST_F(Lifecycle, AForkIsRefusedAndItsReleasesAreQuiet) {
  jvpgen::Device device(0);
  auto program = std::make_unique<jvpgen::Program>(bundle, device, "forward");
  program->prepare({kShape});
  const pid_t child = fork();
  if (child == 0) {
    const int calls = fake_counts().calls_after_fork;
    const std::string launched = refusal([&] { launch(*program, Tensors(0)); });
    const std::string prepared = refusal([&] { program->prepare({jvpgen::problem(7, 2, 40, 1, 1)}); });
    program.reset();
    {
      jvpgen::Device gone(std::move(device));
    }
    const bool is_refused =
        launched.find("3: using Fake GPU zero") == 0 && prepared.find("fork before") != prepared.npos;
    const bool is_quiet = fake_counts().calls_after_fork == calls;
    const std::string opened = refusal([] { jvpgen::Device fresh(0); });
    _exit(is_refused && is_quiet && opened.find("3: ") == 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  launch(*program, Tensors(0));
}

TEST_F(Lifecycle, SeveralProgramsArePreparedTogether) {
  jvpgen::Device zero(0), one(1);
  jvpgen::Program on_zero(bundle, zero, "forward"), on_one(bundle, one, "forward");
  const FakeCounts before = fake_counts();
  jvpgen::prepare({&on_zero, &on_one}, {kShape, jvpgen::problem(1, 2, 40, 1, 1)});
  EXPECT_EQ(fake_counts().modules, before.modules + 4);
  launch(on_zero, Tensors(0)), launch(on_one, Tensors(1));
  EXPECT_EQ(refusal([&] { jvpgen::prepare({}, {kShape}); }), "accepted");
  EXPECT_THAT(refusal([&] { jvpgen::prepare({&on_zero, &on_one}, {jvpgen::problem(1, -1, 1, 1)}); }), HasSubstr("2: "));
  jvpgen_program *none = nullptr;
  EXPECT_EQ(jvpgen_prepare(&none, 1, nullptr, 0), JVPGEN_INVALID);
  EXPECT_EQ(jvpgen_prepare(nullptr, 1, nullptr, 0), JVPGEN_INVALID);
}

TEST_F(Lifecycle, ThreadsPrepareAndLaunchAtOnce) {
  const FakeCounts before = fake_counts();
  jvpgen::Device device(0);
  jvpgen::Program program(bundle, device, "forward");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 50; ++k) {
        const jvpgen_problem shape = jvpgen::problem(2, 2, 40, 1 + (k + t) % 16, 1);
        const std::string failed = refusal([&] {
          program.prepare({shape});
          launch(program, Tensors(0, size_t(4 << 20) * size_t(t)), shape);
        });
        wrong += failed != "accepted";
        // Words are each thread's own.
        const std::string mine = "thread " + std::to_string(t);
        jvpgen_fail(JVPGEN_INVALID, mine.c_str());
        wrong += jvpgen_last_error() != mine;
      }
    });
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(fake_counts().launches, before.launches + 2 * 8 * 50);
  EXPECT_EQ(fake_counts().modules, before.modules + 2) << "16 shapes, one schedule: the kernels are shared";
}
