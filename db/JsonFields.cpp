#include "db/JsonFields.h"

using namespace jvpgen;

static constexpr size_t kLongestText = 4096;

Json jvpgen::toJson(const TrialProblem &problem) {
  JsonWriter writer;
  visitProblem(problem, writer);
  return std::move(writer.out);
}

Json jvpgen::toJson(const TrialDevice &device) {
  JsonWriter writer;
  visitDevice(device, writer);
  return std::move(writer.out);
}

Json jvpgen::toJson(const TrialKernel &kernel) {
  JsonWriter writer;
  writer("kernel", kernel.kernel);
  visitSchedule(kernel.schedule, writer);
  return std::move(writer.out);
}

ObjectReader::ObjectReader(const Json &json, std::string where, std::string &problem)
    : json(json), where(std::move(where)), problem(problem) {
  if (!json.is_object()) refuse(this->where + " is not an object");
}

void ObjectReader::refuse(const std::string &words) {
  if (problem.empty()) problem = words;
}

const Json &ObjectReader::member(const char *field) {
  static const Json nothing;
  if (json.is_object())
    if (auto found = json.find(field); found != json.end()) {
      ++read;
      return *found;
    }
  refuse(placeOf(field) + " is missing");
  return nothing;
}

void ObjectReader::finish() {
  if (json.is_object() && read != json.size()) refuse(where + " has a member that is not known");
}

void ObjectReader::operator()(const char *field, std::string &value) {
  const Json &item = member(field);
  if (item.is_string() && item.get_ref<const std::string &>().size() <= kLongestText)
    value = item;
  else
    refuse(placeOf(field) + " is not a text of at most " + std::to_string(kLongestText) + " bytes");
}

void ObjectReader::operator()(const ScheduleField &field, int &value) {
  if (field.before && json.is_object() && !json.contains(field.name)) {
    value = *field.before;
    return;
  }
  int64_t found = 0;
  (*this)(field.name, found);
  if (found < field.least || found > field.greatest) refuse(placeOf(field.name) + " is out of range");
  value = int(found);
}

void ObjectReader::number(const char *field, const Json &item, int64_t &value) {
  const bool fits = item.is_number_unsigned() ? item.get<uint64_t>() <= uint64_t(INT64_MAX) : item.is_number_integer();
  if (fits)
    value = item;
  else
    refuse(placeOf(field) + " is not a whole number");
}

void ObjectReader::number(const char *field, const Json &item, double &value) {
  if (item.is_number())
    value = item;
  else
    refuse(placeOf(field) + " is not a number");
}

void ObjectReader::number(const char *field, const Json &item, bool &value) {
  if (item.is_boolean())
    value = item;
  else
    refuse(placeOf(field) + " is not true or false");
}

TrialProblem jvpgen::readProblem(const Json &json, const std::string &where, std::string &problem) {
  TrialProblem out;
  ObjectReader reader(json, where, problem);
  visitProblem(out, reader);
  reader.finish();
  return out;
}

TrialDevice jvpgen::readDevice(const Json &json, const std::string &where, std::string &problem) {
  TrialDevice out;
  ObjectReader reader(json, where, problem);
  visitDevice(out, reader);
  reader.finish();
  return out;
}

void jvpgen::readKernel(TrialKernel &kernel, ObjectReader &reader) {
  reader("kernel", kernel.kernel);
  visitSchedule(kernel.schedule, reader);
}
