// The launch: views of the caller's tensors, and nothing else.
#include "runtime/c/Prepared.h"

#include <array>

using namespace jvpgen;

jvpgen_status jvpgen::reportNotPrepared(const PreparedProgram &program, const Problem &p) {
  return report(JVPGEN_NOT_PREPARED,
                program.name() + " of '" + program.bundle().name + "' was asked for the shape " +
                    std::to_string(p.batch) + "x" + std::to_string(p.heads) + "x" + std::to_string(p.q_length) + "x" +
                    std::to_string(p.kv_length) + " with " + std::to_string(p.kv_heads) +
                    " key heads, which was not prepared; call jvpgen_program_prepare with it first, or with no shape");
}

static jvpgen_status launch(const jvpgen_program &program, const jvpgen_launch_options &options,
                            const PreparedProgram::Ready &ready, const Problem &problem) {
  if (options.tensor_count != program.shapes.size())
    return report(JVPGEN_INVALID, program.program->name() + " takes " + std::to_string(program.shapes.size()) +
                                      " tensors, and " + std::to_string(options.tensor_count) +
                                      " were given; see jvpgen_program_describe_tensor");
  const size_t needed = ready.executable->workspaceBytes(problem);
  if (options.workspace_bytes < needed)
    return report(JVPGEN_INVALID, program.program->name() + " needs a workspace of " + std::to_string(needed) +
                                      " bytes, and " + std::to_string(options.workspace_bytes) +
                                      " were given; see jvpgen_program_workspace");
  std::array<TensorView, LaunchArguments::kMostTensors> views;
  for (size_t k = 0; k < options.tensor_count; ++k) {
    Result<jvpgen_tensor> tensor = readSized(elementOf(options.tensors, k), "jvpgen_tensor");
    if (!tensor) return report(tensor.error());
    Result<TensorView> view = program.shapes[k].view(*tensor, problem);
    if (!view) return report(view.error());
    views[k] = *view;
  }
  Result<void> ok = ready.executable->launch(problem, std::span<const TensorView>(views.data(), options.tensor_count),
                                             needed ? options.workspace : nullptr, options.stream);
  return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
}

jvpgen_status jvpgen_program_launch(const jvpgen_program *program, const jvpgen_launch_options *options) {
  return guarded([&] {
    Result<jvpgen_launch_options> given = readSized(options, "jvpgen_launch_options");
    if (!given) return report(given.error());
    if (given->tensor_count && !given->tensors) return reportNull("jvpgen_program_launch", "tensors");
    return withPrepared("jvpgen_program_launch", program, given->problem,
                        [&](const PreparedProgram::Ready &ready, const Problem &problem) {
                          return launch(*program, *given, ready, problem);
                        });
  });
}
