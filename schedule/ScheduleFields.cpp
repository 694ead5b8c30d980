#include "schedule/ScheduleFields.h"

#include <algorithm>
#include <charconv>

using namespace jvpgen;

std::string jvpgen::scheduleName(const Schedule &schedule) {
  std::string out;
  for (const ScheduleField &field : kScheduleFields)
    if (schedule.*field.value != field.before)
      out += (out.empty() ? "" : ", ") + std::string(field.name) + " " + std::to_string(schedule.*field.value);
  return out;
}

static std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// The number behind a field's name; nothing if it is not one, or out of the field's range.
static std::optional<int> numberOf(const ScheduleField &field, std::string_view text) {
  int number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = code == std::errc() && end == text.data() + text.size();
  return whole && number >= field.least && number <= field.greatest ? std::optional(number) : std::nullopt;
}

Result<Schedule> jvpgen::parseSchedule(std::string_view text) {
  std::optional<int> found[std::size(kScheduleFields)];
  bool right = true;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = trimmed(text.substr(begin, end - begin));
    const size_t cut = item.find_first_of(" =");
    bool known = false;
    for (size_t k = 0; k < std::size(kScheduleFields) && cut != item.npos; ++k) {
      if (item.substr(0, cut) != kScheduleFields[k].name || found[k]) continue;
      std::string_view number = trimmed(item.substr(cut));
      if (number.starts_with('=')) number = trimmed(number.substr(1));
      known = (found[k] = numberOf(kScheduleFields[k], number)).has_value();
    }
    right &= known;
    begin = end + 1;
  }
  Schedule out;
  for (size_t k = 0; k < std::size(kScheduleFields); ++k) {
    if (!found[k]) found[k] = kScheduleFields[k].before;
    if (found[k]) out.*kScheduleFields[k].value = *found[k];
    right &= found[k].has_value();
  }
  if (right) return out;
  return fail(ErrorKind::Invalid, "a schedule was asked for with '" + std::string(text.substr(0, 200)) +
                                      "', which is none; give each field once, as in '" + scheduleName({}) + "'");
}
