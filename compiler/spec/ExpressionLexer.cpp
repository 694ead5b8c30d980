#include "compiler/spec/ExpressionLexer.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace jvpgen {

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

namespace {
/// value = 0.d1 d2 d3 ... * 10^point, with d1 and the last digit not 0.
struct Decimal {
  std::string digits;
  long point = 0;
};
} // namespace

static Decimal decimalOf(std::string_view text) {
  Decimal number;
  size_t at = 0;
  bool fraction = false;
  for (; at < text.size() && (isDigit(text[at]) || text[at] == '.'); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (!number.digits.empty() || text[at] != '0') {
      number.digits += text[at];
      number.point += !fraction;
    } else {
      number.point -= fraction;
    }
  }
  if (at < text.size()) { // the exponent; what no long can hold is far beyond float32 in any case
    ++at;
    bool negative = text[at] == '-';
    at += text[at] == '-' || text[at] == '+';
    long exponent = 0;
    for (; at < text.size(); ++at) exponent = std::min(exponent * 10 + (text[at] - '0'), 1'000'000L);
    number.point += negative ? -exponent : exponent;
  }
  while (!number.digits.empty() && number.digits.back() == '0') number.digits.pop_back();
  return number;
}

tl::expected<std::string, std::string> canonicalNumber(std::string_view text) {
  constexpr size_t most = 40;
  auto [digits, point] = decimalOf(text);
  if (digits.empty()) return "0";
  if (digits.size() > most) return tl::unexpected<std::string>("has more than 40 digits; float32 keeps 9 of them");
  if (point < -44) return tl::unexpected<std::string>("is nearer to 0 than any float32 but 0; write 0");
  std::string plain;
  if (point <= 0)
    plain = "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  else if (static_cast<size_t>(point) >= digits.size())
    plain = point > 39 ? "" : digits + std::string(static_cast<size_t>(point) - digits.size(), '0');
  else
    plain = digits.substr(0, point) + "." + digits.substr(point);
  double value = 0;
  std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (plain.empty() || value > std::numeric_limits<float>::max())
    return tl::unexpected<std::string>(
        "is beyond the greatest float32, so an infinity; to switch entries off use the mask, not a score of -inf");
  return plain;
}

namespace {
class Lexer {
public:
  Lexer(const SourceText &source, std::string_view what, std::string_view file)
      : text(source.text), source(source), what(what), file(file) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    while (true) {
      while (at < text.size() && isSpace(text[at])) ++at;
      if (at == text.size()) break;
      Result<Token> token = next();
      if (!token) return tl::unexpected(token.error());
      tokens.push_back(std::move(*token));
    }
    tokens.push_back({Token::Kind::End, "", source.at(text.size())});
    return tokens;
  }

private:
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }

  tl::unexpected<Error> error(size_t where, std::string message) const {
    return invalidAt(file, source.at(where), what + " " + std::move(message));
  }

  Result<Token> next() {
    size_t start = at;
    if (isDigit(peek()) || (peek() == '.' && isDigit(peek(1)))) return number();
    if (isLetter(peek())) {
      while (isLetter(peek()) || isDigit(peek())) ++at;
      return Token{Token::Kind::Name, std::string(text.substr(start, at - start)), source.at(start)};
    }
    return symbol();
  }

  /// digits [. digits] [e [sign] digits]
  Result<Token> number() {
    size_t start = at;
    while (isDigit(peek())) ++at;
    if (peek() == '.') ++at;
    while (isDigit(peek())) ++at;
    size_t sign = peek(1) == '+' || peek(1) == '-';
    if ((peek() == 'e' || peek() == 'E') && isDigit(peek(1 + sign)))
      for (at += 1 + sign; isDigit(peek());) ++at;
    std::string shown(text.substr(start, std::min<size_t>(at - start, 24)));
    if (isLetter(peek()) || peek() == '.')
      return error(start,
                   "has '" + shown + peek() + "', which is neither a number nor a name; write a product with '*'");
    auto canonical = canonicalNumber(text.substr(start, at - start));
    if (!canonical) return error(start, "has the number " + shown + ", which " + canonical.error());
    return Token{Token::Kind::Number, *canonical, source.at(start)};
  }

  Result<Token> symbol() {
    static constexpr std::array<std::string_view, 6> pairs = {"&&", "||", "<=", ">=", "==", "!="};
    size_t start = at;
    std::string_view two = text.substr(at, 2);
    if (two == "**") return error(at, "has '**', which is no operator here; write a power as a product: z * z");
    if (std::find(pairs.begin(), pairs.end(), two) != pairs.end()) {
      at += 2;
      return Token{Token::Kind::Symbol, std::string(two), source.at(start)};
    }
    char c = text[at];
    if (std::string_view("+-*/<>!(),").find(c) == std::string_view::npos) return error(at, "has " + unknown(c));
    ++at;
    return Token{Token::Kind::Symbol, std::string(1, c), source.at(start)};
  }

  static std::string unknown(char c) {
    switch (c) {
    case '&': return "'&', which is no operator here; write '&&' for \"and\"";
    case '|': return "'|', which is no operator here; write '||' for \"or\"";
    case '=': return "'=', which is no operator here; write '==' to compare";
    case '^': return "'^', which is no operator here; write a power as a product: z * z";
    case '%': return "'%', which is no operator here; give a per-position remainder as a query or key vector";
    case '[': return "'[', but vectors are not indexed; name the vector alone, its element is the entry's own";
    case '?': return "'?', which is no operator here; write where(condition, a, b)";
    default: break;
    }
    if (c > ' ' && c < '\x7f') return std::string("the character '") + c + "', which no expression has; remove it";
    return "a character outside printable ASCII, which no expression has; remove it";
  }

  std::string_view text;
  const SourceText &source;
  std::string what;
  std::string_view file;
  size_t at = 0;
};
} // namespace

Result<std::vector<Token>> tokenize(const SourceText &source, std::string_view what, std::string_view file) {
  return Lexer(source, what, file).run();
}

} // namespace jvpgen
