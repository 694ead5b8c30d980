// Typed access to the keys of a TOML table, with errors in words.
#ifndef JVPGEN_COMPILER_SPEC_TABLEREADER_H
#define JVPGEN_COMPILER_SPEC_TABLEREADER_H

#include "compiler/spec/TomlDocument.h"
#include <optional>

namespace jvpgen {

/// A name in a list, with its place.
struct PlacedName {
  std::string name;
  Place place;
};

/// Each reader leaves `into` alone if the key is absent.
class TableReader {
public:
  TableReader(const TomlValue &table, std::string_view file, std::string prefix = "")
      : table(table), file(file), prefix(std::move(prefix)) {}

  /// Refuses keys that are not known.
  Status onlyKeys(const std::vector<std::string> &known) const;
  Status string(std::string_view key, SourceText &into) const;
  Status integer(std::string_view key, int64_t least, int64_t most, int &into) const;
  /// One of some words; `into` is its place among them.
  Status choice(std::string_view key, const std::vector<std::string> &words, size_t &into) const;
  /// A list of strings, each once.
  Status names(std::string_view key, std::optional<std::vector<PlacedName>> &into) const;
  const TomlMember *member(std::string_view key) const { return table.member(key); }
  /// The reader of a table inside this one; messages name its keys "outer.inner".
  TableReader inside(const TomlMember &inner) const { return {inner.value, file, prefix + inner.name + "."}; }

  tl::unexpected<Error> error(Place place, std::string message) const {
    return invalidAt(file, place, std::move(message));
  }
  /// "key is <what stands there>, but <wanted>"
  tl::unexpected<Error> wrongKind(const TomlMember &member, std::string_view wanted) const;

private:
  const TomlValue &table;
  std::string_view file;
  std::string prefix;
};

/// What a message shows of a string of the user's: printable and short.
std::string shown(std::string_view text);

} // namespace jvpgen

#endif
