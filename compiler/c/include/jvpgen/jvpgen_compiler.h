// jvpgen's compiler for applications whose specifications are known only at run time: text in, a bundle out.
//
// The bundle is the runtime's (jvpgen.h): prepared, launched and released as one that was read. Statuses and words are
// the runtime's too.
#ifndef JVPGEN_COMPILER_H
#define JVPGEN_COMPILER_H

#include "jvpgen/jvpgen.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jvpgen_compile_options {
  size_t size;
  const char *specification; /* TOML; may come from anywhere: nothing of it is run or copied into code as it stands */
  size_t length;             /* of the text; 0: up to its end */
  const char *arch;          /* whose skeletons and default schedules are used: jvpgen_device_info's, or "sm_90a" */
  const char *programs;      /* comma separated: forward, tangent_forward, ...; null: all that it has */
  /* What a user should know of the bundle: variants that were left out, and the like. Called during the call; may be
   * null. */
  void (*notice)(const char *text, void *data);
  void *data;
} jvpgen_compile_options;

/* Derives, plans and emits the programs of a specification; no GPU and no NVRTC are needed for it. */
JVPGEN_API jvpgen_status jvpgen_compile(const jvpgen_compile_options *options, jvpgen_bundle **bundle);

#ifdef __cplusplus
}
#endif

#endif
