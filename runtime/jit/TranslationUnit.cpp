// A walk over #include lines, and a hash with the length before each piece.
#include "runtime/jit/TranslationUnit.h"

#include "runtime/abi/BundleMetadata.h"
#include "schedule/Legality.h"
#include "schedule/ScheduleFields.h"
#include "support/Hash.h"

#include <algorithm>
#include <cctype>
#include <set>

using namespace jvpgen;

static const SourceFile *fileNamed(const KernelBundle &bundle, std::string_view name) {
  for (const SourceFile &file : bundle.files)
    if (file.name == name) return &file;
  return nullptr;
}

/// The text with each backslash at the end of a line taken away together with the line's end.
static std::string spliced(std::string_view text) {
  std::string out;
  for (size_t end; (end = text.find("\\\n")) != std::string_view::npos; text.remove_prefix(end + 2))
    out += text.substr(0, end);
  return out += text;
}

/// What follows `#include` in each line that is one: the name with its delimiters, or whatever else stands there.
static std::vector<std::string> includesOf(std::string_view source) {
  std::vector<std::string> out;
  std::string text = spliced(source);
  auto skipBlanks = [](std::string_view line) {
    return line.substr(std::min(line.find_first_not_of(" \t\r"), line.size()));
  };
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = skipBlanks(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    if (line.empty() || line[0] != '#') continue;
    line = skipBlanks(line.substr(1));
    if (line.rfind("include", 0) == 0) out.emplace_back(skipBlanks(line.substr(7)));
  }
  return out;
}

/// The file's name in "name" or <name>; empty for anything else.
static std::string includedName(const std::string &operand) {
  char close = operand.empty() ? '\0' : operand[0] == '"' ? '"' : operand[0] == '<' ? '>' : '\0';
  size_t end = close ? operand.find(close, 1) : std::string::npos;
  return end == std::string::npos ? "" : operand.substr(1, end - 1);
}

Result<TranslationUnit> jvpgen::translationUnit(const KernelBundle &bundle, const Launch &launch) {
  TranslationUnit unit;
  unit.source = fileNamed(bundle, launch.source);
  if (!unit.source)
    return fail(ErrorKind::Invalid, "kernel '" + launch.kernel + "' is to be compiled from '" + launch.source +
                                        "', which the bundle '" + bundle.name +
                                        "' does not hold; emit the bundle again");
  std::set<std::string> met;
  std::vector<const SourceFile *> open = {unit.source};
  while (!open.empty()) {
    const SourceFile *file = open.back();
    open.pop_back();
    for (const std::string &operand : includesOf(file->text)) {
      std::string name = includedName(operand);
      if (!isFileName(name))
        return fail(ErrorKind::Invalid, "'" + file->name + "' includes " + operand +
                                            ", which is no plain file name; only a bundle's own files can be included");
      const SourceFile *header = fileNamed(bundle, name);
      if (!header || !met.insert(name).second) continue;
      unit.headers.push_back(header);
      open.push_back(header);
    }
  }
  std::sort(unit.headers.begin(), unit.headers.end(), [](auto *a, auto *b) { return a->name < b->name; });
  return unit;
}

std::vector<std::string> jvpgen::scheduleDefinitions(const Launch &launch, const Schedule &schedule) {
  std::vector<std::string> out;
  for (const ScheduleField &field : kScheduleFields) {
    if (!field.is_compiled) continue;
    std::string name = field.name;
    for (char &letter : name) letter = char(std::toupper(static_cast<unsigned char>(letter)));
    out.push_back("-DJVPGEN_" + name + "=" + std::to_string(schedule.*field.value));
  }
  out.push_back("-DJVPGEN_SHARED_BYTES=" + std::to_string(sharedBytes(launch.resources, schedule)));
  return out;
}

std::string jvpgen::compilationKey(const TranslationUnit &unit, const std::vector<std::string> &options,
                                   std::string_view compiler) {
  Sha256 hash;
  auto add = [&](std::string_view piece) {
    hash.update(std::to_string(piece.size()) + ":");
    hash.update(piece);
  };
  add("jvpgen kernel 3");
  add(compiler);
  for (const std::string &option : options) add(option);
  add("source");
  add(unit.source->name);
  add(unit.source->text);
  for (const SourceFile *header : unit.headers) add(header->name), add(header->text);
  return hash.hex();
}
