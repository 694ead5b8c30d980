// Any bytes as a file of trials, and a sound database with some bytes changed: refused with words, or trials that are
// all in order and survive an export.
#include "db/Database.h"
#include "db/Import.h"
#include "db/TrialJson.h"
#include "support/AtomicFile.h"
#include "tests/db/Trials.h"
#include "tests/runtime/TemporaryFolder.h"

#include <algorithm>
#include <cstdio>

using namespace jvpgen;

static void require(bool holds, const char *what, const std::string &shown) {
  if (holds) return;
  std::fprintf(stderr, "%s:\n%s\n", what, shown.c_str());
  std::abort();
}

/// The bytes of a database with a few trials.
static std::string makeImage() {
  TemporaryFolder folder;
  DatabaseLayers layers;
  layers.own = folder.path / "tunings.db";
  std::mt19937 random(1);
  require(Database(layers, nullptr).record(randomTrials(random, 6)).has_value(), "no image", layers.own);
  return readFile(layers.own).value();
}

/// Input of the form 'D' (place, place, byte)*: a database with these bytes in these places. Anything else is the file.
static std::string fileOf(const uint8_t *data, size_t size) {
  static const std::string image = makeImage();
  if (size == 0 || data[0] != 'D') return std::string(reinterpret_cast<const char *>(data), size);
  std::string file = image;
  for (size_t k = 1; k + 2 < size; k += 3) file[(size_t(data[k]) << 8 | data[k + 1]) % file.size()] = char(data[k + 2]);
  return file;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<std::vector<Trial>> trials = parseForeignTrials(fileOf(data, size), "fuzz.db");
  if (!trials) {
    const std::string text = trials.error().text();
    require(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }), "a bad message", text);
    return 0;
  }
  for (const Trial &trial : *trials)
    require(checkTrial(trial).has_value(), "a trial that is out of range", contentId(trial));
  const std::string text = printTrials(*trials);
  Result<std::vector<Trial>> again = parseTrials(text);
  require(again.has_value(), "what was exported cannot be imported", text);
  require(*again == *trials, "what was exported is imported otherwise", text);
  return 0;
}
