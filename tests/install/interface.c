/* The headers as C reads them, and a call; other than that, C++ applications show more. */
#include <jvpgen/jvpgen.h>
#include <jvpgen/jvpgen_compiler.h>
#include <jvpgen/jvpgen_dlpack.h>
#include <stdio.h>

int main(void) {
  jvpgen_problem problem = JVPGEN_INIT(jvpgen_problem);
  jvpgen_bundle *bundle = NULL;
  if (problem.size != sizeof problem || problem.batch != 0) return 1;
  if (jvpgen_bundle_open("/nowhere", &bundle) == JVPGEN_OK) return 1;
  printf("%s: %s\n", jvpgen_version(), jvpgen_last_error());
  return 0;
}
