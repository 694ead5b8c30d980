// The fields of a Schedule by name: whatever prints, parses, stores or compiles with one goes through this table.
#ifndef JVPGEN_SCHEDULE_SCHEDULEFIELDS_H
#define JVPGEN_SCHEDULE_SCHEDULEFIELDS_H

#include "schedule/Schedule.h"
#include "support/Result.h"
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace jvpgen {

struct ScheduleField {
  const char *name; ///< of the member, the JSON field, the SQL column; in capitals behind JVPGEN_ in device code
  int Schedule::*value;
  int least, greatest;       ///< that any skeleton could allow; what is legal is for schedule/Legality.h to say
  std::optional<int> before; ///< what schedules that were written down before the field existed ran with
  bool is_compiled = true;   ///< machine code depends on it; what does not is decided launch by launch
};

inline constexpr ScheduleField kScheduleFields[] = {
    {"tile_m", &Schedule::tile_m, 1, 4096, std::nullopt}, {"tile_n", &Schedule::tile_n, 1, 4096, std::nullopt},
    {"warps", &Schedule::warps, 1, 32, std::nullopt},     {"stages", &Schedule::stages, 1, 64, std::nullopt},
    {"splits", &Schedule::splits, 0, 64, 0, false},
};
static_assert(sizeof(Schedule) == std::size(kScheduleFields) * sizeof(int), "a field of Schedule is not in the table");

/// "tile_m 64, tile_n 32, warps 4, stages 2"; numbers that older schedules lack are left out where they are those of
/// older schedules.
std::string scheduleName(const Schedule &schedule);

/// Reads what scheduleName prints, fields in any order, blanks or "=" between a name and its number.
Result<Schedule> parseSchedule(std::string_view text);

} // namespace jvpgen

#endif
