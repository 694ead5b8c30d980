// A specification in, a bundle out, in a process where another LLVM lives.
#include "FakeCuda.h"
#include "jvpgen/jvpgen.hpp"
#include "jvpgen/jvpgen_compiler.h"

#include <dlfcn.h>
#include <gmock/gmock.h>

using testing::HasSubstr;

namespace {
/// What the other LLVM is asked by its C interface.
struct OtherLlvm {
  explicit OtherLlvm(void *handle) {
    find(create, handle, "LLVMContextCreate"), find(dispose, handle, "LLVMContextDispose");
    find(module, handle, "LLVMModuleCreateWithNameInContext"), find(dispose_module, handle, "LLVMDisposeModule");
  }
  template <typename Function> void find(Function &function, void *handle, const char *name) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    EXPECT_NE(function, nullptr) << name;
  }
  void works() const {
    void *context = create();
    void *made = module("other", context);
    EXPECT_NE(made, nullptr);
    dispose_module(made), dispose(context);
  }
  void *(*create)() = nullptr;
  void (*dispose)(void *) = nullptr;
  void *(*module)(const char *, void *) = nullptr;
  void (*dispose_module)(void *) = nullptr;
};

jvpgen_compile_options optionsFor(const char *specification) {
  jvpgen_compile_options options = JVPGEN_INIT(jvpgen_compile_options);
  options.specification = specification;
  options.arch = "sm_90";
  return options;
}

const char *const kSpecification =
    "name = \"capped\"\nhead_dim_qk = 64\nhead_dim_v = 64\nscore = \"30 * tanh(z / 30)\"\n";
} // namespace

TEST(Compiler, TextToLaunchBesideAnotherLlvm) {
  void *handle = dlopen(JVPGEN_OTHER_LLVM, RTLD_NOW | RTLD_GLOBAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  const OtherLlvm other(handle);
  other.works();

  jvpgen_compile_options options = optionsFor(kSpecification);
  std::string notices;
  options.notice = [](const char *text, void *data) { *static_cast<std::string *>(data) += text; };
  options.data = &notices;
  jvpgen_bundle *made = nullptr;
  ASSERT_EQ(jvpgen_compile(&options, &made), JVPGEN_OK) << jvpgen_last_error();
  const jvpgen::Bundle bundle(made);
  EXPECT_THAT(bundle.programs(),
              testing::UnorderedElementsAre("forward", "tangent_forward", "backward", "tangent_backward"));
  EXPECT_STREQ(bundle.info().name, "capped");
  EXPECT_THAT(notices, HasSubstr("is left out"));
  other.works();

  jvpgen::Device device(0);
  jvpgen::Program program(bundle, device, "forward");
  const jvpgen_problem shape = jvpgen::problem(1, 2, 64, 64);
  program.prepare({shape});
  char *memory = static_cast<char *>(fake_memory(0));
  const jvpgen::Tensor rows{memory, JVPGEN_BF16, {1, 2, 64, 64}, {}}, sums{memory, JVPGEN_F32, {1, 2, 64}, {}};
  const int before = fake_counts().launches;
  program.launch(shape, {{"q", &rows}, {"k", &rows}, {"v", &rows}, {"o", &rows}, {"lse", &sums}}, memory,
                 program.workspaceBytes(shape), nullptr);
  EXPECT_GT(fake_counts().launches, before);
  other.works();
}

TEST(Compiler, SaysWhatIsWrong) {
  auto refusal = [](const jvpgen_compile_options &options) {
    jvpgen_bundle *bundle = nullptr;
    const jvpgen_status status = jvpgen_compile(&options, &bundle);
    EXPECT_EQ(bundle, nullptr);
    return std::to_string(status) + ": " + jvpgen_last_error();
  };
  EXPECT_THAT(refusal(optionsFor("score = \"z +\"\n")), HasSubstr("2: specification:1:"));
  EXPECT_THAT(refusal(optionsFor("head_dim = 3\n")), HasSubstr("2: specification:1:"));
  EXPECT_THAT(refusal(optionsFor(nullptr)), HasSubstr("2: jvpgen_compile needs a specification and an arch"));
  jvpgen_compile_options options = optionsFor(kSpecification);
  options.programs = "forward,sideways";
  EXPECT_THAT(refusal(options), HasSubstr("2: compiling 'capped' was asked for the program 'sideways'"));
  options.size = 3;
  EXPECT_THAT(refusal(options), HasSubstr("set it to sizeof(jvpgen_compile_options)"));
}

TEST(Compiler, TakesSomePrograms) {
  jvpgen_compile_options options = optionsFor(kSpecification);
  options.programs = "backward,forward";
  options.length = std::string_view(kSpecification).size();
  jvpgen_bundle *made = nullptr;
  ASSERT_EQ(jvpgen_compile(&options, &made), JVPGEN_OK) << jvpgen_last_error();
  EXPECT_THAT(jvpgen::Bundle(made).programs(), testing::UnorderedElementsAre("forward", "backward"));
}
