// Lowering: functions of math by polynomials, control flow to branches, vectors and arithmetic to LLVM's dialect.
#include "compiler/cpu/Jit.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

static LogicalResult approximate(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateMathPolynomialApproximationPatterns(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

static LogicalResult branch(ModuleOp module) {
  MLIRContext &context = *module.getContext();
  RewritePatternSet patterns(&context);
  populateSCFToControlFlowConversionPatterns(patterns);
  ConversionTarget target(context);
  target.addIllegalDialect<scf::SCFDialect>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  return applyPartialConversion(module, target, std::move(patterns));
}

static LogicalResult convert(ModuleOp module) {
  MLIRContext &context = *module.getContext();
  LLVMTypeConverter types(&context);
  RewritePatternSet patterns(&context);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  populateVectorToLLVMConversionPatterns(types, patterns, /*reassociateFPReductions=*/true);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  LLVMConversionTarget target(context);
  target.addLegalOp<ModuleOp>();
  return applyPartialConversion(module, target, std::move(patterns));
}

Result<void> cpu::lowerToLLVM(ModuleOp module) {
  module.getContext()->loadDialect<cf::ControlFlowDialect>();
  if (failed(approximate(module)) || failed(branch(module)) || failed(convert(module)))
    return fail(ErrorKind::Unsupported,
                "the CPU code of a plan was to be lowered to LLVM; an operation has no lowering; "
                "report the specification, and use the CUDA backend for it");
  return {};
}
