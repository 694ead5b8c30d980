// Whole text files, for tests that read specifications from the source tree.
#ifndef JVPGEN_TESTS_SPEC_TEXTFILE_H
#define JVPGEN_TESTS_SPEC_TEXTFILE_H

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace jvpgen::test {

inline std::string readFile(const std::filesystem::path &path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The files of a folder of the source tree, sorted.
inline std::vector<std::filesystem::path> filesIn(const std::string &folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(JVPGEN_SOURCE_DIR "/" + folder))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

} // namespace jvpgen::test

#endif
