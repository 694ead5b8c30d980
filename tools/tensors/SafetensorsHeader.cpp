// A recursive-descent reader for the header's subset of JSON.
#include "tools/tensors/SafetensorsHeader.h"

#include <limits>

using namespace jvpgen;

namespace {

/// Reads one token or value after the other; the first error stays and makes every later step a no-op.
class HeaderReader {
public:
  HeaderReader(std::string_view text, std::string_view file) : text(text), file(file) {}

  Result<std::vector<TensorEntry>> read() {
    std::vector<TensorEntry> entries;
    object([&](std::string key) {
      if (key == "__metadata__") return object([&](const std::string &) { string(); });
      entries.push_back(entry(std::move(key)));
    });
    skipSpace();
    if (position != text.size()) error("the end of the header");
    if (!problem.empty()) return fail(ErrorKind::Invalid, problem);
    return entries;
  }

private:
  std::string_view text, file;
  size_t position = 0;
  std::string problem;

  void error(const std::string &expected) {
    if (problem.empty())
      problem = "the header of '" + std::string(file) + "' is not a safetensors header: at byte " +
                std::to_string(position) + " " + expected +
                " was expected; write the file anew with a safetensors library";
  }

  void skipSpace() {
    while (position < text.size() &&
           (text[position] == ' ' || text[position] == '\n' || text[position] == '\t' || text[position] == '\r'))
      ++position;
  }

  bool accept(char c) {
    skipSpace();
    if (!problem.empty() || position >= text.size() || text[position] != c) return false;
    ++position;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) error(std::string("'") + c + "'");
  }

  template <typename Member> void object(Member member) {
    expect('{');
    if (accept('}')) return;
    do {
      std::string key = string();
      expect(':');
      if (problem.empty()) member(std::move(key));
    } while (accept(','));
    expect('}');
  }

  std::vector<uint64_t> numbers() {
    std::vector<uint64_t> out;
    expect('[');
    if (accept(']')) return out;
    do out.push_back(number());
    while (accept(','));
    expect(']');
    return out;
  }

  uint64_t number() {
    skipSpace();
    size_t start = position;
    uint64_t value = 0;
    for (; position < text.size() && text[position] >= '0' && text[position] <= '9'; ++position) {
      uint64_t digit = uint64_t(text[position] - '0');
      if (value > (uint64_t(std::numeric_limits<int64_t>::max()) - digit) / 10) {
        error("a number below 2^63");
        return 0;
      }
      value = value * 10 + digit;
    }
    if (position == start) error("a whole number");
    return value;
  }

  std::string string() {
    std::string out;
    expect('"');
    while (problem.empty()) {
      if (position >= text.size() || static_cast<unsigned char>(text[position]) < 0x20) {
        error("the end of a string");
        break;
      }
      char c = text[position++];
      if (c == '"') break;
      if (c == '\\')
        escape(out);
      else
        out += c;
    }
    return out;
  }

  void escape(std::string &out) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    char c = position < text.size() ? text[position++] : '\0';
    if (c == 'u') return codePoint(out);
    size_t which = letters.find(c);
    if (c == '\0' || which == std::string_view::npos)
      error("a known escape");
    else
      out += meanings[which];
  }

  /// \uXXXX as UTF-8; halves of surrogate pairs are refused.
  void codePoint(std::string &out) {
    unsigned code = 0;
    for (int k = 0; k < 4; ++k) {
      char c = position < text.size() ? text[position++] : '\0';
      unsigned digit = c >= '0' && c <= '9'   ? unsigned(c - '0')
                       : c >= 'a' && c <= 'f' ? unsigned(c - 'a' + 10)
                       : c >= 'A' && c <= 'F' ? unsigned(c - 'A' + 10)
                                              : 16;
      if (digit == 16) return error("four hexadecimal digits");
      code = code * 16 + digit;
    }
    if (code >= 0xd800 && code < 0xe000) return error("a character without surrogates");
    if (code < 0x80)
      out += char(code);
    else if (code < 0x800)
      (out += char(0xc0 | code >> 6)) += char(0x80 | (code & 63));
    else
      ((out += char(0xe0 | code >> 12)) += char(0x80 | (code >> 6 & 63))) += char(0x80 | (code & 63));
  }

  TensorEntry entry(std::string name) {
    TensorEntry out{std::move(name), "", {}, 0, 0};
    unsigned seen = 0;
    auto once = [&](unsigned bit) {
      if (seen & bit) error("each of dtype, shape, data_offsets once");
      seen |= bit;
    };
    object([&](const std::string &key) {
      if (key == "dtype")
        once(1), out.dtype = string();
      else if (key == "shape")
        once(2), out.shape = numbers();
      else if (key == "data_offsets") {
        once(4);
        std::vector<uint64_t> offsets = numbers();
        if (offsets.size() != 2) return error("two data_offsets");
        out.begin = offsets[0], out.end = offsets[1];
      } else
        error("dtype, shape or data_offsets");
    });
    if (seen != 7) error("dtype, shape and data_offsets");
    return out;
  }
};

} // namespace

Result<std::vector<TensorEntry>> jvpgen::parseSafetensorsHeader(std::string_view json, std::string_view file) {
  return HeaderReader(json, file).read();
}
