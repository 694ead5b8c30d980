// What calls that work with a prepared shape begin with: the handle, the problem, and the kernels that are ready for
// it.
#ifndef JVPGEN_RUNTIME_C_PREPARED_H
#define JVPGEN_RUNTIME_C_PREPARED_H

#include "runtime/c/Handles.h"
#include "runtime/c/SizedStruct.h"
#include "runtime/c/Status.h"

namespace jvpgen {

/// The words for a shape that was not prepared.
jvpgen_status reportNotPrepared(const PreparedProgram &program, const Problem &problem);

/// Hands the body what is ready for the problem; refuses what is null, and what was not prepared.
template <typename Body>
jvpgen_status withPrepared(const char *call, const jvpgen_program *program, const jvpgen_problem *problem,
                           Body &&body) noexcept {
  return guarded([&]() -> jvpgen_status {
    if (!program) return reportNull(call, "program");
    Result<jvpgen_problem> asked = readSized(problem, "jvpgen_problem");
    if (!asked) return report(asked.error());
    const Problem shape = problemOf(*asked);
    const PreparedProgram::Ready *ready = program->program->find(shape);
    return ready ? body(*ready, shape) : reportNotPrepared(*program->program, shape);
  });
}

} // namespace jvpgen

#endif
