#include "compiler/spec/Suggestion.h"
#include <algorithm>
#include <numeric>

namespace jvpgen {

/// Levenshtein's distance: D(i, j) = min(D(i-1, j) + 1, D(i, j-1) + 1, D(i-1, j-1) + [a_i != b_j]).
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string suggestion(std::string_view name, const std::vector<std::string> &known) {
  if (known.empty()) return "none is known here";
  // A longer name than any known one cannot be near; the bound also keeps hostile names cheap.
  if (name.size() <= 64) {
    auto nearest = std::min_element(known.begin(), known.end(), [&](const std::string &a, const std::string &b) {
      return distance(name, a) < distance(name, b);
    });
    if (distance(name, *nearest) <= (name.size() + 1) / 3) return "did you mean '" + *nearest + "'?";
  }
  return "known: " + joined(known);
}

} // namespace jvpgen
