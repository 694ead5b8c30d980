// Trials that are remembered: a database of the user's own over read-only ones that were shipped.
#ifndef JVPGEN_DB_DATABASE_H
#define JVPGEN_DB_DATABASE_H

#include "db/Trial.h"
#include "support/Result.h"
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace jvpgen {

/// The files of a database, and how long to wait for those who hold them.
struct DatabaseLayers {
  std::filesystem::path own; ///< read and written, made when something is first recorded; or empty
  std::vector<std::filesystem::path>
      shipped;                ///< read only, beneath it, the first on top; those that are missing count not
  bool own_is_private = true; ///< its folder has to be the user's alone; one that he named himself need not
  std::chrono::milliseconds read_wait{50}; ///< then the layers beneath answer
  std::chrono::milliseconds write_wait{30000};
};

/// What is looked for: the best schedule of a program for a shape on a GPU.
struct Question {
  TrialProblem problem;
  TrialDevice device;          ///< name, arch and multiprocessors decide
  std::string template_digest; ///< trials of other templates do not answer
  std::string default_digest;  ///< nor do those that were compared with another default
};

/// How well a tuned schedule fits what was asked for, best first.
enum class Match {
  Exact,     ///< this shape on this GPU
  Neighbour, ///< another shape of the same bucket on this GPU, where it beat the default
  SameArch,  ///< this shape or one of its bucket, on another GPU of the arch, where it beat the default
  Default,   ///< nothing is known
};

const char *name(Match match); ///< "exact", "neighbour", "same arch", "default"

struct Winner {
  Match match = Match::Default;
  bool is_default = true; ///< tuned or not, the default is what to run: the fields below are empty
  std::string variant;
  std::vector<TrialKernel> kernels;
  double ratio = 1;       ///< the candidate's time over the default's in the same run
  TrialProblem tuned_for; ///< what the trial was about, with a match other than Default
  TrialDevice tuned_on;
  std::string trial; ///< contentId of the trial that decided
};

/// Which trials are wanted; what is empty or absent does not matter.
struct TrialFilter {
  std::string id; ///< the first digits suffice
  std::string specification, program, device, arch, run, template_digest;
  std::optional<Problem> shape;
  std::optional<Outcome> outcome;
};

/// May be used by one thread at a time; many processes may use the same files.
class Database {
public:
  using Warn = std::function<void(const std::string &)>;

  /// Opens nothing yet. What stands in the way of a layer is said once to `warn`, and the others answer.
  Database(DatabaseLayers layers, Warn warn);
  ~Database();
  Database(Database &&) noexcept;
  Database &operator=(Database &&) noexcept;

  /// Whether the user's own database can be written to; makes it. To be asked before hours of measuring. The reasons
  /// against it: made by a newer jvpgen, another program's file, a folder that others can write to, ...
  Result<void> prepareOwn();

  /// All of them or none, into the user's own database, on disk when the call returns. Those that it has already are
  /// left as they are. A database that turns out to be damaged is set aside, said once to `warn`, and begun anew.
  Result<void> record(std::span<const Trial> trials);
  Result<void> record(const Trial &trial) { return record(std::span(&trial, 1)); }

  /// Never fails: a database that is held by others for longer than `read_wait` does not answer, those beneath do.
  Winner best(const Question &question);

  /// Trials of all layers without repetition, by time and id: what a tuner that resumes need not measure again.
  Result<std::vector<Trial>> trials(const TrialFilter &filter = {});

  /// Trials of the user's own database, by content id; how many there were. The file shrinks accordingly.
  Result<int64_t> remove(std::span<const std::string> ids);

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace jvpgen

#endif
