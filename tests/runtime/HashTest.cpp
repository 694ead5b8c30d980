// SHA-256 by the processor's instructions and by the portable code: the standard's examples, and each the other's.
#include "support/Hash.h"

#include <gtest/gtest.h>
#include <random>

using namespace jvpgen;

namespace {
std::string hexOf(Sha256 hash, std::string_view bytes) {
  hash.update(bytes);
  return hash.hex();
}

TEST(HashTest, ExamplesOfTheStandard) { // FIPS 180-4's examples, csrc.nist.gov
  for (const Sha256 &start : {Sha256(), Sha256::portable()}) {
    EXPECT_EQ(hexOf(start, ""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hexOf(start, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hexOf(start, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hexOf(start, std::string(1000000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

TEST(HashTest, PiecesOfAnyLength) {
  std::mt19937 random(7);
  std::string bytes(5000, '\0');
  for (char &byte : bytes) byte = static_cast<char>(random());
  for (size_t length = 0; length < 300; ++length) {
    const std::string_view text(bytes.data() + length % 7, length);
    EXPECT_EQ(hexOf(Sha256(), text), hexOf(Sha256::portable(), text)) << length;
  }
  const std::string whole = hexOf(Sha256::portable(), bytes);
  for (int k = 0; k < 50; ++k) {
    Sha256 hash;
    for (std::string_view left = bytes; !left.empty();) {
      const size_t piece = std::min<size_t>(left.size(), random() % 200);
      hash.update(left.substr(0, piece));
      left.remove_prefix(piece);
    }
    EXPECT_EQ(hash.hex(), whole);
  }
}
} // namespace
