#include "compiler/spec/TomlDocument.h"
#include <algorithm>

// The parser is compiled into this unit alone: the distributions' library is shared only, programs here are static.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace jvpgen {

namespace {
constexpr size_t MaxBytes = 256 * 1024;
constexpr int MaxDots = 16;

/// Places of the bytes of a file. Columns count code points, as the TOML parser's do.
class FileText {
public:
  explicit FileText(std::string_view bytes) : bytes(bytes) {
    starts.push_back(0);
    for (size_t i = 0; i < bytes.size(); ++i)
      if (bytes[i] == '\n') starts.push_back(i + 1);
  }

  size_t offset(Place place) const {
    if (place.line == 0 || place.line > starts.size()) return bytes.size();
    size_t at = starts[place.line - 1];
    for (unsigned column = 1; column < place.column && at < bytes.size(); ++column) at += codePoint(at);
    return std::min(at, bytes.size());
  }

  /// Bytes of the code point that starts here.
  size_t codePoint(size_t at) const {
    size_t length = 1;
    while (at + length < bytes.size() && (bytes[at + length] & 0xC0) == 0x80) ++length;
    return length;
  }

  std::string_view bytes;

private:
  std::vector<size_t> starts;
};

/// Follows a string's spelling in the file beside its decoded value, to know where each decoded byte stands.
class StringWalk {
public:
  StringWalk(const FileText &file, Place opening) : file(file), place(opening), at(file.offset(opening)) {}

  SourceText run(const std::string &decoded) {
    open();
    SourceText result{decoded, {}};
    for (size_t i = 0; i < decoded.size();) {
      size_t length = 1;
      while (i + length < decoded.size() && (decoded[i + length] & 0xC0) == 0x80) ++length;
      while (basic && lines && continues()) skipContinuation();
      result.places.insert(result.places.end(), length, place);
      skipCharacter();
      i += length;
    }
    result.places.push_back(place);
    return result;
  }

private:
  char peek(size_t ahead = 0) const { return at + ahead < file.bytes.size() ? file.bytes[at + ahead] : '\0'; }

  void step() {
    if (at >= file.bytes.size()) return;
    place = peek() == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
    at += file.codePoint(at);
  }

  void steps(size_t count) {
    while (count--) step();
  }

  void open() {
    char quote = peek();
    basic = quote == '"';
    lines = peek(1) == quote && peek(2) == quote;
    steps(lines ? 3 : 1);
    if (lines && peek() == '\r') step();
    if (lines && peek() == '\n') step();
  }

  /// A backslash with nothing but blanks behind it on its line.
  bool continues() const {
    if (peek() != '\\') return false;
    size_t ahead = 1;
    while (peek(ahead) == ' ' || peek(ahead) == '\t' || peek(ahead) == '\r') ++ahead;
    return peek(ahead) == '\n';
  }

  void skipContinuation() {
    step();
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') step();
  }

  void skipCharacter() {
    if (basic && peek() == '\\') {
      char kind = peek(1);
      steps(kind == 'u' ? 6 : kind == 'U' ? 10 : kind == 'x' ? 4 : 2);
    } else {
      if (peek() == '\r' && peek(1) == '\n') step();
      step();
    }
  }

