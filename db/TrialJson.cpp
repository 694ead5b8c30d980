#include "db/TrialJson.h"

#include "db/TrialFields.h"

#include <nlohmann/json.hpp>

using namespace jvpgen;
using Json = nlohmann::ordered_json;

static constexpr const char *kFormat = "jvpgen trials";
static constexpr int kVersion = 1;
static constexpr size_t kMostTrials = 1'000'000, kMostKernels = 64;

// ---- writing
// -----------------------------------------------------------------------------------------------------------

namespace {
struct JsonWriter {
  Json out = Json::object();

  void operator()(const char *field, const std::string &value) { out[field] = value; }
  void operator()(const char *field, int64_t value) { out[field] = value; }
  void operator()(const char *field, Outcome value) { out[field] = name(value); }
  void operator()(const char *field, Verdict value) { out[field] = name(value); }
  void operator()(const ScheduleField &field, int value) { out[field.name] = value; }
  template <typename T> void operator()(const char *field, const std::optional<T> &value) {
    out[field] = value ? Json(*value) : Json();
  }
};
} // namespace

static Json toJson(const Trial &trial) {
  JsonWriter problem, device, rest;
  visitProblem(trial.problem, problem);
  visitDevice(trial.device, device);
  visitTrial(trial, rest);
  Json kernels = Json::array();
  for (const TrialKernel &kernel : trial.kernels) {
    JsonWriter writer;
    writer("kernel", kernel.kernel);
    visitSchedule(kernel.schedule, writer);
    kernels.push_back(std::move(writer.out));
  }
  Json out = {{"id", contentId(trial)}, {"problem", problem.out}, {"device", device.out}, {"kernels", kernels}};
  out.update(rest.out);
  return out;
}

