// From a specification to derived programs, each printed in the format that is wanted.
#include "compiler/driver/Driver.h"

#include "compiler/derive/Derive.h"
#include "compiler/derive/Print.h"
#include "compiler/derive/Stats.h"
#include "compiler/ir/ExportTerms.h"

#include "llvm/Support/raw_ostream.h"

using namespace jvpgen;

/// The program alone in a module, without the tensors of the interface.
static std::string mlirOf(const Program &program, mlir::MLIRContext &context) {
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  std::string out;
  llvm::raw_string_ostream stream(out);
  exportProgram(program, *module)->print(stream);
  return out + "\n";
}

Result<std::vector<DerivedProgram>> jvpgen::derivePrograms(const AttentionSpec &spec,
                                                           const std::vector<std::string> &programs, Stage stage,
                                                           Format format) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  if (format == Format::Mlir) attn::registerDialects(context);
  Rational scale = toRational(spec.softmax_scale);
  std::vector<DerivedProgram> out;
  for (const std::string &name : programs) {
    TermContext terms; // its own, so that a program prints alike whichever others are asked for
    Result<Program> program =
        stage == Stage::Derive ? deriveProgram(terms, spec, name) : deriveUnsimplified(terms, spec, name);
    if (!program) return tl::unexpected<Error>(program.error());
    std::string text = format == Format::Text    ? printText(*program, scale)
                       : format == Format::Latex ? printLatex(*program, scale)
                                                 : mlirOf(*program, context);
    Stats s = statsOf(*program);
    out.push_back({name, std::move(text), s.matmuls, s.executed, s.sweeps, s.pointwise, s.saved});
  }
  return out;
}
