#include "db/TrialJson.h"

#include "db/JsonFields.h"

using namespace jvpgen;

static constexpr const char *kFormat = "jvpgen trials";
static constexpr int kVersion = 1;
static constexpr size_t kMostTrials = 1'000'000, kMostKernels = 64;

// ---- writing
// -----------------------------------------------------------------------------------------------------------

static Json jsonOf(const Trial &trial) {
  JsonWriter rest;
  visitTrial(trial, rest);
  Json kernels = Json::array();
  for (const TrialKernel &kernel : trial.kernels) kernels.push_back(toJson(kernel));
  Json out = {{"id", contentId(trial)},
              {"problem", toJson(trial.problem)},
              {"device", toJson(trial.device)},
              {"kernels", std::move(kernels)}};
  out.update(rest.out);
  return out;
}

std::string jvpgen::printTrials(const std::vector<Trial> &trials) {
  Json list = Json::array();
  for (const Trial &trial : trials) list.push_back(jsonOf(trial));
  const Json out = {{"format", kFormat}, {"version", kVersion}, {"trials", std::move(list)}};
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// ---- reading
// -----------------------------------------------------------------------------------------------------------

static Trial readTrial(const Json &json, const std::string &where, std::string &problem) {
  Trial out;
  std::string id;
  ObjectReader reader(json, where, problem);
  reader("id", id);
  out.problem = readProblem(reader.member("problem"), reader.placeOf("problem"), problem);
  out.device = readDevice(reader.member("device"), reader.placeOf("device"), problem);
  out.kernels = readList<TrialKernel>(reader.member("kernels"), reader.placeOf("kernels"), kMostKernels, problem,
                                      [&](const Json &item, const std::string &at) {
                                        TrialKernel kernel;
                                        ObjectReader fields(item, at, problem);
                                        readKernel(kernel, fields);
                                        fields.finish();
                                        return kernel;
                                      });
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
  std::vector<Trial> out =
      readList<Trial>(list, "trials", kMostTrials, problem,
                      [&](const Json &item, const std::string &at) { return readTrial(item, at, problem); });
  if (!problem.empty()) return refuse(problem);
  return out;
}
