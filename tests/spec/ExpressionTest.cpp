#include "compiler/spec/ExpressionLexer.h"
#include "compiler/spec/ExpressionParser.h"
#include <gtest/gtest.h>
#include <random>

using namespace jvpgen;

static Expr parsed(std::string_view text) {
  auto e = parseExpression(text, "score", "test");
  EXPECT_TRUE(e) << e.error().text();
  return e ? *e : Expr();
}

static std::string reprinted(std::string_view text) { return print(parsed(text)); }

TEST(Expression, PrintsOnlyTheParenthesesThatAreNeeded) {
  EXPECT_EQ(reprinted("((z)) + (1)"), "z + 1");
  EXPECT_EQ(reprinted("(a-b)-c"), "a - b - c");
  EXPECT_EQ(reprinted("a-(b-c)"), "a - (b - c)");
  EXPECT_EQ(reprinted("a+(b*c)"), "a + b * c");
  EXPECT_EQ(reprinted("(a+b)*c"), "(a + b) * c");
  EXPECT_EQ(reprinted("a/(b*c)"), "a / (b * c)");
  EXPECT_EQ(reprinted("-(a*b)"), "-(a * b)");
  EXPECT_EQ(reprinted("(-a)*b"), "-a * b");
  EXPECT_EQ(reprinted("a - -b"), "a - -b");
  EXPECT_EQ(reprinted("!(a<b)&&(c||d)"), "!(a < b) && (c || d)");
  EXPECT_EQ(reprinted("where( a<b ,max(a, b),exp(-z))"), "where(a < b, max(a, b), exp(-z))");
  EXPECT_EQ(reprinted("a || b && c || true"), "a || b && c || true");
}

TEST(Expression, GroupsAsInArithmetic) {
  EXPECT_TRUE(sameTree(parsed("a - b - c"), parsed("(a - b) - c")));
  EXPECT_FALSE(sameTree(parsed("a - b - c"), parsed("a - (b - c)")));
  EXPECT_TRUE(sameTree(parsed("a + b * c < d && e"), parsed("((a + (b * c)) < d) && e")));
  EXPECT_TRUE(sameTree(parsed("-a * b"), parsed("(-a) * b")));
}

TEST(Expression, NumbersAreCanonicalDecimals) {
  EXPECT_EQ(canonicalNumber("007"), "7");
  EXPECT_EQ(canonicalNumber("1.50e1"), "15");
  EXPECT_EQ(canonicalNumber("0.10"), "0.1");
  EXPECT_EQ(canonicalNumber(".5"), "0.5");
  EXPECT_EQ(canonicalNumber("5."), "5");
  EXPECT_EQ(canonicalNumber("0.000"), "0");
  EXPECT_EQ(canonicalNumber("0e999999999999999999999"), "0");
  EXPECT_EQ(canonicalNumber("12.34e-3"), "0.01234");
  EXPECT_EQ(canonicalNumber("0.0012e5"), "120");
  EXPECT_EQ(canonicalNumber("3.4e38"), "340000000000000000000000000000000000000");
  EXPECT_EQ(canonicalNumber("1e-45"), "0.000000000000000000000000000000000000000000001");
  EXPECT_FALSE(canonicalNumber("3.5e38"));
  EXPECT_FALSE(canonicalNumber("1e-46"));
  EXPECT_FALSE(canonicalNumber("1e999999999999999999999"));
  EXPECT_FALSE(canonicalNumber("1e-999999999999999999999"));
}

TEST(Expression, ListsVariablesOnce) {
  EXPECT_EQ(variables(parsed("z * b + where(a < z, b, 1)")), (std::vector<std::string>{"a", "b", "z"}));
}

TEST(Expression, NodesKnowTheirPlaces) {
  Expr e = parsed("z +\n  tanh(b)");
  EXPECT_EQ(std::pair(e.line, e.column), std::pair(1u, 3u));
  EXPECT_EQ(std::pair(e.args[1].line, e.args[1].column), std::pair(2u, 3u));
  EXPECT_EQ(std::pair(e.args[1].args[0].line, e.args[1].args[0].column), std::pair(2u, 8u));
}

namespace {
/// Trees of every operation, whatever their types.
class RandomExpression {
public:
  explicit RandomExpression(unsigned seed) : random(seed) {}

  Expr operator()(int depth) {
    constexpr ExprOp leaves[] = {ExprOp::Number, ExprOp::Variable, ExprOp::True, ExprOp::False};
    constexpr int last = static_cast<int>(ExprOp::False);
    ExprOp op = depth == 0 ? leaves[random() % 4] : static_cast<ExprOp>(random() % (last + 1));
    Expr e{op, "", {}, 0, 0};
    if (op == ExprOp::Number)
      e.text = *canonicalNumber(std::to_string(random() % 1000) + "." + std::to_string(random() % 1000));
    if (op == ExprOp::Variable) e.text = std::string(1, static_cast<char>('a' + random() % 26));
    for (size_t i = 0; i < arity(op); ++i) e.args.push_back((*this)(depth - 1));
    return e;
  }

private:
  static size_t arity(ExprOp op) {
    switch (op) {
    case ExprOp::Number:
    case ExprOp::Variable:
    case ExprOp::True:
    case ExprOp::False: return 0;
    case ExprOp::Neg:
    case ExprOp::Not:
    case ExprOp::Exp:
    case ExprOp::Log:
    case ExprOp::Tanh:
    case ExprOp::Sqrt:
    case ExprOp::Abs: return 1;
    case ExprOp::Where: return 3;
    default: return 2;
    }
  }

  std::mt19937 random;
};

/// The text without the pair of parentheses that opens at `open`.
std::string withoutPair(std::string text, size_t open) {
  size_t close = open;
  for (int depth = 0; close < text.size(); ++close) {
    depth += (text[close] == '(') - (text[close] == ')');
    if (depth == 0) break;
  }
  text.erase(close, 1);
  text.erase(open, 1);
  return text;
}
} // namespace

TEST(Expression, RandomTreesSurvivePrinting) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Expr e = RandomExpression(seed)(seed % 6);
    if (countNodes(e) > MaxExpressionNodes) continue;
    std::string text = print(e);
    auto again = parseExpression(text, "score", "test");
    ASSERT_TRUE(again) << text << "\n" << again.error().text();
    EXPECT_TRUE(sameTree(e, *again)) << text << "\n" << print(*again);
  }
}

TEST(Expression, NoParenthesesOfRandomTreesAreNeedless) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Expr e = RandomExpression(seed)(seed % 4);
    std::string text = print(e);
    for (size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '(' || (at && std::isalpha(text[at - 1]))) continue;
      auto without = parseExpression(withoutPair(text, at), "score", "test");
      EXPECT_FALSE(without && sameTree(e, *without)) << text << " at " << at;
    }
  }
}
