// What the C interface makes of wrong calls: a status and words, whatever is handed over.
#include "FakeCuda.h"
#include "TinyBundleFolder.h"
#include "jvpgen/jvpgen.hpp"
#include "jvpgen/jvpgen_dlpack.h"

#include <cstring>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <iterator>

using testing::HasSubstr;

namespace {
std::string said(jvpgen_status status) { return std::to_string(status) + ": " + (status ? jvpgen_last_error() : ""); }

std::string fileOf(const std::string &folder, const std::string &name) {
  std::ifstream stream(folder + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Launching : public testing::Test {
protected:
  void SetUp() override { program.prepare({shape}); }

  /// Launches with one tensor changed.
  std::string launched(size_t which, const std::function<void(jvpgen_tensor &)> &change) {
    int64_t rows[] = {2, 2, 40, 16}, sums[] = {2, 2, 40};
    char *memory = static_cast<char *>(fake_memory(0));
    std::vector<jvpgen_tensor> tensors(3, JVPGEN_INIT(jvpgen_tensor));
    for (size_t k = 0; k < 3; ++k) {
      tensors[k].data = memory + (k << 20);
      tensors[k].dtype = k == 2 ? JVPGEN_F32 : JVPGEN_BF16;
      tensors[k].rank = k == 2 ? 3 : 4;
      tensors[k].shape = k == 2 ? sums : rows;
    }
    change(tensors[which]);
    jvpgen_launch_options options = JVPGEN_INIT(jvpgen_launch_options);
    options.problem = &shape, options.tensors = tensors.data(), options.tensor_count = tensors.size();
    options.workspace = memory + (3 << 20), options.workspace_bytes = workspace_bytes;
    return said(jvpgen_program_launch(program.get(), &options));
  }

  jvpgen_problem shape = jvpgen::problem(2, 2, 40, 1, 1);
  jvpgen::Bundle bundle{tinyBundleFolder(MachineCodeKind::Fitting)};
  jvpgen::Device device{0};
  jvpgen::Program program{bundle, device, "forward"};
  size_t workspace_bytes = 1024;
};
} // namespace

TEST(Calls, NullsAreNamed) {
  jvpgen_bundle *bundle = nullptr;
  EXPECT_EQ(said(jvpgen_bundle_open("", &bundle)), "2: jvpgen_bundle_open needs 'folder', and it is null; give one");
  EXPECT_THAT(said(jvpgen_bundle_open("x", nullptr)), HasSubstr("'bundle'"));
  EXPECT_THAT(said(jvpgen_device_open(0, nullptr)), HasSubstr("'device'"));
  EXPECT_THAT(said(jvpgen_program_create(nullptr, nullptr)), HasSubstr("'program'"));
  EXPECT_THAT(said(jvpgen_program_launch(nullptr, nullptr)), HasSubstr("jvpgen_launch_options is needed"));
  EXPECT_THAT(said(jvpgen_program_prepare(nullptr, nullptr, 0)), HasSubstr("'program'"));
  size_t bytes = 1;
  EXPECT_THAT(said(jvpgen_program_workspace(nullptr, nullptr, &bytes)), HasSubstr("'program'"));
  EXPECT_EQ(bytes, 0u);
  EXPECT_EQ(jvpgen_bundle_program(nullptr, 0), nullptr);
  EXPECT_EQ(jvpgen_program_tensors(nullptr), 0u);
  EXPECT_STREQ(jvpgen_version(), "0.1.0");
}

TEST(Calls, ABundleIsNotSearchedFor) {
  jvpgen_bundle *bundle = nullptr;
  EXPECT_THAT(said(jvpgen_bundle_open("/nowhere/at/all", &bundle)), HasSubstr("/nowhere/at/all/bundle.json"));
  EXPECT_EQ(bundle, nullptr);
}

TEST(Calls, BundlesInMemoryAreReadWhole) {
  const std::string folder = tinyBundleFolder(MachineCodeKind::Fitting);
  std::vector<std::string> names = {
      "bundle.json",          "specification.toml",      "twice.cu", "copy_sums.cu", "abi.cuh", "primitives.cuh",
      "twice.sm_90a.0.cubin", "copy_sums.sm_90a.1.cubin"};
  std::vector<std::string> texts;
  for (const std::string &name : names) texts.push_back(fileOf(folder, name));
  std::vector<jvpgen_file> files(names.size(), JVPGEN_INIT(jvpgen_file));
  for (size_t k = 0; k < names.size(); ++k)
    files[k].name = names[k].c_str(), files[k].bytes = texts[k].data(), files[k].length = texts[k].size();
  jvpgen_bundle *bundle = nullptr;
  ASSERT_EQ(said(jvpgen_bundle_read(files.data(), files.size(), &bundle)), "0: ");
  jvpgen_bundle_release(bundle);
  EXPECT_THAT(said(jvpgen_bundle_read(files.data(), files.size() - 1, &bundle)),
              HasSubstr("was asked for 'copy_sums.sm_90a.1.cubin', which is not among its files"));
  texts[6][0] ^= 1;
  EXPECT_THAT(said(jvpgen_bundle_read(files.data(), files.size(), &bundle)),
              HasSubstr("'twice.sm_90a.0.cubin' is not the one that bundle.json describes"));
  EXPECT_EQ(bundle, nullptr);
}

TEST(Calls, StructsOfOtherReleases) {
  jvpgen::Bundle bundle{tinyBundleFolder(MachineCodeKind::Fitting)};
  struct {
    jvpgen_bundle_info known;
    size_t later;
  } longer = {JVPGEN_INIT(jvpgen_bundle_info), 7};
  longer.known.size = sizeof longer;
  EXPECT_EQ(said(jvpgen_bundle_describe(bundle.get(), &longer.known)), "0: ");
  EXPECT_STREQ(longer.known.layout, "dense");
  EXPECT_EQ(longer.known.size, sizeof longer);
  jvpgen_bundle_info shorter = JVPGEN_INIT(jvpgen_bundle_info);
  shorter.size = offsetof(jvpgen_bundle_info, digest);
  shorter.digest = "untouched";
  EXPECT_EQ(said(jvpgen_bundle_describe(bundle.get(), &shorter)), "0: ");
  EXPECT_STREQ(shorter.name, "tiny");
  EXPECT_STREQ(shorter.digest, "untouched");
  shorter.size = 0;
  EXPECT_THAT(said(jvpgen_bundle_describe(bundle.get(), &shorter)), HasSubstr("set it to sizeof(jvpgen_bundle_info)"));

  jvpgen::Device device(0);
  struct {
    jvpgen_program_options known;
    size_t later;
  } options = {JVPGEN_INIT(jvpgen_program_options), 0};
  options.known.size = sizeof options;
  options.known.bundle = bundle.get(), options.known.device = device.get(), options.known.program = "forward";
  jvpgen_program *program = nullptr;
  EXPECT_EQ(said(jvpgen_program_create(&options.known, &program)), "0: ");
  jvpgen_program_release(program);
  options.later = 1;
  EXPECT_THAT(said(jvpgen_program_create(&options.known, &program)),
              HasSubstr("4: a jvpgen_program_options of a later release was handed over"));
}

TEST_F(Launching, ShapesAndTypesAreChecked) {
  EXPECT_EQ(launched(0, [](jvpgen_tensor &) {}), "0: ");
  static const int64_t other[] = {2, 2, 41, 16}, more[] = {1, 2, 2, 40, 16}, fewer[] = {2, 40, 16};
  EXPECT_EQ(launched(0, [](jvpgen_tensor &t) { t.shape = other; }),
            "2: the tensor 'q' has the shape [2, 2, 41, 16], and the problem wants [2, 2, 40, 16] (bhid); give another "
            "tensor, or another problem");
  EXPECT_EQ(launched(0, [](jvpgen_tensor &t) { t.shape = more, t.rank = 5; }), "0: ") << "1 in front says nothing";
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.shape = fewer, t.rank = 3; }), HasSubstr("has the shape"));
  static const int64_t four[] = {2, 2, 40, 1};
  EXPECT_EQ(launched(2, [](jvpgen_tensor &t) { t.shape = four, t.rank = 4; }), "0: ") << "b, h, i, j without j";
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.rank = 99; }), HasSubstr("rank 99"));
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.dtype = 9; }), HasSubstr("has type 9"));
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.dtype = JVPGEN_F16; }), HasSubstr("it is f16, not bf16"));
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.data = nullptr; }), HasSubstr("its address is null"));
  static int host;
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.data = &host; }), HasSubstr("is not memory of that GPU"));
  static const int64_t wide[] = {2560, 640, 16, 2};
  EXPECT_THAT(launched(0, [](jvpgen_tensor &t) { t.strides = wide; }), HasSubstr("features that are 2 elements apart"));
  EXPECT_THAT(launched(1, [](jvpgen_tensor &t) { t.size = 3; }), HasSubstr("2: "));
}

