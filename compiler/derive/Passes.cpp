// Passes: each reads programs as terms, calls the engine, writes programs.
#include "compiler/derive/Passes.h"

#include "compiler/derive/Derive.h"
#include "compiler/derive/Simplify.h"
#include "compiler/ir/ExportTerms.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace jvpgen;

namespace {

/// A pass over the programs of a module.
template <typename Derived> class ProgramPass : public PassWrapper<Derived, OperationPass<ModuleOp>> {
protected:
  using Names = Pass::ListOption<std::string>;

  /// The program of that name as terms; an error if there is none.
  std::optional<Program> find(TermContext &terms, StringRef name) {
    ModuleOp module = this->getOperation();
    if (auto op = module.lookupSymbol<attn::ProgramOp>(name)) return importProgram(terms, op);
    module.emitError() << this->getArgument() << " needs the program @" << name << ", which the module lacks";
    this->signalPassFailure();
    return std::nullopt;
  }

  /// True if each name is among the values; an error otherwise.
  bool check(const Program &p, ArrayRef<std::string> names, bool inputs) {
    for (const std::string &n : names) {
      if (inputs ? p.input(n) : p.output(n)) continue;
      this->getOperation().emitError() << this->getArgument() << ": program @" << p.name << " has no "
                                       << (inputs ? "input" : "output") << " \"" << n << "\"";
      this->signalPassFailure();
      return false;
    }
    return true;
  }
};

struct TangentPass : ProgramPass<TangentPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TangentPass)
  TangentPass() = default;
  TangentPass(const TangentPass &) {}
  StringRef getArgument() const override { return "attn-tangent"; }
  StringRef getDescription() const override { return "forward mode: adds @tangent_forward beside @forward"; }

  void runOnOperation() override {
    TermContext terms;
    std::optional<Program> forward = find(terms, "forward");
    if (forward && check(*forward, tangents, true))
      exportProgram(addTangents(*forward, tangents, direction), getOperation());
  }

  ListOption<std::string> tangents{*this, "tangents", llvm::cl::desc("inputs that have tangents")};
  Option<std::string> direction{*this, "direction", llvm::cl::desc("prefix of the tangents' names"),
                                llvm::cl::init("t")};
};

struct AdjointPass : ProgramPass<AdjointPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AdjointPass)
  AdjointPass() = default;
  AdjointPass(const AdjointPass &) {}
  StringRef getArgument() const override { return "attn-adjoint"; }
  StringRef getDescription() const override { return "reverse mode: adds the program of gradients beside a program"; }

  void runOnOperation() override {
    TermContext terms;
    std::optional<Program> p = find(terms, of);
    if (p && check(*p, cotangents, false) && check(*p, wanted, true))
      exportProgram(gradientProgram(*p, cotangents, wanted), getOperation());
  }

  Option<std::string> of{*this, "of", llvm::cl::desc("the program"), llvm::cl::init("forward")};
  ListOption<std::string> cotangents{*this, "cotangents", llvm::cl::desc("outputs that have cotangents")};
  ListOption<std::string> wanted{*this, "wanted", llvm::cl::desc("inputs whose gradients are wanted")};
};

struct SimplifyPass : ProgramPass<SimplifyPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SimplifyPass)
  StringRef getArgument() const override { return "attn-simplify"; }
  StringRef getDescription() const override {
    return "fewest products, one sweep; backward programs modulo saved outputs";
  }

  void runOnOperation() override {
    TermContext terms;
    ModuleOp module = getOperation();
    std::map<std::string, Program> programs; // as derived: their definitions are what the equations are learned from
    for (auto op : module.getOps<attn::ProgramOp>()) programs[op.getSymName().str()] = importProgram(terms, op);
    for (auto op : llvm::make_early_inc_range(module.getOps<attn::ProgramOp>())) {
      const Program &p = programs.at(op.getSymName().str());
      auto forward = programs.find(p.name == "backward"           ? "forward"
                                   : p.name == "tangent_backward" ? "tangent_forward"
                                                                  : "");
      if (forward == programs.end()) {
        exportProgram(simplify(p), module)->moveBefore(op);
      } else {
        SavedEquations saved(forward->second, savedOrder(forward->second));
        exportProgram(simplify(p, &saved), module)->moveBefore(op);
      }
      op.erase();
    }
  }
};

} // namespace

void jvpgen::registerDerivePasses() {
  PassRegistration<TangentPass>();
  PassRegistration<AdjointPass>();
  PassRegistration<SimplifyPass>();
}