  const FileText &file;
  Place place;
  size_t at;
  bool basic = true, lines = false;
};

Place placeOf(const toml::source_region &region) { return {region.begin.line, region.begin.column}; }

TomlValue convert(const toml::node &node, const FileText &file) {
  TomlValue value;
  value.place = placeOf(node.source());
  if (const auto *text = node.as_string()) {
    value.kind = TomlValue::Kind::String;
    value.text = StringWalk(file, value.place).run(text->get());
  } else if (const auto *integer = node.as_integer()) {
    value.kind = TomlValue::Kind::Integer;
    value.integer = integer->get();
    value.number = static_cast<double>(value.integer);
  } else if (const auto *number = node.as_floating_point()) {
    value.kind = TomlValue::Kind::Float;
    value.number = number->get();
  } else if (const auto *boolean = node.as_boolean()) {
    value.kind = TomlValue::Kind::Boolean;
    value.boolean = boolean->get();
  } else if (const auto *array = node.as_array()) {
    value.kind = TomlValue::Kind::Array;
    for (const toml::node &item : *array) value.items.push_back(convert(item, file));
  } else if (const auto *table = node.as_table()) {
    for (const auto &[key, member] : *table)
      value.members.push_back({std::string(key.str()), placeOf(key.source()), convert(member, file)});
    std::sort(value.members.begin(), value.members.end(), [](const TomlMember &a, const TomlMember &b) {
      return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
  } else {
    value.kind = TomlValue::Kind::Date;
  }
  return value;
}

/// Tables nest with the dots of a key, and freeing them recurses: counts dots outside strings and comments, line by
/// line.
class DotCounter {
public:
  DotCounter(std::string_view text, std::string_view file) : text(text), file(file) {}

  Status run() {
    Place place{1, 1};
    int dots = 0;
    for (size_t at = 0; at < text.size();) {
      size_t next = skip(at);
      for (; at < next; ++at) place = text[at] == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
      if (place.column == 1) dots = 0;
      if (text[next - 1] == '.' && ++dots > MaxDots)
        return invalidAt(file, place,
                         "a line has more than " + std::to_string(MaxDots) +
                             " dots outside strings, and tables do not nest so deep; write plain keys");
    }
    return {};
  }

private:
  /// The end of the string, comment or single character that starts here.
  size_t skip(size_t at) const {
    char c = text[at];
    if (c == '#') return std::min(text.find('\n', at), text.size());
    if (c != '"' && c != '\'') return at + 1;
    bool lines = text.substr(at, 3) == std::string(3, c);
    for (size_t i = at + (lines ? 3 : 1); i < text.size(); ++i) {
      if (c == '"' && text[i] == '\\')
        ++i;
      else if (!lines && (text[i] == c || text[i] == '\n'))
        return i + 1;
      else if (lines && text.substr(i, 3) == std::string(3, c)) {
        i += 3;
        while (i < text.size() && text[i] == c) ++i; // up to two quotes may stand before the closing three
        return i;
      }
    }
    return text.size();
  }

  std::string_view text, file;
};

/// The parser may quote bytes of the file; only printable ASCII is passed on.
std::string printable(std::string_view words) {
  std::string text(words.substr(0, 300));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}
} // namespace

const TomlMember *TomlValue::member(std::string_view name) const {
  auto found = std::find_if(members.begin(), members.end(), [&](const TomlMember &m) { return m.name == name; });
  return found == members.end() ? nullptr : &*found;
}

std::string_view describe(TomlValue::Kind kind) {
  switch (kind) {
  case TomlValue::Kind::String: return "a string";
  case TomlValue::Kind::Integer: return "an integer";
  case TomlValue::Kind::Float: return "a number with a point";
  case TomlValue::Kind::Boolean: return "a boolean";
  case TomlValue::Kind::Date: return "a date or time";
  case TomlValue::Kind::Array: return "a list";
  case TomlValue::Kind::Table: return "a table";
  }
  return "a value";
}

Result<TomlValue> readToml(std::string_view text, std::string_view file) {
  if (text.size() > MaxBytes)
    return invalidAt(file, {1, 1},
                     "the specification has " + std::to_string(text.size()) +
                         " bytes, more than 262144; give data as tensors, not as text");
  if (auto counted = DotCounter(text, file).run(); !counted) return tl::unexpected(counted.error());
  toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return invalidAt(file, placeOf(parsed.error().source()),
                     "the file was read as TOML, but: " + printable(parsed.error().description()) +
                         "; correct it here");
  return convert(parsed.table(), FileText(text));
}

} // namespace jvpgen
