// jvpgen: derivative kernels of attention from a specification. Exit status: 0 done, 1 a check failed, 2 the input or
// the call is wrong or unsupported, 3 the machine lacks something. Results go to stdout, errors to stderr.
#include "tools/jvpgen/Command.h"

#include <csignal>
#include <cstdio>
#include <new>

/// The action; a lack of memory is an error like others.
static jvpgen::Result<void> perform(const jvpgen::Action &action) try {
  return action();
} catch (const std::bad_alloc &) {
  return jvpgen::fail(jvpgen::ErrorKind::Environment,
                      "memory for the tensors was asked for, and the machine has too little; give smaller ones");
}

int main(int argc, char **argv) {
  using namespace jvpgen;
  CLI::App app("Fast, exact derivatives of attention: from a specification to verified kernels.", "jvpgen");
  app.require_subcommand(1);
  app.set_version_flag("--version", "jvpgen " JVPGEN_VERSION);
  Action action;
  for (auto *add :
       {addCheck, addShow, addEmit, addBundle, addCompile, addRun, addVerify, addBench, addTune, addDoctor, addDb})
    add(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  std::signal(SIGXFSZ, SIG_IGN); // a write beyond the limit fails, and is reported as such
  Result<void> done = perform(action);
  if (std::fflush(stdout) && done)
    done = fail(ErrorKind::Environment, "cannot write the results to standard output; see whether the disk is full");
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().text().c_str());
  return exitStatus(done.error().kind);
}
