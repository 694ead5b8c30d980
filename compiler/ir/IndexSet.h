// Sets of the indices s b n r i j d e (see Attn.td), as bits in canonical order.
#ifndef JVPGEN_COMPILER_IR_INDEXSET_H
#define JVPGEN_COMPILER_IR_INDEXSET_H

#include <cstdint>
#include <string>
#include <string_view>

namespace jvpgen {

class IndexSet {
public:
  static constexpr std::string_view kOrder = "sbnrijde";

  constexpr IndexSet() = default;
  constexpr IndexSet(std::string_view letters) {
    for (char c : letters) bits |= uint8_t(1u << kOrder.find(c));
  }
  constexpr IndexSet(const char *letters) : IndexSet(std::string_view(letters)) {}

  constexpr bool has(char c) const { return bits >> kOrder.find(c) & 1; }
  constexpr bool contains(IndexSet other) const { return (bits & other.bits) == other.bits; }
  constexpr bool meets(IndexSet other) const { return bits & other.bits; }
  constexpr bool empty() const { return !bits; }
  constexpr uint8_t raw() const { return bits; }

  constexpr IndexSet operator|(IndexSet o) const { return fromBits(bits | o.bits); }
  constexpr IndexSet operator&(IndexSet o) const { return fromBits(bits & o.bits); }
  constexpr IndexSet operator-(IndexSet o) const { return fromBits(bits & ~o.bits); }
  constexpr IndexSet &operator|=(IndexSet o) { return *this = *this | o; }
  constexpr bool operator==(const IndexSet &) const = default;

  /// The letters in canonical order.
  std::string str() const {
    std::string out;
    for (char c : kOrder)
      if (has(c)) out += c;
    return out;
  }

private:
  static constexpr IndexSet fromBits(unsigned b) {
    IndexSet s;
    s.bits = uint8_t(b);
    return s;
  }
  uint8_t bits = 0;
};

inline constexpr IndexSet kStreamed{"ij"}; ///< the two indices whose tiles are never stored
inline constexpr IndexSet kFeature{"de"};  ///< contracted or output feature indices

} // namespace jvpgen

#endif
