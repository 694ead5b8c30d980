#include "compiler/spec/ExpressionParser.h"
#include "compiler/spec/ExpressionLexer.h"
#include "compiler/spec/Suggestion.h"
#include <optional>

namespace jvpgen {

namespace {
constexpr unsigned MaxNesting = 100;

struct BinaryOperator {
  std::string_view symbol;
  ExprOp op;
  int precedence;
};
constexpr int ComparisonPrecedence = 3;
constexpr BinaryOperator binaryOperators[] = {{"||", ExprOp::Or, 1}, {"&&", ExprOp::And, 2}, {"<", ExprOp::Lt, 3},
                                              {"<=", ExprOp::Le, 3}, {">", ExprOp::Gt, 3},   {">=", ExprOp::Ge, 3},
                                              {"==", ExprOp::Eq, 3}, {"!=", ExprOp::Ne, 3},  {"+", ExprOp::Add, 4},
                                              {"-", ExprOp::Sub, 4}, {"*", ExprOp::Mul, 5},  {"/", ExprOp::Div, 5}};

struct Function {
  std::string_view name;
  ExprOp op;
  size_t arguments;
};
constexpr Function functions[] = {{"abs", ExprOp::Abs, 1},   {"exp", ExprOp::Exp, 1},    {"log", ExprOp::Log, 1},
                                  {"max", ExprOp::Max, 2},   {"min", ExprOp::Min, 2},    {"sqrt", ExprOp::Sqrt, 1},
                                  {"tanh", ExprOp::Tanh, 1}, {"where", ExprOp::Where, 3}};

class Parser {
public:
  Parser(std::vector<Token> tokens, std::string_view what, std::string_view file)
      : tokens(std::move(tokens)), what(what), file(file) {}

  Result<Expr> run() {
    if (peek().kind == Token::Kind::End) return error(peek(), "is empty; write an expression, or leave the key out");
    Result<Expr> e = binary(1);
    if (e && peek().kind != Token::Kind::End) return error(peek(), unexpected("an operator or the end"));
    return e;
  }

private:
  const Token &peek() const { return tokens[at]; }

  tl::unexpected<Error> error(const Token &token, std::string message) const {
    return invalidAt(file, token.place, what + " " + std::move(message));
  }

  std::string unexpected(std::string_view wanted) const {
    const Token &token = peek();
    if (token.kind == Token::Kind::End) return "ends where " + std::string(wanted) + " must follow; complete it";
    std::string remedy = "; correct the expression here";
    if (token.kind == Token::Kind::Name && token.text == "and") remedy = "; write '&&'";
    if (token.kind == Token::Kind::Name && token.text == "or") remedy = "; write '||'";
    if (token.is(")")) remedy = "; remove it, or open a parenthesis before";
    return "has '" + token.text.substr(0, 40) + "' where " + std::string(wanted) + " must follow" + remedy;
  }

  Result<Expr> node(ExprOp op, const Token &token, std::vector<Expr> args, std::string text = "") {
    if (++nodes > MaxExpressionNodes)
      return error(token, "has more than " + std::to_string(MaxExpressionNodes) +
                              " numbers, names and operations; give part of it as a bias or mask tensor");
    return Expr{op, std::move(text), std::move(args), token.place.line, token.place.column};
  }

  const BinaryOperator *binaryOperator() const {
    if (peek().kind == Token::Kind::Symbol)
      for (const BinaryOperator &candidate : binaryOperators)
        if (candidate.symbol == peek().text) return &candidate;
    return nullptr;
  }

  /// Precedence climbing: operators at or above `lowest`.
  Result<Expr> binary(int lowest) {
    Result<Expr> left = unary();
    while (left) {
      const BinaryOperator *found = binaryOperator();
      if (!found || found->precedence < lowest) break;
      Token token = tokens[at++];
      Result<Expr> right = binary(found->precedence + 1);
      if (!right) return right;
      const BinaryOperator *follows = binaryOperator();
      if (found->precedence == ComparisonPrecedence && follows && follows->precedence == ComparisonPrecedence)
        return error(peek(), "compares three values in a row, which has no one meaning; write a < b && b < c");
      std::vector<Expr> args;
      args.push_back(std::move(*left));
      args.push_back(std::move(*right));
      left = node(found->op, token, std::move(args));
    }
    return left;
  }