std::string jvpgen::printTrials(const std::vector<Trial> &trials) {
  Json list = Json::array();
  for (const Trial &trial : trials) list.push_back(toJson(trial));
  const Json out = {{"format", kFormat}, {"version", kVersion}, {"trials", std::move(list)}};
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// ---- reading
// -----------------------------------------------------------------------------------------------------------

namespace {
/// Reads the members of one object. The first problem sticks; every member has to be read.
class ObjectReader {
public:
  ObjectReader(const Json &json, std::string where, std::string &problem)
      : json(json), where(std::move(where)), problem(problem) {
    if (!json.is_object()) refuse(this->where + " is not an object");
  }
  void refuse(const std::string &words) {
    if (problem.empty()) problem = words;
  }
  const Json &member(const char *field) {
    static const Json nothing;
    auto found = json.is_object() ? json.find(field) : json.end();
    if (found == json.end()) return refuse(placeOf(field) + " is missing"), nothing;
    ++read;
    return *found;
  }
  void finish() {
    if (json.is_object() && read != json.size()) refuse(where + " has a member that is not known");
  }
  std::string placeOf(const char *field) const { return where + "." + field; }

  void operator()(const char *field, std::string &value) { text(field, member(field), value); }
  void operator()(const char *field, int64_t &value) { number(field, member(field), value); }
  void operator()(const char *field, double &value) { number(field, member(field), value); }
  void operator()(const char *field, Outcome &value) { enumerated(field, value); }
  void operator()(const char *field, Verdict &value) { enumerated(field, value); }
  void operator()(const ScheduleField &field, int &value) {
    if (field.before && json.is_object() && !json.contains(field.name)) {
      value = *field.before;
      return;
    }
    int64_t read_value = 0;
    (*this)(field.name, read_value);
    if (read_value < field.least || read_value > field.greatest) refuse(placeOf(field.name) + " is out of range");
    value = int(read_value);
  }
  template <typename T> void operator()(const char *field, std::optional<T> &value) {
    const Json &item = member(field);
    if (!item.is_null()) number(field, item, value.emplace());
  }

private:
  void text(const char *field, const Json &item, std::string &value) {
    if (!item.is_string() || item.get_ref<const std::string &>().size() > 4096)
      return refuse(placeOf(field) + " is not a text of at most 4096 bytes");
    value = item;
  }
  void number(const char *field, const Json &item, int64_t &value) {
    const bool fits =
        item.is_number_unsigned() ? item.get<uint64_t>() <= uint64_t(INT64_MAX) : item.is_number_integer();
    if (!fits) return refuse(placeOf(field) + " is not a whole number");
    value = item;
  }
  void number(const char *field, const Json &item, double &value) {
    if (!item.is_number()) return refuse(placeOf(field) + " is not a number");
    value = item;
  }
  void number(const char *field, const Json &item, bool &value) {
    if (!item.is_boolean()) return refuse(placeOf(field) + " is not true or false");
    value = item;
  }
  template <typename Enumeration> void enumerated(const char *field, Enumeration &value) {
    std::string word;
    (*this)(field, word);
    std::optional<Enumeration> known = named<Enumeration>(word);
    if (known)
      value = *known;
    else
      refuse(placeOf(field) + " is not a known word");
  }

  const Json &json;
  const std::string where;
  std::string &problem;
  size_t read = 0;
};
} // namespace

static std::vector<TrialKernel> readKernels(const Json &json, const std::string &where, std::string &problem) {
  std::vector<TrialKernel> out;
  if (!json.is_array() || json.size() > kMostKernels) {
    if (problem.empty()) problem = where + " is not a list of at most " + std::to_string(kMostKernels) + " kernels";
    return out;
  }
  for (size_t k = 0; k < json.size(); ++k) {
    ObjectReader reader(json[k], where + "[" + std::to_string(k) + "]", problem);
    TrialKernel &kernel = out.emplace_back();
    reader("kernel", kernel.kernel);
    visitSchedule(kernel.schedule, reader);
    reader.finish();
  }
  return out;
}

static Trial readTrial(const Json &json, const std::string &where, std::string &problem) {
  Trial out;
  std::string id;
  ObjectReader reader(json, where, problem);
  reader("id", id);
  ObjectReader problem_reader(reader.member("problem"), where + ".problem", problem);
  visitProblem(out.problem, problem_reader);
  problem_reader.finish();
  ObjectReader device_reader(reader.member("device"), where + ".device", problem);
  visitDevice(out.device, device_reader);
  device_reader.finish();
  out.kernels = readKernels(reader.member("kernels"), where + ".kernels", problem);
  visitTrial(out, reader);
  reader.finish();
  if (!problem.empty()) return out;
  if (Result<void> right = checkTrial(out); !right)
    reader.refuse(where + ": " + right.error().message);
  else if (id != contentId(out))
    reader.refuse(reader.placeOf("id") + " is not the content id of its trial");
  return out;
}

Result<std::vector<Trial>> jvpgen::parseTrials(std::string_view text) {
  auto refuse = [](const std::string &obstacle) {
    return fail(ErrorKind::Invalid, "trials were to be read from JSON, but " + obstacle + "; export them again");
  };
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return refuse("the text is none");
  std::string problem, format;
  int64_t version = 0;
  ObjectReader reader(json, "the text", problem);
  reader("format", format);
  reader("version", version);
  const Json &list = reader.member("trials");
  reader.finish();
  if (problem.empty() && (format != kFormat || version != kVersion))
    return refuse("it is not '" + std::string(kFormat) + "' of version " + std::to_string(kVersion));
  if (problem.empty() && (!list.is_array() || list.size() > kMostTrials))
    return refuse("'trials' is not a list of at most " + std::to_string(kMostTrials));
  std::vector<Trial> out;
  for (size_t k = 0; problem.empty() && k < list.size(); ++k)
    out.push_back(readTrial(list[k], "trials[" + std::to_string(k) + "]", problem));
  if (!problem.empty()) return refuse(problem);
  return out;
}
