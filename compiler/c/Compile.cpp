// The compiler behind one C function. The bundle crosses to the runtime as the files of its folder would.
#include "compiler/c/include/jvpgen/jvpgen_compiler.h"

#include "compiler/driver/PlannedSpec.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/c/SizedStruct.h"

#include <algorithm>
#include <cstring>
#include <sstream>

using namespace jvpgen;

static jvpgen_status report(const Error &error) {
  const jvpgen_status status = error.kind == ErrorKind::Unsupported   ? JVPGEN_UNSUPPORTED
                               : error.kind == ErrorKind::Environment ? JVPGEN_ENVIRONMENT
                                                                      : JVPGEN_INVALID;
  return jvpgen_fail(status, (error.where.empty() ? error.message : error.where + ": " + error.message).c_str());
}

/// Those of the specification's programs that a list names, in their order; all if there is no list.
static Result<std::vector<std::string>> chosenPrograms(const AttentionSpec &spec, const char *list) {
  std::vector<std::string> possible = programsOf(spec), out;
  if (!list) return possible;
  std::vector<std::string> asked;
  std::stringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    if (std::find(possible.begin(), possible.end(), name) == possible.end())
      return fail(ErrorKind::Invalid, "compiling '" + spec.name + "' was asked for the program '" + name +
                                          "', which it does not have; take one of those that it has, or all");
    asked.push_back(name);
  }
  for (const std::string &name : possible)
    if (std::find(asked.begin(), asked.end(), name) != asked.end()) out.push_back(name);
  return out;
}

static Result<KernelBundle> compiled(const jvpgen_compile_options &options) {
  const size_t length = options.length ? options.length : std::strlen(options.specification);
  Result<AttentionSpec> spec = parseSpec({options.specification, length}, "specification");
  if (!spec) return tl::unexpected(spec.error());
  Result<std::vector<std::string>> programs = chosenPrograms(*spec, options.programs);
  if (!programs) return tl::unexpected(programs.error());
  Result<PlannedSpec> planned = PlannedSpec::create(*spec, *programs);
  if (!planned) return tl::unexpected(planned.error());
  return planned->emit({.arch = options.arch});
}

static jvpgen_status handOver(const KernelBundle &bundle, jvpgen_bundle **out) {
  const std::vector<SourceFile> files = bundleFiles(bundle);
  std::vector<jvpgen_file> handed;
  for (const SourceFile &file : files) {
    jvpgen_file one = JVPGEN_INIT(jvpgen_file);
    one.name = file.name.c_str(), one.bytes = file.text.data(), one.length = file.text.size();
    handed.push_back(one);
  }
  return jvpgen_bundle_read(handed.data(), handed.size(), out);
}

jvpgen_status jvpgen_compile(const jvpgen_compile_options *options, jvpgen_bundle **bundle) {
  try {
    if (!bundle) return jvpgen_fail(JVPGEN_INVALID, "jvpgen_compile needs 'bundle', and it is null; give one");
    *bundle = nullptr;
    Result<jvpgen_compile_options> asked = readSized(options, "jvpgen_compile_options");
    if (!asked) return report(asked.error());
    if (!asked->specification || !asked->arch)
      return jvpgen_fail(JVPGEN_INVALID,
                         "jvpgen_compile needs a specification and an arch, and one is null; give both");
    Result<KernelBundle> made = compiled(*asked);
    if (!made) return report(made.error());
    if (asked->notice)
      for (const std::string &text : made->notices) asked->notice(text.c_str(), asked->data);
    return handOver(*made, bundle);
  } catch (const std::exception &problem) { // out of memory, as a rule
    return jvpgen_fail(JVPGEN_ENVIRONMENT, problem.what());
  }
}
