// jvpgen's runtime for applications, in C: load a bundle, prepare its programs on a GPU, launch them.
//
// Calls return a status; `jvpgen_last_error` has the words of the calling thread's last failure. Structs begin with
// their own size, as sizeof gives it to the caller: set it (JVPGEN_INIT), and leave what you do not know at zero.
// Handles are opaque, may be used by many threads at once, and are released once; releasing null does nothing. What a
// handle was made from may be released before it.
//
// A bundle is code: it is compiled, and runs with all rights of the process. Load bundles as you load libraries.
#ifndef JVPGEN_H
#define JVPGEN_H

#include <stddef.h>
#include <stdint.h>

#define JVPGEN_API __attribute__((visibility("default")))

/* jvpgen_problem problem = JVPGEN_INIT(jvpgen_problem); */
#ifdef __cplusplus
template <typename Struct> inline Struct jvpgen_sized() {
  Struct out = Struct();
  out.size = sizeof(Struct);
  return out;
}
#define JVPGEN_INIT(type) (jvpgen_sized<type>())
#else
#define JVPGEN_INIT(type) ((type){.size = sizeof(type)})
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t jvpgen_status;
enum {
  JVPGEN_OK = 0,
  JVPGEN_INVALID = 2,      /* the call or its input is wrong */
  JVPGEN_ENVIRONMENT = 3,  /* the machine lacks something, or the GPU refused */
  JVPGEN_UNSUPPORTED = 4,  /* right, and not possible here */
  JVPGEN_NOT_PREPARED = 5, /* launch: the shape was not prepared */
};

/* What was asked, what stood in the way, what to do. Valid until the thread's next call that fails; never null. */
JVPGEN_API const char *jvpgen_last_error(void);
/* "0.1.0" */
JVPGEN_API const char *jvpgen_version(void);

typedef struct jvpgen_bundle jvpgen_bundle; /* programs of one specification */
typedef struct jvpgen_device jvpgen_device; /* a GPU, with a context */
typedef struct jvpgen_program
    jvpgen_program; /* a program of a bundle on a device, with the shapes it was prepared for */

typedef int32_t jvpgen_dtype;
enum { JVPGEN_F32 = 0, JVPGEN_BF16 = 1, JVPGEN_F16 = 2, JVPGEN_I32 = 3, JVPGEN_I8 = 4 };

/* ---- bundles ---------------------------------------------------------------------------------------------------- */

/* Reads the folder that `jvpgen emit` wrote. Its path is taken as it is given; nothing is searched for. */
JVPGEN_API jvpgen_status jvpgen_bundle_open(const char *folder, jvpgen_bundle **bundle);

/* A file of a bundle that is held in memory. */
typedef struct jvpgen_file {
  size_t size;
  const char *name; /* as in the folder: "bundle.json", ... */
  const void *bytes;
  size_t length;
} jvpgen_file;

/* The same from memory, which may be freed afterwards. */
JVPGEN_API jvpgen_status jvpgen_bundle_read(const jvpgen_file *files, size_t count, jvpgen_bundle **bundle);
JVPGEN_API void jvpgen_bundle_release(jvpgen_bundle *bundle);

typedef struct jvpgen_bundle_info {
  size_t size;
  const char *name;   /* of the specification; texts live as long as the bundle */
  const char *digest; /* SHA-256 of the specification's canonical text */
  const char *layout; /* dense, padded, packed */
  int32_t head_dim_qk, head_dim_v;
  size_t programs;
} jvpgen_bundle_info;

JVPGEN_API jvpgen_status jvpgen_bundle_describe(const jvpgen_bundle *bundle, jvpgen_bundle_info *info);
/* The name of a program: forward, tangent_forward, backward, tangent_backward. Null beyond the last. */
JVPGEN_API const char *jvpgen_bundle_program(const jvpgen_bundle *bundle, size_t index);

/* ---- devices ---------------------------------------------------------------------------------------------------- */

JVPGEN_API jvpgen_status jvpgen_device_count(int32_t *count);
/* A GPU with its primary context, which the CUDA runtime and frameworks use too; it is retained until the release. */
JVPGEN_API jvpgen_status jvpgen_device_open(int32_t ordinal, jvpgen_device **device);
/* A CUcontext of the caller's, who keeps it alive: once it is destroyed, calls fail and only releases remain. */
JVPGEN_API jvpgen_status jvpgen_device_of_context(void *context, jvpgen_device **device);
JVPGEN_API void jvpgen_device_release(jvpgen_device *device);

typedef struct jvpgen_device_info {
  size_t size;
  const char *name; /* lives as long as the device */
  const char *arch; /* sm_90a */
  int32_t ordinal;
  int32_t multiprocessors;
  size_t memory_bytes;
} jvpgen_device_info;

