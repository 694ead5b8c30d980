// Trials from a file of unknown origin, which may be damaged or made to do harm.
#ifndef JVPGEN_DB_IMPORT_H
#define JVPGEN_DB_IMPORT_H

#include "db/Trial.h"

#include <filesystem>

namespace jvpgen {

/// The trials of a tuning database or of JSON that was exported from one: all that are in it, each checked, or an
/// error. The file is read into memory; nothing in it is run and nothing is written. Whether a schedule is legal
/// depends on a kernel, and is asked when one is about to run with it (`applied` in db/BundleTrials.h).
Result<std::vector<Trial>> readForeignTrials(const std::filesystem::path &path);

/// The same of a file's bytes; `file` is for messages.
Result<std::vector<Trial>> parseForeignTrials(std::string bytes, const std::string &file);

} // namespace jvpgen

#endif
