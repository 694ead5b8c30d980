// The tunings of the user who runs the program, over the shipped ones.
#ifndef JVPGEN_TOOLS_JVPGEN_USERDATABASE_H
#define JVPGEN_TOOLS_JVPGEN_USERDATABASE_H

#include "db/Database.h"

namespace jvpgen {

/// Where the process's environment says; a file that was named on the command line stands for all of it.
DatabaseLayers userLayers(const std::string &named = "");

/// Warnings go to standard error.
Database openUserDatabase(const std::string &named = "");

} // namespace jvpgen

#endif