  Result<Expr> unary() {
    if (nesting >= MaxNesting)
      return error(peek(), "nests deeper than " + std::to_string(MaxNesting) + " levels; write it flatter");
    ++nesting;
    Result<Expr> e = peek().is("-") || peek().is("!") ? prefixed() : primary();
    --nesting;
    return e;
  }

  Result<Expr> prefixed() {
    Token token = tokens[at++];
    Result<Expr> operand = unary();
    if (!operand) return operand;
    std::vector<Expr> args;
    args.push_back(std::move(*operand));
    return node(token.is("-") ? ExprOp::Neg : ExprOp::Not, token, std::move(args));
  }

  Result<Expr> primary() {
    const Token &token = peek();
    if (token.is("(")) {
      ++at;
      Result<Expr> inside = binary(1);
      if (!inside) return inside;
      if (auto closed = close(); !closed) return tl::unexpected(closed.error());
      return inside;
    }
    if (token.kind == Token::Kind::Number) return node(ExprOp::Number, tokens[at++], {}, token.text);
    if (token.kind == Token::Kind::Name) return name();
    return error(token, unexpected("a number, a name or '('"));
  }

  Status close() {
    if (!peek().is(")")) return error(peek(), unexpected("')' or an operator"));
    ++at;
    return {};
  }

  Result<Expr> name() {
    const Token &token = tokens[at++];
    if (peek().is("(")) return call(token);
    if (token.text == "true") return node(ExprOp::True, token, {});
    if (token.text == "false") return node(ExprOp::False, token, {});
    if (token.text == "not") return error(token, "has 'not', which is no operator here; write '!'");
    if (token.text == "inf" || token.text == "infinity" || token.text == "INFINITY" || token.text == "nan")
      return error(token, "has a literal " + token.text +
                              ", whose derivatives are undefined; to switch entries off use "
                              "the mask: mask = \"condition under which an entry is kept\"");
    for (const Function &function : functions)
      if (function.name == token.text)
        return error(token, "names the function " + token.text + " without arguments; write " + token.text + "(...)");
    return node(ExprOp::Variable, token, {}, token.text);
  }

  Result<Expr> call(const Token &token) {
    const Function *callee = nullptr;
    std::vector<std::string> known;
    for (const Function &function : functions) {
      if (function.name == token.text) callee = &function;
      known.emplace_back(function.name);
    }
    if (token.text == "not") return error(token, "has 'not', which is no operator here; write '!'");
    if (!callee)
      return error(token, "calls '" + token.text.substr(0, 40) + "', which is no function here; " +
                              suggestion(token.text, known));
    std::vector<Expr> args;
    do {
      ++at; // "(" or ","
      Result<Expr> argument = binary(1);
      if (!argument) return argument;
      args.push_back(std::move(*argument));
    } while (peek().is(","));
    if (auto closed = close(); !closed) return tl::unexpected(closed.error());
    if (args.size() != callee->arguments)
      return error(token, "gives " + token.text + " " + std::to_string(args.size()) + " arguments, but it takes " +
                              std::to_string(callee->arguments) + "; correct the call");
    return node(callee->op, token, std::move(args));
  }

  std::vector<Token> tokens;
  std::string what;
  std::string_view file;
  size_t at = 0, nodes = 0;
  unsigned nesting = 0;
};
} // namespace

Result<Expr> parseExpression(const SourceText &source, std::string_view what, std::string_view file) {
  Result<std::vector<Token>> tokens = tokenize(source, what, file);
  if (!tokens) return tl::unexpected(tokens.error());
  return Parser(std::move(*tokens), what, file).run();
}

Result<Expr> parseExpression(std::string_view text, std::string_view what, std::string_view file) {
  SourceText source{std::string(text), {}};
  Place place{1, 1};
  for (char c : text) {
    source.places.push_back(place);
    place = c == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
  }
  source.places.push_back(place);
  return parseExpression(source, what, file);
}

} // namespace jvpgen
