// Bundles on disk: what is written is read back, and what is damaged is refused with words.
#include "runtime/abi/BundleFiles.h"
#include "TemporaryFolder.h"
#include "TinyBundle.h"
#include "runtime/abi/BundleMetadata.h"

#include <fstream>
#include <gmock/gmock.h>
#include <random>

using namespace jvpgen;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {
/// A bundle's text form says everything about it, digests of texts included.
void expectEqual(const KernelBundle &a, const KernelBundle &b) {
  EXPECT_EQ(printMetadata(a), printMetadata(b));
  ASSERT_EQ(a.files.size(), b.files.size());
  for (size_t k = 0; k < a.files.size(); ++k) EXPECT_EQ(a.files[k].text, b.files[k].text);
  EXPECT_EQ(a.specification, b.specification);
  ASSERT_EQ(a.machine_code.size(), b.machine_code.size());
  for (size_t k = 0; k < a.machine_code.size(); ++k) EXPECT_EQ(a.machine_code[k].cubin, b.machine_code[k].cubin);
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

MachineCode machineCode(const char *arch) {
  return {.kernel = "twice",
          .arch = arch,
          .schedule = {16, 32, 4, 3},
          .key = std::string(64, 'a'),
          .compiler = "0011 2233",
          .registers = 40,
          .spill_bytes = 8,
          .serialised = 1,
          .static_shared_bytes = 16,
          .cubin = std::string("\x7f\0\xff", 3) + arch};
}

std::string refusal(const std::string &metadata) {
  Result<BundleMetadata> parsed = parseMetadata(metadata);
  return parsed ? "accepted" : parsed.error().message;
}
} // namespace

TEST(BundleFiles, RoundTrip) {
  TemporaryFolder folder;
  KernelBundle bundle = tinyBundle();
  bundle.variants[0].launches[0].resources = {.own_features = 1,
                                              .streamed_features = 2,
                                              .streamed_numbers = 3,
                                              .own_registers = 4,
                                              .score_tiles = 5,
                                              .packed_tiles = 6,
                                              .output_features = 7,
                                              .element_bytes = 4,
                                              .owns_queries = false,
                                              .is_sweep = true};
  bundle.variants[0].executed_products = 21.25;
  bundle.specification = "dtype = \"bf16\"\n";
  bundle.machine_code = {machineCode("sm_90a"), machineCode("sm_80")};
  Result<void> written = writeBundle(bundle, folder.path / "a/b");
  ASSERT_TRUE(written) << written.error().message;
  Result<KernelBundle> read = readBundle(folder.path / "a/b");
  ASSERT_TRUE(read) << read.error().message;
  expectEqual(*read, bundle);
  const ResourceModel &model = read->variants[0].launches[0].resources;
  EXPECT_EQ(model.streamed_numbers, 3);
  EXPECT_FALSE(model.owns_queries);
  EXPECT_TRUE(model.is_sweep);
  EXPECT_EQ(read->variants[0].executed_products, 21.25);
  EXPECT_EQ(read->variants[0].launches[1].schedule, (Schedule{32, 32, 1, 1}));
}

TEST(BundleFiles, DamagedTextIsRefused) {
  TemporaryFolder folder;
  ASSERT_TRUE(writeBundle(tinyBundle(), folder.path));
  {
    std::fstream file(folder.path / "twice.cu", std::ios::in | std::ios::out);
    file.seekp(20);
    file.put('X');
  }
  Result<KernelBundle> read = readBundle(folder.path);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(read.error().message,
              HasSubstr("the bundle's file 'twice.cu' is not the one that bundle.json describes"));
}

TEST(BundleFiles, MissingShortAndLongTextsAreRefused) {
  TemporaryFolder folder;
  ASSERT_TRUE(writeBundle(tinyBundle(), folder.path));
  std::ofstream(folder.path / "abi.cuh", std::ios::app) << "more";
  EXPECT_FALSE(readBundle(folder.path));
  ASSERT_TRUE(writeBundle(tinyBundle(), folder.path));
  fs::resize_file(folder.path / "abi.cuh", 10);
  EXPECT_FALSE(readBundle(folder.path));
  fs::remove(folder.path / "abi.cuh");
  EXPECT_FALSE(readBundle(folder.path));
  EXPECT_FALSE(readBundle(folder.path / "absent"));
}

TEST(BundleFiles, NamesThatLeaveTheFolderAreRefused) {
  TemporaryFolder folder;
  for (const char *name : {"../evil.cu", "/tmp/evil.cu", "a/b.cu", ".hidden", "", "bundle.json", "a\nb"}) {
    KernelBundle bundle = tinyBundle();
    bundle.files[1].name = name;
    EXPECT_FALSE(writeBundle(bundle, folder.path)) << name;
  }
  std::string metadata = printMetadata(tinyBundle());
  EXPECT_THAT(refusal(replaced(metadata, "\"name\": \"abi.cuh\"", "\"name\": \"../abi.cuh\"")),
              HasSubstr("is not a plain file name"));
}

TEST(BundleMetadata, EachWrongFieldIsNamed) {
  const std::string good = printMetadata(tinyBundle());
  ASSERT_EQ(refusal(good), "accepted");
  struct Case {
    const char *from, *to, *message;
  };
  const Case cases[] = {
      {"\"jvpgen bundle\"", "\"other\"", "does not describe a jvpgen bundle"},
      {"\"version\": 4", "\"version\": 1", "has version 1 and this jvpgen reads version 4"},
      {"\"version\": 4", "\"version\": \"1\"", "bundle.version is not an integer"},
      {"\"head_dim_qk\": 16", "\"head_dim_qk\": -16", "bundle.head_dim_qk is not an integer from 1 to 4096"},
      {"\"head_dim_qk\": 16", "\"head_dim_qk\": 18446744073709551615", "bundle.head_dim_qk is not an integer"},
      {"\"head_dim_v\": 16", "\"head_dim\": 16", "bundle.head_dim_v is missing"},
      {"\"dense\"", "\"sparse\"", "bundle.layout is not dense, padded or packed"},
      {"\"dtype\": \"bf16\"", "\"dtype\": \"fp8\"", "bundle.tensors[0].dtype is not one of"},
      {"\"indices\": \"bnrid\"", "\"indices\": \"bnrix\"", "has a letter that is not in \"bnrijde\""},
      {"\"is_output\": false", "\"is_output\": 0", "bundle.tensors[0].is_output is not true or false"},
      {"\"kernel\": \"twice\"", "\"kernel\": \"tw ice\"", "launches[0].kernel is not an identifier"},
      {"\"kernel\": \"twice\"", "\"kernel\": \"copy_sums\"", "kernel copy_sums is there twice"},
      {"\"source\": \"twice.cu\"", "\"source\": \"absent.cu\"", "has a source that is not listed"},
      {"\"owners\": \"bnri\"", "\"owners\": \"bd\"", "launches[0].owners has a letter"},
      {"\"rows_per_block\": \"tile_m\"", "\"rows_per_block\": \"0\"", "is not tile_m, tile_n or a number of rows"},
      {"\"warps\": 1", "\"warps\": 33", "schedule.warps is not an integer from 1 to 32"},
      {"\"sums\"\n", "\"nothing\"\n", "has the undeclared tensor 'nothing'"},
      {"\"sha256\": \"", "\"sha256\": \"g", "sha256 is not 64 hexadecimal digits"},
      {"\"arch\": \"sm_80\"", "\"arch\": \"../sm_80\"", "bundle.arch is no name of an arch"},
      {"\"specification.toml\"", "\"twice.cu\"", "specification has a name that is not its own"},
      {"\"executed_products\": 2.0", "\"executed_products\": null", "executed_products is not a number"},
  };
  for (const Case &c : cases) EXPECT_THAT(refusal(replaced(good, c.from, c.to)), HasSubstr(c.message)) << c.from;
  EXPECT_THAT(refusal("{"), HasSubstr("is not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("does not describe a jvpgen bundle"));
}

TEST(BundleMetadata, MachineCodeHasNoNameButItsOwn) {
  KernelBundle bundle = tinyBundle();
  bundle.machine_code = {machineCode("sm_90a")};
  const std::string good = printMetadata(bundle);
  ASSERT_EQ(refusal(good), "accepted");
  EXPECT_THAT(refusal(replaced(good, "twice.sm_90a.0.cubin", "bundle.json")), HasSubstr("a name that is not its own"));
  EXPECT_THAT(refusal(replaced(good, "twice.sm_90a.0.cubin", "../x.cubin")), HasSubstr("is not a plain file name"));
  EXPECT_THAT(refusal(replaced(good, "\"arch\": \"sm_90a\"", "\"arch\": \"90\"")), HasSubstr("machine_code[0].arch"));
  EXPECT_THAT(refusal(replaced(good, std::string(64, 'a'), "no")), HasSubstr("machine_code[0].key is not 64"));
  EXPECT_THAT(refusal(replaced(good, "\"registers\": 40", "\"registers\": -1")), HasSubstr("registers"));
}

TEST(BundleMetadata, RandomDamageNeverCrashes) {
  const std::string good = printMetadata(tinyBundle());
  std::mt19937 generator(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text = good;
    for (unsigned k = 0; k <= generator() % 3; ++k) {
      size_t at = generator() % text.size();
      if (generator() % 2)
        text[at] = char(generator());
      else
        text.erase(at, generator() % 40);
    }
    parseMetadata(text);
  }
  EXPECT_FALSE(parseMetadata(std::string(200000, '[')));
}
