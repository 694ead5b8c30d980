// What the subcommands of jvpgen db share: which database, which trials of it, how a trial is printed.
#ifndef JVPGEN_TOOLS_JVPGEN_DB_H
#define JVPGEN_TOOLS_JVPGEN_DB_H

#include "db/Database.h"
#include "tools/jvpgen/Command.h"
#include "tools/jvpgen/UserDatabase.h"

namespace jvpgen {

struct DbOptions {
  std::string database; ///< the file that was named; empty: the user's own over the shipped ones
  bool json = false;
};

struct FilterOptions : DbOptions {
  std::string id, spec, program, shape, gpu, arch, run, outcome, before;
};

void addDbOptions(CLI::App &command, DbOptions &options);
void addFilterOptions(CLI::App &command, FilterOptions &options);

/// The trials that pass the filter, by time.
Result<std::vector<Trial>> selectTrials(const FilterOptions &options);

/// The digest that trials of this program's own templates bear.
std::string currentTemplates();

/// "row, forward_row_row: tile_m 128, tile_n 96, warps 12, stages 5"
std::string candidateText(const std::string &variant, const std::vector<TrialKernel> &kernels);

void addDbShow(CLI::App &db, Action &action);
void addDbBest(CLI::App &db, Action &action);
void addDbExchange(CLI::App &db, Action &action); ///< export, import, merge
void addDbUpkeep(CLI::App &db, Action &action);   ///< prune, verify

} // namespace jvpgen

#endif
