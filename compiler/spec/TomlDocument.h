// A TOML file as plain values with their places, detached from the parser that read it.
#ifndef JVPGEN_COMPILER_SPEC_TOMLDOCUMENT_H
#define JVPGEN_COMPILER_SPEC_TOMLDOCUMENT_H

#include "compiler/spec/SourceText.h"
#include <cstdint>
#include <string_view>
#include <vector>

namespace jvpgen {

struct TomlMember;

struct TomlValue {
  enum class Kind { String, Integer, Float, Boolean, Date, Array, Table };
  Kind kind = Kind::Table;
  Place place;
  SourceText text; ///< of a String
  int64_t integer = 0;
  double number = 0; ///< of a Float, and of an Integer
  bool boolean = false;
  std::vector<TomlValue> items;    ///< of an Array
  std::vector<TomlMember> members; ///< of a Table, in the file's order

  const TomlMember *member(std::string_view name) const;
};

struct TomlMember {
  std::string name;
  Place place; ///< of the key
  TomlValue value;
};

/// "a string", "an integer", ...: for messages.
std::string_view describe(TomlValue::Kind kind);

/// The top table. Files over 256 KiB and deep nesting are refused.
Result<TomlValue> readToml(std::string_view text, std::string_view file);

} // namespace jvpgen

#endif
