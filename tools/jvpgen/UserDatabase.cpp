#include "tools/jvpgen/UserDatabase.h"

#include "db/Places.h"
#include "runtime/jit/Environment.h"
#include <cstdio>

using namespace jvpgen;

DatabaseLayers jvpgen::userLayers(const std::string &named) {
  const Environment environment = Environment::ofProcess();
  DatabaseLayers out;
  if (named.empty())
    return databaseLayers({environment.database,
                           environment.tunings,
                           environment.data_home,
                           environment.home,
                           {environment.program_folder}});
  out.own = std::filesystem::absolute(named);
  out.own_is_private = false;
  return out;
}

Database jvpgen::openUserDatabase(const std::string &named) {
  return Database(userLayers(named),
                  [](const std::string &words) { std::fprintf(stderr, "warning: %s\n", words.c_str()); });
}
