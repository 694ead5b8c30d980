// Ranges, names and digests of trials.
#include "db/Trial.h"

#include "db/Buckets.h"
#include "db/TrialFields.h"
#include "support/Hash.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace jvpgen;

const char *jvpgen::name(Outcome outcome) {
  switch (outcome) {
  case Outcome::Measured: return "measured";
  case Outcome::Refused: return "refused";
  case Outcome::NotCompiled: return "not_compiled";
  case Outcome::Rejected: return "rejected";
  case Outcome::OutOfMemory: return "out_of_memory";
  case Outcome::Wrong: return "wrong";
  case Outcome::Faulted: return "faulted";
  case Outcome::TimedOut: return "timed_out";
  case Outcome::Throttled: return "throttled";
  }
  return nullptr;
}

const char *jvpgen::name(Verdict verdict) {
  switch (verdict) {
  case Verdict::None: return "none";
  case Verdict::Better: return "better";
  case Verdict::Ambiguous: return "ambiguous";
  case Verdict::Worse: return "worse";
  }
  return nullptr;
}

// ---- digests
// -----------------------------------------------------------------------------------------------------------

namespace {
/// Feeds names and values with their lengths, so that no two lists of fields give the same bytes. Numbers are written
/// in the shortest form that reads back as the same number.
class FieldHash {
public:
  void add(std::string_view piece) {
    hash.update(std::to_string(piece.size()) + ":");
    hash.update(piece);
  }
  void operator()(const char *field, const std::string &value) { add(field), add(value); }
  void operator()(const char *field, int64_t value) { add(field), add(std::to_string(value)); }
  void operator()(const char *field, Outcome value) { add(field), add(name(value)); }
  void operator()(const char *field, Verdict value) { add(field), add(name(value)); }
  void operator()(const char *field, double value) {
    char digits[32];
    add(field), add({digits, size_t(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
  }
  void operator()(const char *field, bool value) { add(field), add(value ? "true" : "false"); }
  template <typename T> void operator()(const char *field, const std::optional<T> &value) {
    if (value) (*this)(field, *value);
  }
  /// A field that is younger than the first schema counts only where it differs from what was before it: trials keep
  /// their ids when it is added.
  void operator()(const ScheduleField &field, int value) {
    if (field.before != value) (*this)(field.name, int64_t(value));
  }
  void kernels(const std::vector<TrialKernel> &list) {
    for (const TrialKernel &kernel : list) {
      (*this)("kernel", kernel.kernel);
      visitSchedule(kernel.schedule, *this);
    }
  }
  std::string hex() { return hash.hex(); }

private:
  Sha256 hash;
};
} // namespace

std::string jvpgen::contentId(const Trial &trial) {
  FieldHash hash;
  hash.add("jvpgen trial");
  TrialProblem problem = trial.problem;
  problem.shape = canonicalShape(problem.shape);
  visitProblem(problem, hash);
  visitDevice(trial.device, hash);
  visitTrial(trial, hash);
  hash.kernels(trial.kernels);
  return hash.hex();
}

std::string jvpgen::candidateDigest(const std::string &variant, const std::vector<TrialKernel> &kernels) {
  FieldHash hash;
  hash.add("jvpgen candidate");
  hash("variant", variant);
  hash.kernels(kernels);
  return hash.hex();
}

// ---- ranges
// -----------------------------------------------------------------------------------------------------------

static constexpr size_t kLongestReason = 500, kLongestText = 128, kMostKernels = 64;

std::string jvpgen::reasonText(std::string_view text) {
  std::string out;
  for (char c : text)
    if (const bool printable = c > ' ' && c <= '~'; printable || (!out.empty() && out.back() != ' '))
      out += printable ? c : ' ';
  if (out.size() > kLongestReason) out = out.substr(0, kLongestReason - 3) + "...";
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

static bool isPrintable(std::string_view text, size_t most) {
  return text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

static bool isHex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

static bool isIdentifier(std::string_view text) {
  constexpr const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return !text.empty() && text.size() <= kLongestText && text.find_first_not_of(letters) == text.npos;
}

/// "sm_90a"
static bool isArch(std::string_view text) {
  if (!text.starts_with("sm_") || text.size() > 8) return false;
  const size_t digits = std::min(text.find_first_not_of("0123456789", 3), text.size());
  return digits > 3 && digits + 1 >= text.size() &&
         (digits == text.size() || (text[digits] >= 'a' && text[digits] <= 'z'));
}

namespace {
/// Keeps the name of the first field that is not what it has to be.
class RangeCheck {
public:
  std::string problem;

  void require(bool holds, const std::string &what) {
    if (!holds && problem.empty()) problem = what;
  }
  void text(const char *field, const std::string &value) {
    require(!value.empty() && isPrintable(value, kLongestText),
            std::string(field) + " is not a printable text of at most " + std::to_string(kLongestText) + " characters");
  }
  void digits(const char *field, const std::string &value, size_t count) {
    require(isHex(value, count), std::string(field) + " is not " + std::to_string(count) + " hexadecimal digits");
  }
  void number(const char *field, int64_t value, int64_t least) {
    constexpr int64_t most = int64_t(1) << 53; // what JSON carries exactly
    require(value >= least && value <= most, std::string(field) + " is out of range");
  }
  void positive(const char *field, const std::optional<double> &value, bool or_zero = false) {
    require(!value || (std::isfinite(*value) && (*value > 0 || (or_zero && *value == 0))),
            std::string(field) + " is not a finite number above zero");
  }
};
} // namespace

static void checkProblem(const TrialProblem &problem, RangeCheck &check) {
  check.digits("specification", problem.specification, 64);
  check.require(isIdentifier(problem.program), "program is not an identifier");
  visitProblem(problem, [&](const char *field, const auto &value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, int64_t>) check.number(field, value, 0);
  });
  const Problem &shape = problem.shape;
  check.require(shape.batch > 0 && shape.heads > 0 && shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
                "heads is not a multiple of kv_heads");
}

static void checkDevice(const TrialDevice &device, RangeCheck &check) {
  check.text("device name", device.name);
  check.require(isArch(device.arch), "arch is not like sm_90a");
  visitDevice(device, [&](const char *field, const auto &value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, int64_t>) check.number(field, value, 0);
  });
}

static void checkKernels(const std::vector<TrialKernel> &kernels, RangeCheck &check) {
  check.require(!kernels.empty() && kernels.size() <= kMostKernels,
                "the number of kernels is not from 1 to " + std::to_string(kMostKernels));
  for (const TrialKernel &kernel : kernels) {
    check.require(isIdentifier(kernel.kernel), "a kernel's name is not an identifier");
    visitSchedule(kernel.schedule, [&](const ScheduleField &field, int value) {
      check.require(value >= field.least && value <= field.greatest,
                    std::string(field.name) + " of kernel " + kernel.kernel + " is out of range");
    });
  }
}

static void checkResult(const Trial &trial, RangeCheck &check) {
  const bool measured = trial.outcome == Outcome::Measured;
  check.require(isPrintable(trial.reason, kLongestReason),
                "reason is not a printable text of at most " + std::to_string(kLongestReason) + " characters");
  check.require(measured || !trial.reason.empty(), "a trial that was not measured gives no reason");
  check.require(!measured || (trial.median_us && trial.samples > 0), "a measured trial has no time");
  check.require(trial.verdict == Verdict::None || (measured && trial.default_median_us),
                "a trial has a verdict without a measurement of the default");
  check.number("samples", trial.samples, 0);
  check.positive("median_us", trial.median_us);
  check.positive("default_median_us", trial.default_median_us);
  check.positive("cold_median_us", trial.cold_median_us);
  check.positive("spread_us", trial.spread_us, true);
  check.positive("default_spread_us", trial.default_spread_us, true);
  check.positive("relative_error", trial.relative_error, true);
  if (trial.workspace_bytes) check.number("workspace_bytes", *trial.workspace_bytes, 0);
}

Result<void> jvpgen::checkTrial(const Trial &trial) {
  RangeCheck check;
  checkProblem(trial.problem, check);
  checkDevice(trial.device, check);
  checkKernels(trial.kernels, check);
  check.text("variant", trial.variant);
  check.text("skeleton", trial.skeleton);
  check.text("driver", trial.driver);
  check.text("nvrtc", trial.nvrtc);
  check.text("jvpgen_version", trial.jvpgen_version);
  check.digits("default_digest", trial.default_digest, 64);
  check.digits("template_digest", trial.template_digest, 64);
  check.digits("run", trial.run, 32);
  check.number("measured_at_unix_ms", trial.measured_at_unix_ms, 0);
  checkResult(trial, check);
  if (check.problem.empty()) return {};
  return fail(ErrorKind::Invalid,
              "a trial was to be kept whose " + check.problem + "; it is left out, measure it again");
}
