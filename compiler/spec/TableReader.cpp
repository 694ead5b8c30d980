#include "compiler/spec/TableReader.h"
#include "compiler/spec/Suggestion.h"
#include <algorithm>

namespace jvpgen {

std::string shown(std::string_view text) {
  std::string result(text.substr(0, 40));
  std::replace_if(result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + result + (text.size() > 40 ? "...'" : "'");
}

tl::unexpected<Error> TableReader::wrongKind(const TomlMember &member, std::string_view wanted) const {
  return error(member.value.place, prefix + member.name + " is " + std::string(describe(member.value.kind)) +
                                       ", but must be " + std::string(wanted));
}

Status TableReader::onlyKeys(const std::vector<std::string> &known) const {
  for (const TomlMember &member : table.members)
    if (std::find(known.begin(), known.end(), member.name) == known.end())
      return error(member.place,
                   "key " + shown(prefix + member.name) + " is not known here; " + suggestion(member.name, known));
  return {};
}

Status TableReader::string(std::string_view key, SourceText &into) const {
  const TomlMember *found = member(key);
  if (!found) return {};
  if (found->value.kind != TomlValue::Kind::String) return wrongKind(*found, "a string; write it in quotes");
  into = found->value.text;
  return {};
}

Status TableReader::integer(std::string_view key, int64_t least, int64_t most, int &into) const {
  const TomlMember *found = member(key);
  if (!found) return {};
  std::string range = "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  if (found->value.kind != TomlValue::Kind::Integer) return wrongKind(*found, range + "; write digits alone");
  if (found->value.integer < least || found->value.integer > most)
    return error(found->value.place, prefix + std::string(key) + " = " + std::to_string(found->value.integer) +
                                         ", but must be " + range + "; choose one of these");
  into = static_cast<int>(found->value.integer);
  return {};
}

Status TableReader::choice(std::string_view key, const std::vector<std::string> &words, size_t &into) const {
  const TomlMember *found = member(key);
  if (!found) return {};
  if (found->value.kind != TomlValue::Kind::String)
    return wrongKind(*found, "a string; choose one of: " + joined(words));
  auto word = std::find(words.begin(), words.end(), found->value.text.text);
  if (word == words.end())
    return error(found->value.place, prefix + std::string(key) + " = " + shown(found->value.text.text) +
                                         " is no such choice; choose one of: " + joined(words));
  into = static_cast<size_t>(word - words.begin());
  return {};
}

Status TableReader::names(std::string_view key, std::optional<std::vector<PlacedName>> &into) const {
  const TomlMember *found = member(key);
  if (!found) return {};
  if (found->value.kind != TomlValue::Kind::Array) return wrongKind(*found, "a list of strings; write [\"...\"]");
  into.emplace();
  for (const TomlValue &item : found->value.items) {
    if (item.kind != TomlValue::Kind::String)
      return error(item.place, prefix + std::string(key) + " lists " + std::string(describe(item.kind)) +
                                   ", but must list strings; write it in quotes");
    for (const PlacedName &earlier : *into)
      if (earlier.name == item.text.text)
        return error(item.place, prefix + std::string(key) + " lists " + shown(earlier.name) +
                                     " twice, and once says it all; remove one");
    into->push_back({item.text.text, item.place});
  }
  return {};
}

} // namespace jvpgen