TEST_F(Launching, WorkspaceAndCountAreChecked) {
  workspace_bytes = 1023;
  EXPECT_THAT(launched(0, [](jvpgen_tensor &) {}), HasSubstr("2: forward needs a workspace of 1024 bytes, and 1023"));
  workspace_bytes = 4096;
  EXPECT_EQ(launched(0, [](jvpgen_tensor &) {}), "0: ");
  jvpgen_launch_options options = JVPGEN_INIT(jvpgen_launch_options);
  options.problem = &shape, options.workspace_bytes = 4096;
  EXPECT_THAT(said(jvpgen_program_launch(program.get(), &options)), HasSubstr("takes 3 tensors, and 0 were given"));
  shape.heads = -1;
  EXPECT_THAT(said(jvpgen_program_prepare(nullptr, &shape, 1)), HasSubstr("'program'"));
  EXPECT_THROW(program.prepare({shape}), jvpgen::Error);
}

TEST_F(Launching, TensorsComeFromDlpack) {
  int64_t shape[] = {2, 40, 2, 16}, strides[] = {1280, 16, 640, 1};
  DLTensor from = {fake_memory(0), {kDLCUDA, 0}, 4, {kDLBfloat, 16, 1}, shape, strides, 64};
  EXPECT_EQ(launched(0,
                     [&](jvpgen_tensor &t) {
                       std::swap(shape[1], shape[2]), std::swap(strides[1], strides[2]);
                       ASSERT_EQ(said(jvpgen_tensor_from_dlpack(&from, &t)), "0: ");
                       EXPECT_EQ(t.data, static_cast<char *>(fake_memory(0)) + 64);
                     }),
            "0: ");
  jvpgen_tensor to = JVPGEN_INIT(jvpgen_tensor);
  from.device.device_type = kDLCPU;
  EXPECT_THAT(said(jvpgen_tensor_from_dlpack(&from, &to)), HasSubstr("2: a DLPack tensor of device type 1"));
  from.device.device_type = kDLCUDA, from.dtype = {kDLFloat, 64, 1};
  EXPECT_THAT(said(jvpgen_tensor_from_dlpack(&from, &to)), HasSubstr("2: a DLPack tensor of type code 2, 64 bits"));
  const struct {
    DLDataType type;
    jvpgen_dtype expected;
  } types[] = {{{kDLFloat, 32, 1}, JVPGEN_F32}, {{kDLFloat, 16, 1}, JVPGEN_F16}, {{kDLBfloat, 16, 1}, JVPGEN_BF16},
               {{kDLInt, 32, 1}, JVPGEN_I32},   {{kDLInt, 8, 1}, JVPGEN_I8},     {{kDLBool, 8, 1}, JVPGEN_I8}};
  for (const auto &[type, expected] : types) {
    from.dtype = type;
    ASSERT_EQ(said(jvpgen_tensor_from_dlpack(&from, &to)), "0: ");
    EXPECT_EQ(to.dtype, expected);
  }
}
