// Fields of trials as members of JSON objects, written and strictly read.
#ifndef JVPGEN_DB_JSONFIELDS_H
#define JVPGEN_DB_JSONFIELDS_H

#include "db/TrialFields.h"

#include <nlohmann/json.hpp>

namespace jvpgen {

using Json = nlohmann::ordered_json;

/// A visitor that makes each field a member.
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

Json toJson(const TrialProblem &problem);
Json toJson(const TrialDevice &device);
Json toJson(const TrialKernel &kernel);

/// A visitor that reads each field from a member of one object. The first thing that is wrong stays in `problem`, which
/// readers of other objects share; every member has to be read.
class ObjectReader {
public:
  ObjectReader(const Json &json, std::string where, std::string &problem);

  void refuse(const std::string &words);
  const Json &member(const char *field);
  void finish();
  std::string placeOf(const char *field) const { return where + "." + field; }

  void operator()(const char *field, std::string &value);
  void operator()(const char *field, int64_t &value) { number(field, member(field), value); }
  void operator()(const char *field, Outcome &value) { enumerated(field, value); }
  void operator()(const char *field, Verdict &value) { enumerated(field, value); }
  void operator()(const ScheduleField &field, int &value);
  template <typename T> void operator()(const char *field, std::optional<T> &value) {
    const Json &item = member(field);
    if (!item.is_null()) number(field, item, value.emplace());
  }

private:
  void number(const char *field, const Json &item, int64_t &value);
  void number(const char *field, const Json &item, double &value);
  void number(const char *field, const Json &item, bool &value);
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

TrialProblem readProblem(const Json &json, const std::string &where, std::string &problem);
TrialDevice readDevice(const Json &json, const std::string &where, std::string &problem);
void readKernel(TrialKernel &kernel, ObjectReader &reader);

/// A list of at most `most` items, each with the words for its place.
template <typename Item, typename Read>
std::vector<Item> readList(const Json &json, const std::string &where, size_t most, std::string &problem, Read read) {
  std::vector<Item> out;
  if (!json.is_array() || json.size() > most) {
    if (problem.empty()) problem = where + " is not a list of at most " + std::to_string(most);
    return out;
  }
  for (size_t k = 0; k < json.size() && problem.empty(); ++k)
    out.push_back(read(json[k], where + "[" + std::to_string(k) + "]"));
  return out;
}

} // namespace jvpgen

#endif
