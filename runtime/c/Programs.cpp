// Programs: made, described, prepared.
#include "runtime/c/Handles.h"
#include "runtime/c/Prepared.h"
#include "runtime/c/SizedStruct.h"
#include "runtime/c/Status.h"
#include "runtime/launch/PinnedSchedules.h"
#include "runtime/launch/TunedSchedules.h"

#include <cstdio>
#include <dlfcn.h>
#include <future>
#include <vector>

using namespace jvpgen;

static void warnOnStandardError(const std::string &message) { std::fprintf(stderr, "warning: %s\n", message.c_str()); }

/// The process's own, over what was shipped beside this library.
static const std::shared_ptr<SharedDatabase> &database() {
  static const std::shared_ptr<SharedDatabase> shared = [] {
    Dl_info found = {};
    std::vector<std::filesystem::path> folders;
    if (dladdr(reinterpret_cast<void *>(&jvpgen_version), &found) && found.dli_fname)
      folders.push_back(std::filesystem::path(found.dli_fname).parent_path());
    return SharedDatabase::ofProcess(folders);
  }();
  return shared;
}

/// What JVPGEN_FROZEN pins, where it is set, else what was measured.
static Result<ScheduleSource> schedulesFor(const jvpgen_bundle &bundle) {
  const Result<std::shared_ptr<const FrozenSchedules>> &pinned = pinnedByProcess();
  if (!pinned) return tl::unexpected(pinned.error());
  return *pinned ? pinnedSchedules(*pinned) : tunedSchedules(database(), bundle.origin);
}

jvpgen_status jvpgen_program_create(const jvpgen_program_options *options, jvpgen_program **program) {
  return guarded([&] {
    if (!program) return reportNull("jvpgen_program_create", "program");
    *program = nullptr;
    Result<jvpgen_program_options> asked = readSized(options, "jvpgen_program_options");
    if (!asked) return report(asked.error());
    if (!asked->bundle) return reportNull("jvpgen_program_create", "bundle");
    if (!asked->device) return reportNull("jvpgen_program_create", "device");
    if (!asked->program) return reportNull("jvpgen_program_create", "program's name");
    const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
    if (!compiler) return report(compiler.error());
    Result<ScheduleSource> schedules = schedulesFor(*asked->bundle);
    if (!schedules) return report(schedules.error());
    Result<std::unique_ptr<PreparedProgram>> made =
        PreparedProgram::create(asked->bundle->bundle, asked->program, asked->variant ? asked->variant : "",
                                asked->device->device, **compiler, std::move(*schedules), warnOnStandardError);
    if (!made) return report(made.error());
    auto handle = std::make_unique<jvpgen_program>();
    handle->program = std::move(*made);
    for (const TensorDeclaration &tensor : handle->program->signature())
      handle->shapes.emplace_back(handle->program->bundle(), tensor);
    *program = handle.release();
    return jvpgen_status(JVPGEN_OK);
  });
}

void jvpgen_program_release(jvpgen_program *program) { delete program; }

size_t jvpgen_program_tensors(const jvpgen_program *program) { return program ? program->shapes.size() : 0; }

jvpgen_status jvpgen_program_describe_tensor(const jvpgen_program *program, size_t index, jvpgen_tensor_info *info) {
  return guarded([&] {
    if (!program) return reportNull("jvpgen_program_describe_tensor", "program");
    if (index >= program->shapes.size())
      return report(JVPGEN_INVALID, "tensor number " + std::to_string(index) + " was asked for, and the program has " +
                                        std::to_string(program->shapes.size()) + "; see jvpgen_program_tensors");
    const TensorDeclaration &tensor = program->program->signature()[index];
    jvpgen_tensor_info out = {};
    out.name = tensor.name.c_str();
    out.axes = program->shapes[index].axes().c_str();
    out.dtype = jvpgen_dtype(tensor.dtype);
    out.is_output = tensor.is_output;
    Result<void> ok = writeSized(out, info, "jvpgen_tensor_info");
    return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
  });
}

static Result<void> prepare(PreparedProgram &program, const jvpgen_problem *problems, size_t count) {
  if (!count && *pinnedByProcess())
    return fail(ErrorKind::Invalid, "any shape was asked for, and schedules are pinned shape by shape (JVPGEN_FROZEN); "
                                    "prepare those that will be launched");
  Result<void> ok = count ? Result<void>() : program.prepareAnyShape();
  for (size_t k = 0; ok && k < count; ++k)
    ok = readSized(elementOf(problems, k), "jvpgen_problem").and_then([&](const jvpgen_problem &problem) {
      return program.prepare(problemOf(problem));
    });
  return ok;
}

jvpgen_status jvpgen_program_prepare(jvpgen_program *program, const jvpgen_problem *problems, size_t count) {
  return guarded([&] {
    if (!program) return reportNull("jvpgen_program_prepare", "program");
    if (count && !problems) return reportNull("jvpgen_program_prepare", "problems");
    Result<void> ok = prepare(*program->program, problems, count);
    return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
  });
}

jvpgen_status jvpgen_prepare(jvpgen_program *const *programs, size_t program_count, const jvpgen_problem *problems,
                             size_t count) {
  return guarded([&] {
    if (program_count && !programs) return reportNull("jvpgen_prepare", "programs");
    if (count && !problems) return reportNull("jvpgen_prepare", "problems");
    for (size_t k = 0; k < program_count; ++k)
      if (!programs[k]) return reportNull("jvpgen_prepare", "a program");
    std::vector<std::future<Result<void>>> under_way; // one thread each: what they wait for is compiled by others
    for (size_t k = 0; k < program_count; ++k)
      under_way.push_back(
          std::async(std::launch::async, [&, k] { return prepare(*programs[k]->program, problems, count); }));
    Result<void> ok;
    for (std::future<Result<void>> &one : under_way)
      if (Result<void> done = one.get(); ok && !done) ok = std::move(done);
    return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
  });
}

jvpgen_status jvpgen_program_choice(const jvpgen_program *program, const jvpgen_problem *problem,
                                    jvpgen_choice *choice) {
  return withPrepared("jvpgen_program_choice", program, problem,
                      [&](const PreparedProgram::Ready &ready, const Problem &) {
                        jvpgen_choice out = {};
                        out.variant = ready.variant.variant.c_str();
                        out.schedule = ready.schedule.c_str();
                        out.source = name(ready.match);
                        Result<void> ok = writeSized(out, choice, "jvpgen_choice");
                        return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
                      });
}

jvpgen_status jvpgen_program_workspace(const jvpgen_program *program, const jvpgen_problem *problem, size_t *bytes) {
  if (!bytes) return reportNull("jvpgen_program_workspace", "bytes");
  *bytes = 0;
  return withPrepared("jvpgen_program_workspace", program, problem,
                      [&](const PreparedProgram::Ready &ready, const Problem &asked) {
                        *bytes = ready.executable->workspaceBytes(asked);
                        return jvpgen_status(JVPGEN_OK);
                      });
}