JVPGEN_API jvpgen_status jvpgen_device_describe(const jvpgen_device *device, jvpgen_device_info *info);

/* ---- programs --------------------------------------------------------------------------------------------------- */

/* The shape of one launch. With padded or packed layouts the lengths are the longest of any sequence. */
typedef struct jvpgen_problem {
  size_t size;
  int64_t batch;
  int64_t heads;    /* query heads, a multiple of the next */
  int64_t kv_heads; /* 0: as many */
  int64_t q_length, kv_length;
  int64_t q_total, kv_total; /* rows of packed tensors; 0: as the lengths */
} jvpgen_problem;

/* Which program, of which bundle, where. */
typedef struct jvpgen_program_options {
  size_t size;
  const jvpgen_bundle *bundle;
  const jvpgen_device *device;
  const char *program;
  const char *variant; /* null: the one that tuning or the bundle prefers */
} jvpgen_program_options;

JVPGEN_API jvpgen_status jvpgen_program_create(const jvpgen_program_options *options, jvpgen_program **program);
/* Unloads its kernels. No launch of it may be under way, on the host or on the GPU. */
JVPGEN_API void jvpgen_program_release(jvpgen_program *program);

/* A tensor that the program takes. */
typedef struct jvpgen_tensor_info {
  size_t size;
  const char *name; /* texts live as long as the program */
  const char *axes; /* what its dimensions are, in order: b batch, h query heads, n key heads, i queries, j keys,
                       d features of queries and keys, e features of values; empty for one number */
  jvpgen_dtype dtype;
  int32_t is_output;
} jvpgen_tensor_info;

JVPGEN_API size_t jvpgen_program_tensors(const jvpgen_program *program);
JVPGEN_API jvpgen_status jvpgen_program_describe_tensor(const jvpgen_program *program, size_t index,
                                                        jvpgen_tensor_info *info);

/* Looks up how the shapes run best, compiles what no cache holds, and loads it: may take seconds. Shapes that were
 * prepared before cost nothing. No shapes at all: any shape may be launched, by the bundle's own schedule. */
JVPGEN_API jvpgen_status jvpgen_program_prepare(jvpgen_program *program, const jvpgen_problem *problems, size_t count);

/* The same for several programs at once: what has to be compiled is compiled side by side. */
JVPGEN_API jvpgen_status jvpgen_prepare(jvpgen_program *const *programs, size_t program_count,
                                        const jvpgen_problem *problems, size_t count);

typedef struct jvpgen_choice {
  size_t size;
  const char *variant;  /* texts live as long as the program */
  const char *schedule; /* in words, of the sweep with most products */
  const char *source;   /* exact, neighbour, architecture, default: how well what was measured fits; pinned */
} jvpgen_choice;

/* What a prepared shape runs with. */
JVPGEN_API jvpgen_status jvpgen_program_choice(const jvpgen_program *program, const jvpgen_problem *problem,
                                               jvpgen_choice *choice);

/* Bytes that a launch of this prepared shape needs, at a multiple of 256; 0: none. */
JVPGEN_API jvpgen_status jvpgen_program_workspace(const jvpgen_program *program, const jvpgen_problem *problem,
                                                  size_t *bytes);

/* A tensor on the device. Dimensions follow its axes; one that has no features may also come with the four b, h, i, j,
 * of extent 1 where it has no such axis. Packed tensors have all rows in i or j, and extent 1 in b. */
typedef struct jvpgen_tensor {
  size_t size; /* of arrays: the distance from one to the next, the same for all */
  void *data;
  jvpgen_dtype dtype;
  int32_t rank;
  const int64_t *shape;
  const int64_t *strides; /* in elements; null: contiguous. Features are contiguous */
} jvpgen_tensor;

typedef struct jvpgen_launch_options {
  size_t size;
  const jvpgen_problem *problem;
  const jvpgen_tensor *tensors; /* in the program's order; outputs are overwritten */
  size_t tensor_count;
  void *workspace; /* may hold anything; its contents afterwards mean nothing */
  size_t workspace_bytes;
  void *stream; /* CUstream or cudaStream_t of the device's context; null: its default stream */
} jvpgen_launch_options;

/* Queues the work on the stream and returns; may be captured into a CUDA graph. Nothing is compiled, allocated or
 * looked up on disk. A shape that was not prepared: JVPGEN_NOT_PREPARED, and nothing has happened, to a capture
 * neither. */
JVPGEN_API jvpgen_status jvpgen_program_launch(const jvpgen_program *program, const jvpgen_launch_options *options);

/* ---- for libraries that build on this one ------------------------------------------------------------------------ */

/* Sets what jvpgen_last_error says in this thread, and returns the status. */
JVPGEN_API jvpgen_status jvpgen_fail(jvpgen_status status, const char *message);

#ifdef __cplusplus
}
#endif

#endif
