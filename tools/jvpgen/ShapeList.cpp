#include "tools/jvpgen/ShapeList.h"

#include "compiler/spec/TomlDocument.h"
#include "support/AtomicFile.h"
#include "tools/jvpgen/Shapes.h"
#include <algorithm>
#include <charconv>
#include <sstream>

using namespace jvpgen;

namespace {
/// A row of a list: one shape, one program or all, how often it was launched.
struct Row {
  std::string place; ///< file:line, for messages
  int64_t batch = 0, heads = 0, q_length = -1, kv_length = -1, launches = 0;
  std::string program, specification;
};
} // namespace

static int64_t *numberOf(Row &row, std::string_view column) {
  if (column == "batch") return &row.batch;
  if (column == "heads") return &row.heads;
  if (column == "q_length") return &row.q_length;
  if (column == "kv_length") return &row.kv_length;
  return column == "launches" ? &row.launches : nullptr;
}

static std::string *textOf(Row &row, std::string_view column) {
  return column == "program" ? &row.program : column == "specification" ? &row.specification : nullptr;
}

static std::vector<std::string> cells(const std::string &line) {
  std::vector<std::string> out;
  std::stringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) {
    const size_t begin = cell.find_first_not_of(" \t\r");
    out.push_back(begin == cell.npos ? "" : cell.substr(begin, cell.find_last_not_of(" \t\r") - begin + 1));
  }
  return out;
}

static tl::unexpected<Error> wrong(const std::string &place, const std::string &obstacle) {
  return fail(ErrorKind::Invalid,
              "a shape was to be read: " + obstacle + "; give batch, heads, q_length and kv_length as whole numbers",
              place);
}

static Result<std::vector<Row>> parseCsv(const std::string &text, const std::string &file) {
  std::stringstream lines(text);
  std::vector<std::string> columns;
  std::vector<Row> out;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    Row row;
    row.place = file + ":" + std::to_string(++number);
    const std::vector<std::string> fields = cells(line);
    if (fields.empty() || line[0] == '#') continue;
    if (columns.empty()) {
      columns = fields;
      continue;
    }
    for (size_t k = 0; k < std::min(fields.size(), columns.size()); ++k) {
      if (std::string *word = textOf(row, columns[k])) *word = fields[k];
      int64_t *value = numberOf(row, columns[k]);
      if (!value || (fields[k].empty() && columns[k] == "launches")) continue;
      const char *end = fields[k].data() + fields[k].size();
      if (auto [stop, code] = std::from_chars(fields[k].data(), end, *value); code != std::errc() || stop != end)
        return wrong(row.place, columns[k] + " is '" + fields[k] + "'");
    }
    out.push_back(std::move(row));
  }
  return out;
}

/// One [[shape]]; a row for each of its programs.
static Result<void> addTable(const TomlValue &table, const std::string &place, std::vector<Row> &rows) {
  Row row;
  row.place = place;
  std::vector<std::string> programs;
  for (const TomlMember &member : table.members) {
    if (int64_t *value = numberOf(row, member.name)) {
      if (member.value.kind != TomlValue::Kind::Integer) return wrong(place, member.name + " is no whole number");
      *value = member.value.integer;
    } else if (member.name == "programs" && member.value.kind == TomlValue::Kind::Array) {
      for (const TomlValue &item : member.value.items) programs.push_back(item.text.text);
    } else
      return wrong(place, "'" + member.name + "' is no field of a shape");
  }
  if (programs.empty()) programs = {""};
  for (const std::string &program : programs) rows.push_back(row), rows.back().program = program;
  return {};
}

