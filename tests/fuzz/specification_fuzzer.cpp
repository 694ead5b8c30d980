// Any bytes as a specification: refused with a place, or printed to text that parses to the same print.
#include "compiler/spec/AttentionSpec.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace jvpgen;

static void require(bool holds, const char *what, const std::string &shown) {
  if (holds) return;
  std::fprintf(stderr, "%s:\n%s\n", what, shown.c_str());
  std::abort();
}

/// Messages go to terminals: one line of printable ASCII, at a place.
static void checkError(const Error &error) {
  std::string text = error.text();
  bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  require(printable && text.starts_with("fuzz.toml:"), "a bad message", text);
}

/// Every tensor of every program is known.
static void checkTensors(const AttentionSpec &spec) {
  for (const std::string &program : programsOf(spec)) {
    require(!outputsOf(spec, program).empty(), "a program writes nothing", program);
    for (const auto &tensors : {inputsOf(spec, program), outputsOf(spec, program)})
      for (const std::string &tensor : tensors) require(isTensor(spec, tensor), "an unknown tensor", tensor);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto spec = parseSpec({reinterpret_cast<const char *>(data), size}, "fuzz.toml");
  if (!spec) {
    checkError(spec.error());
    return 0;
  }
  checkTensors(*spec);
  std::string text = print(*spec);
  auto again = parseSpec(text, "printed.toml");
  require(again.has_value(), "what was printed does not parse", text + (again ? "" : again.error().text()));
  require(print(*again) == text, "what was printed prints otherwise", text + print(*again));
  return 0;
}
