// emit_plan plan.mlir arch folder: writes the emitted texts, the templates and a table of launches (launches.txt).
#include "compiler/emit/Emit.h"

#include "compiler/ir/Dialect.h"
#include "schedule/Legality.h"
#include "support/AtomicFile.h"
#include <iostream>

using namespace jvpgen;

static int report(const Error &error) {
  std::cerr << error.text() << "\n";
  return exitStatus(error.kind);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: emit_plan plan.mlir arch folder\n";
    return 2;
  }
  Result<std::string> text = readFile(argv[1]);
  if (!text) return report(text.error());
  mlir::MLIRContext context;
  auto module = attn::parse(*text, context);
  if (!module) return 2;
  Target target{.arch = argv[2]};
  Result<KernelBundle> bundle = emitBundle(*module, target);
  if (!bundle) return report(bundle.error());
  for (const SourceFile &file : bundle->files)
    if (auto done = writeFile(std::filesystem::path(argv[3]) / file.name, file.text); !done)
      return report(done.error());
  std::string table;
  for (const KernelVariant &variant : bundle->variants) {
    table +=
        "variant " + variant.program + "|" + variant.variant + "|" + std::to_string(variant.executed_products) + "\n";
    for (const TensorDeclaration &w : variant.workspace) table += "workspace " + w.name + " " + w.indices + "-\n";
    for (const Launch &launch : variant.launches) {
      const ResourceModel &m = launch.resources;
      table += "launch " + launch.kernel + " " + launch.owners + "- " + launch.rows_per_block + " " +
               (m.is_sweep ? "sweep" : "pass");
      for (const std::string &t : launch.tensors) table += " " + t;
      table += "\n";
      for (const Schedule &s : legalSchedules(m, target))
        table += "schedule " + std::to_string(s.tile_m) + " " + std::to_string(s.tile_n) + " " +
                 std::to_string(s.warps) + " " + std::to_string(s.stages) + " " + std::to_string(sharedBytes(m, s)) +
                 "\n";
    }
  }
  for (const TensorDeclaration &t : bundle->tensors)
    table += "tensor " + t.name + " " + t.indices + "- " + std::string(name(t.dtype)) + "\n";
  for (const std::string &n : bundle->notices) table += "notice " + n + "\n";
  if (auto done = writeFile(std::filesystem::path(argv[3]) / "launches.txt", table); !done) return report(done.error());
  return 0;
}