static Result<std::vector<Row>> parseToml(const std::string &text, const std::string &file) {
  Result<TomlValue> document = readToml(text, file);
  if (!document) return tl::unexpected<Error>(document.error());
  std::vector<Row> out;
  const TomlMember *shape = document->member("shape");
  const TomlValue *shapes = shape ? &shape->value : nullptr;
  if (!shapes || shapes->kind != TomlValue::Kind::Array) return wrong(file, "the file has no [[shape]]");
  for (const TomlValue &table : shapes->items) {
    const std::string place = file + ":" + std::to_string(table.place.line);
    if (table.kind != TomlValue::Kind::Table) return wrong(place, "a shape is no table");
    if (Result<void> added = addTable(table, place, out); !added) return tl::unexpected<Error>(added.error());
  }
  return out;
}

/// The shape as the command line writes it, which is where it is checked.
static Result<Problem> problemOf(const AttentionSpec &spec, const Row &row) {
  const std::string text = std::to_string(row.batch) + "x" + std::to_string(row.heads) + "x" +
                           std::to_string(row.q_length) + "x" + std::to_string(row.kv_length);
  Result<std::vector<Problem>> shape = parseShapes(spec, text);
  if (!shape) return fail(shape.error().kind, shape.error().message, row.place);
  return shape->front();
}

static Result<std::vector<Row>> readRows(const std::string &file) {
  constexpr size_t limit = 1 << 20;
  Result<std::string> text = readFile(file, limit);
  if (!text) return tl::unexpected<Error>(text.error());
  return file.ends_with(".toml") ? parseToml(*text, file) : parseCsv(*text, file);
}

namespace {
/// A shape of the list with the programs that rows name.
struct Wanted {
  Problem problem;
  std::vector<std::string> programs;
  int64_t launches = 0;
  size_t place = 0; ///< in the list
};
} // namespace

static Result<std::vector<Wanted>> gather(const AttentionSpec &spec, const std::vector<std::string> &programs,
                                          const std::string &digest, const std::vector<Row> &rows, ShapeList &list) {
  std::vector<Wanted> out;
  for (const Row &row : rows) {
    const bool isOther = !row.specification.empty() && row.specification != digest;
    const bool isUnknown =
        !row.program.empty() && std::find(programs.begin(), programs.end(), row.program) == programs.end();
    if (isOther || isUnknown) {
      ++list.left_out;
      continue;
    }
    Result<Problem> problem = problemOf(spec, row);
    if (!problem) return tl::unexpected<Error>(problem.error());
    auto known = std::find_if(out.begin(), out.end(), [&](const Wanted &w) { return w.problem == *problem; });
    if (known == out.end()) known = out.insert(out.end(), {*problem, {}, 0, out.size()});
    known->launches += row.launches;
    for (const std::string &program : programs)
      if (row.program.empty() || row.program == program) known->programs.push_back(program);
  }
  return out;
}

Result<ShapeList> jvpgen::readShapeList(const AttentionSpec &spec, const std::vector<std::string> &programs,
                                        const std::string &digest, const std::string &text) {
  ShapeList out;
  std::vector<Wanted> wanted;
  if (text.ends_with(".toml") || text.ends_with(".csv")) {
    Result<std::vector<Row>> rows = readRows(text);
    if (!rows) return tl::unexpected<Error>(rows.error());
    Result<std::vector<Wanted>> gathered = gather(spec, programs, digest, *rows, out);
    if (!gathered) return tl::unexpected<Error>(gathered.error());
    wanted = std::move(*gathered);
    std::sort(wanted.begin(), wanted.end(), [](const Wanted &a, const Wanted &b) {
      return a.launches != b.launches ? a.launches > b.launches : a.place < b.place;
    });
    if (wanted.empty()) return wrong(text, "no row is for this specification and its selected programs");
  } else {
    Result<std::vector<Problem>> shapes = parseShapes(spec, text);
    if (!shapes) return tl::unexpected<Error>(shapes.error());
    for (const Problem &shape : *shapes) wanted.push_back({shape, programs, 0, wanted.size()});
  }
  for (const Wanted &w : wanted)
    for (const std::string &program : programs) // each once, in the order of execution
      if (std::find(w.programs.begin(), w.programs.end(), program) != w.programs.end())
        out.jobs.push_back({program, w.problem});
  return out;
}
