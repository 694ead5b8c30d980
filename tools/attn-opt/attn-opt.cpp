// attn-opt: reads a module of the attn dialect, runs passes on it, prints it; for tests.
#include "compiler/derive/Passes.h"
#include "compiler/ir/Dialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<jvpgen::attn::AttnDialect, mlir::arith::ArithDialect>();
  jvpgen::registerDerivePasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "attn-opt\n", registry));
}
