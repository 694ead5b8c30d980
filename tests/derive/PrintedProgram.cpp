// Printing and reading back.
#include "tests/derive/PrintedProgram.h"

#include "compiler/ir/ExportTerms.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

using namespace jvpgen;
using namespace jvpgen::test;

static std::string textOf(const Program &program, mlir::MLIRContext &context) {
  mlir::OpBuilder builder(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(builder.getUnknownLoc());
  (*module)->setAttr("attn.head_dim_qk", builder.getI64IntegerAttr(program.dims.qk));
  (*module)->setAttr("attn.head_dim_v", builder.getI64IntegerAttr(program.dims.v));
  exportProgram(program, *module);
  std::string out;
  llvm::raw_string_ostream stream(out);
  module->print(stream);
  return out;
}

PrintedProgram test::printed(const Program &program) {
  static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  attn::registerDialects(context);
  PrintedProgram out;
  mlir::OwningOpRef<mlir::ModuleOp> module = attn::parse(textOf(program, context), context);
  if (!module) return out;
  out.isVerified = mlir::succeeded(mlir::verify(*module));
  attn::ProgramOp op = *module->getOps<attn::ProgramOp>().begin();
  op.walk([&](attn::SumOp sum) {
    auto body = llvm::cast<attn::ValueType>(sum.getBody().getType());
    if (!body.isTile() || !body.hasFeature()) return;
    double d = body.has('d') ? program.dims.qk : 1, e = body.has('e') ? program.dims.v : 1;
    out.matmuls += d * e / program.dims.qk;
  });
  out.program = importProgram(*program.outputs.front().second->context, op);
  out.program.inputs = program.inputs;
  return out;
}
