// Files that come back as they were, and files that are refused.
#include "tools/tensors/Safetensors.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>

using namespace jvpgen;

namespace {

std::string file(const std::string &header, const std::string &data = "", uint64_t claimed = ~0ull) {
  uint64_t length = claimed == ~0ull ? header.size() : claimed;
  std::string out;
  for (int k = 0; k < 8; ++k) out += char(length >> (8 * k));
  return out + header + data;
}

std::string entry(const std::string &name, const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "jvpgen-tensors-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST(Safetensors, WhatIsWrittenIsRead) {
  TemporaryFolder folder;
  TensorSet out;
  for (DType type : {DType::F32, DType::BF16, DType::F16, DType::I32, DType::I8}) {
    HostTensor tensor("name \"" + std::string(name(type)) + "\" \\ \n \xc3\xa4", type, {3, 0 + int(type), 2});
    for (int64_t k = 0; k < tensor.elements(); ++k) tensor.set(k, double(k) - 4);
    out.emplace(tensor.name, tensor);
  }
  out.emplace("scalar", HostTensor("scalar", DType::F32, {}));
  ASSERT_TRUE(writeSafetensors(folder.path / "x.safetensors", out));
  Result<TensorSet> in = readSafetensors(folder.path / "x.safetensors");
  ASSERT_TRUE(in) << in.error().text();
  ASSERT_EQ(in->size(), out.size());
  for (const auto &[name, tensor] : out) {
    EXPECT_EQ(in->at(name).name, name);
    EXPECT_EQ(in->at(name).dtype, tensor.dtype);
    EXPECT_EQ(in->at(name).shape, tensor.shape);
    EXPECT_EQ(in->at(name).bytes, tensor.bytes);
  }
}

TEST(Safetensors, FilesOfOtherLibraries) {
  std::string header = " { \"__metadata__\" : { \"format\" : \"pt\" , \"a\\u00e4\" : \"\\\"\" } ,\n" +
                       entry("\\u0061", "BOOL", "[ 2 , 1 ]", "[ 0 , 2 ]") + "," + entry("f", "F32", "[]", "[2,6]") +
                       " }  ";
  Result<TensorSet> tensors = parseSafetensors(file(header, std::string("\1\0\0\0\x80\x3f", 6)), "x");
  ASSERT_TRUE(tensors) << tensors.error().text();
  EXPECT_EQ(tensors->at("a").dtype, DType::I8);
  EXPECT_EQ(tensors->at("a").get(0), 1);
  EXPECT_EQ(tensors->at("f").get(0), 1);
  EXPECT_TRUE(parseSafetensors(file("{}"), "x"));
}

TEST(Safetensors, HostileFilesAreRefusedWithWords) {
  const std::string eight(8, '\0');
  const std::pair<std::string, std::string> cases[] = {
      {"", "has 0 bytes"},
      {"1234567", "has 7 bytes"},
      {file("{}", "", 3), "claims 3 bytes"},
      {file("{}", "", uint64_t(1) << 63), "at most 100000000 are read"},
      {file(""), "'{' was expected"},
      {file("["), "'{' was expected"},
      {file("{}x"), "the end of the header was expected"},
      {file("{\"a"), "the end of a string was expected"},
      {file("{\"a\\x\":1}"), "a known escape was expected"},
      {file("{\"\\ud800\":1}"), "without surrogates"},
      {file("{" + entry("a", "F32", "[2]", "[0,8]") + ",}", eight), "'\"' was expected"},
      {file("{" + entry("a", "F32", "[-2]", "[0,8]") + "}", eight), "a whole number was expected"},
      {file("{" + entry("a", "F32", "[99999999999999999999]", "[0,8]") + "}", eight), "a number below 2^63"},
      {file("{" + entry("a", "F32", "[4611686018427387904,4]", "[0,8]") + "}", eight), "2^63 and more"},
      {file("{" + entry("a", "F32", "[4611686018427387904,4,0]", "[0,0]") + "}"), "2^63 and more"},
      {file("{" + entry("a", "F64", "[1]", "[0,8]") + "}", eight), "has type 'F64'"},
      {file("{" + entry("a", "F32", "[3]", "[0,8]") + "}", eight), "its shape and type need 12"},
      {file("{" + entry("a", "F32", "[2]", "[0,16]") + "}", eight), "claims bytes 0 to 16 of 8"},
      {file("{" + entry("a", "F32", "[2]", "[8,0]") + "}", eight), "claims bytes 8 to 0"},
      {file("{" + entry("a", "F32", "[2]", "[0,8,8]") + "}", eight), "two data_offsets"},
      {file("{" + entry("a", "F32", "[1]", "[4,8]") + "}", eight), "after a gap"},
      {file("{" + entry("a", "F32", "[1]", "[0,4]") + "}", eight), "4 bytes at its end"},
      {file("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[1]", "[4,8]") + "}", eight),
       "inside another tensor"},
      {file("{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("a", "F32", "[1]", "[4,8]") + "}", eight),
       "occurs twice"},
      {file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", eight), "dtype, shape and data_offsets was expected"},
      {file("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", eight), "once was expected"},
      {file("{\"a\":{\"size\":1}}"), "dtype, shape or data_offsets was expected"},
      {file("{\"__metadata__\":{\"a\":1}}"), "'\"' was expected"},
  };
  for (const auto &[bytes, words] : cases) {
    Result<TensorSet> tensors = parseSafetensors(bytes, "x.safetensors");
    ASSERT_FALSE(tensors) << words;
    EXPECT_EQ(tensors.error().kind, ErrorKind::Invalid);
    EXPECT_NE(tensors.error().message.find("'x.safetensors'"), std::string::npos) << tensors.error().message;
    EXPECT_NE(tensors.error().message.find(words), std::string::npos)
        << tensors.error().message << "\n  lacks: " << words;
  }
}

/// Any damage gives tensors or an error, never more.
TEST(Safetensors, DamagedFilesDoNoHarm) {
  std::string good = file("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "I8", "[2,2]", "[8,12]") + "}",
                          std::string(12, '\1'));
  ASSERT_TRUE(parseSafetensors(good, "x"));
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(parseSafetensors(good.substr(0, length), "x"));
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (unsigned k = 0; k < 1 + round % 3u; ++k) bad[random() % bad.size()] = char(random());
    parseSafetensors(bad, "x");
  }
}

TEST(Safetensors, FilesThatAreNotThere) {
  Result<TensorSet> tensors = readSafetensors("/nonexistent/x.safetensors");
  ASSERT_FALSE(tensors);
  EXPECT_NE(tensors.error().message.find("/nonexistent/x.safetensors"), std::string::npos);
  EXPECT_FALSE(writeSafetensors("/nonexistent/x.safetensors", {}));
}
