// The shapes that a tuner is given: on the command line, or in a file, with the programs that each is for.
#ifndef JVPGEN_TOOLS_JVPGEN_SHAPELIST_H
#define JVPGEN_TOOLS_JVPGEN_SHAPELIST_H

#include "compiler/spec/AttentionSpec.h"
#include "tuner/Tuner.h"

namespace jvpgen {

/// What became of a list.
struct ShapeList {
  std::vector<tuner::Job> jobs; ///< shapes in the order of the list, each once; its programs in the order of execution
  size_t left_out = 0;          ///< rows of other specifications, or of programs that were not selected
};

/// `text` is a list as parseShapes takes it, or the name of a file that ends in .toml or .csv.
///
///   [[shape]]                       batch,heads,q_length,kv_length,program,specification,launches
///   batch = 2                       2,16,2048,2048,tangent_forward,,
///   heads = 16                      2,16,4096,4096,,,
///   q_length = 2048
///   kv_length = 2048
///   programs = ["tangent_forward"]
///
/// Columns are found by their names, and only the first four are needed. A row without a program is for all of
/// `programs`. `digest` is the bundle's: what names another one is left out. Shapes that were launched most come first.
Result<ShapeList> readShapeList(const AttentionSpec &spec, const std::vector<std::string> &programs,
                                const std::string &digest, const std::string &text);

} // namespace jvpgen

#endif
