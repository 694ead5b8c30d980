// jvpgen bundle verify: whether a bundle is what its specification emits; a bundle is code, and this is how to read it.
#include "tools/jvpgen/Command.h"

#include "runtime/abi/BundleFiles.h"
#include "runtime/abi/BundleMetadata.h"
#include "runtime/jit/AheadOfTime.h"
#include <algorithm>
#include <cstdio>
#include <memory>
#include <sstream>

using namespace jvpgen;

namespace {
struct BundleOptions {
  std::string folder;
  bool texts_only = false, json = false;
};
} // namespace

/// The bundle that the specification in it gives.
static Result<KernelBundle> emittedAgain(const KernelBundle &bundle, const std::string &folder) {
  if (bundle.specification.empty())
    return fail(ErrorKind::Invalid,
                "the bundle '" + bundle.name + "' is to be verified, and it carries no specification; emit it again");
  Result<AttentionSpec> spec = parseSpec(bundle.specification, folder + "/" + kSpecificationFile);
  if (!spec) return tl::unexpected<Error>(spec.error());
  std::vector<std::string> programs;
  for (const std::string &program : programsOf(*spec))
    if (std::any_of(bundle.variants.begin(), bundle.variants.end(),
                    [&](const KernelVariant &variant) { return variant.program == program; }))
      programs.push_back(program);
  Result<PlannedSpec> planned = PlannedSpec::create(*spec, programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  return planned->emit({.arch = bundle.arch});
}

/// "file:line: what stands there, what was emitted", for the first line of each file that differs.
static void compare(const std::string &name, const std::string &given, const std::string &expected,
                    std::vector<std::string> &out) {
  if (given == expected) return;
  std::istringstream left(given), right(expected);
  std::string a, b;
  int line = 0;
  do {
    ++line;
    a.clear(), b.clear();
    const bool more_left = bool(std::getline(left, a)), more_right = bool(std::getline(right, b));
    if (!more_left && !more_right) break;
  } while (a == b);
  out.push_back(name + ":" + std::to_string(line) + ": '" + a + "' stands where '" + b + "' is emitted");
}

static std::vector<std::string> differences(KernelBundle given, const KernelBundle &expected) {
  std::vector<std::string> out;
  given.machine_code.clear();
  const std::vector<SourceFile> left = bundleFiles(given), right = bundleFiles(expected);
  auto find = [](const std::vector<SourceFile> &files, const std::string &name) {
    return std::find_if(files.begin(), files.end(), [&](const SourceFile &file) { return file.name == name; });
  };
  for (const SourceFile &file : left)
    if (auto other = find(right, file.name); other != right.end())
      compare(file.name, file.text, other->text, out);
    else
      out.push_back(file.name + ": is not emitted");
  for (const SourceFile &file : right)
    if (find(left, file.name) == left.end()) out.push_back(file.name + ": is missing");
  return out;
}

static Result<void> verify(const BundleOptions &options) {
  Result<KernelBundle> bundle = readBundle(options.folder);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  Result<KernelBundle> expected = emittedAgain(*bundle, options.folder);
  if (!expected) return tl::unexpected<Error>(expected.error());
  std::vector<std::string> found = differences(*bundle, *expected);
  const bool with_code = !options.texts_only && !bundle->machine_code.empty();
  if (with_code && found.empty()) {
    const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
    if (!compiler) return tl::unexpected<Error>(compiler.error());
    Result<std::vector<std::string>> codes = differingMachineCode(*bundle, **compiler);
    if (!codes) return tl::unexpected<Error>(codes.error());
    for (const std::string &file : *codes) found.push_back(file + ": is not what its text compiles to");
  }
  if (options.json)
    std::puts(nlohmann::ordered_json({{"name", bundle->name},
                                      {"arch", bundle->arch},
                                      {"texts", bundle->files.size()},
                                      {"machine_code_verified", with_code},
                                      {"differences", found}})
                  .dump(2)
                  .c_str());
  if (!found.empty())
    return fail(ErrorKind::CheckFailed,
                "the bundle in '" + options.folder +
                    "' is not what this jvpgen emits from its "
                    "specification: " +
                    found.front() + (found.size() > 1 ? ", and " + std::to_string(found.size() - 1) + " more" : "") +
                    "; do not load it, or emit it again");
  if (!options.json)
    std::printf("%s: %zu texts are what its specification emits for %s; %zu files of machine code %s\n",
                bundle->name.c_str(), bundle->files.size(), bundle->arch.c_str(), bundle->machine_code.size(),
                with_code ? "are what they compile to" : "were not looked at");
  return {};
}

void jvpgen::addBundle(CLI::App &app, Action &action) {
  CLI::App *group = app.add_subcommand("bundle", "what is in a bundle");
  group->require_subcommand(1);
  CLI::App *command = group->add_subcommand("verify", "emit it again from its specification, and compare every byte");
  auto options = std::make_shared<BundleOptions>();
  command->add_option("folder", options->folder, "that `jvpgen emit` wrote")->required();
  command->add_flag("--texts-only", options->texts_only,
                    "leave machine code alone, which only the NVRTC that made it gives again");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([=, &action] { action = [=] { return verify(*options); }; });
}
