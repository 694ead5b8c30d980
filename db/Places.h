// Where the databases lie: the user's own by the XDG rules, the shipped one beside the program or library.
#ifndef JVPGEN_DB_PLACES_H
#define JVPGEN_DB_PLACES_H

#include "db/Database.h"

namespace jvpgen {

/// What decides it; the values of environment variables, empty where unset.
struct DatabasePlaces {
  std::string database;  ///< JVPGEN_DATABASE: the user's own file
  std::string shipped;   ///< JVPGEN_TUNINGS: read-only files, joined by colons, for the shipped one
  std::string data_home; ///< XDG_DATA_HOME
  std::string home;      ///< HOME
  std::vector<std::filesystem::path> code_folders; ///< where the program and the runtime library lie
};

/// Own: JVPGEN_DATABASE, $XDG_DATA_HOME/jvpgen/tunings.db, ~/.local/share/jvpgen/tunings.db. Shipped: JVPGEN_TUNINGS,
/// else ../share/jvpgen/tunings.db as seen from each folder with code. Paths that are not absolute are not used: what
/// lies in the working directory decides nothing.
DatabaseLayers databaseLayers(const DatabasePlaces &places);

} // namespace jvpgen

#endif
