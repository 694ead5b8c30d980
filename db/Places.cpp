#include "db/Places.h"

using namespace jvpgen;
namespace fs = std::filesystem;

static constexpr const char *kFile = "jvpgen/tunings.db";

DatabaseLayers jvpgen::databaseLayers(const DatabasePlaces &places) {
  DatabaseLayers out;
  if (fs::path named = places.database; named.is_absolute()) {
    out.own = named;
    out.own_is_private = false;
  } else if (fs::path data = places.data_home; data.is_absolute())
    out.own = data / kFile;
  else if (fs::path home = places.home; home.is_absolute())
    out.own = home / ".local/share" / kFile;
  for (size_t begin = 0; begin < places.shipped.size();) {
    const size_t end = std::min(places.shipped.find(':', begin), places.shipped.size());
    if (fs::path file = places.shipped.substr(begin, end - begin); file.is_absolute()) out.shipped.push_back(file);
    begin = end + 1;
  }
  if (places.shipped.empty())
    for (const fs::path &folder : places.code_folders)
      if (fs::path file = folder.parent_path() / "share" / kFile; folder.is_absolute()) out.shipped.push_back(file);
  return out;
}
