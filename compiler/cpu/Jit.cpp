// LLVM ORC: the only unit that sees LLVM's code generation.
#include "compiler/cpu/Jit.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include <mutex>

using namespace jvpgen;
using namespace jvpgen::cpu;

struct Jit::State {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

Jit::Jit(std::unique_ptr<State> state) : state(std::move(state)) {}
Jit::~Jit() = default;

unsigned cpu::hostLanes() {
  auto features = llvm::sys::getHostCPUFeatures();
  return features.lookup("avx512f") ? 16 : features.lookup("avx") ? 8 : 4;
}

static tl::unexpected<Error> jitFailure(llvm::Error error) {
  return fail(ErrorKind::Environment, "code for this processor was to be made in memory; LLVM says: " +
                                          llvm::toString(std::move(error)) + "; choose another device");
}

static llvm::Expected<llvm::orc::JITTargetMachineBuilder> hostMachine() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  auto machine = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (machine) {
    machine->setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
    machine->getOptions().AllowFPOpFusion = llvm::FPOpFusion::Fast;
  }
  return machine;
}

Result<std::unique_ptr<Jit>> Jit::compile(mlir::ModuleOp lowered) {
  mlir::registerBuiltinDialectTranslation(*lowered->getContext());
  mlir::registerLLVMDialectTranslation(*lowered->getContext());
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module = mlir::translateModuleToLLVMIR(lowered, *context);
  if (!module)
    return fail(ErrorKind::Environment, "generated code was to be translated to LLVM; an operation of it was refused; "
                                        "report the specification");
  auto machine = hostMachine();
  if (!machine) return jitFailure(machine.takeError());
  auto jit = llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(*machine).setNumCompileThreads(0).create();
  if (!jit) return jitFailure(jit.takeError());
  module->setDataLayout((*jit)->getDataLayout());
  module->setTargetTriple((*jit)->getTargetTriple());
  if (auto error = (*jit)->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context))))
    return jitFailure(std::move(error));
  auto state = std::make_unique<State>();
  state->jit = std::move(*jit);
  return std::unique_ptr<Jit>(new Jit(std::move(state)));
}

Result<GeneratedFunction> Jit::find(const std::string &function) const {
  auto address = state->jit->lookup(function);
  if (!address) return jitFailure(address.takeError());
  return address->toPtr<GeneratedFunction>();
}
