// The functions of SQLite that db calls, from the system's library if there is one: an archive of it would double the
// size of ours. Without it no file opens, and programs run with their default schedules.
#include <cstdarg>
#include <cstdint>
#include <dlfcn.h>

using Connection = struct sqlite3;
using Statement = struct sqlite3_stmt;
using Destructor = void (*)(void *);

static constexpr int kCannotOpen = 14; // SQLITE_CANTOPEN

/// The library, if it is at least the 3.37 whose functions are called; it stays open.
static void *library() {
  static void *const handle = []() -> void * {
    void *found = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    const bool is_new = found && dlsym(found, "sqlite3_changes64") && dlsym(found, "sqlite3_deserialize");
    return is_new ? found : nullptr;
  }();
  return handle;
}

template <typename Function> static Function *find(const char *name) {
  return library() ? reinterpret_cast<Function *>(dlsym(library(), name)) : nullptr;
}

#define FORWARD(result, name, parameters, arguments, absent)                                                           \
  extern "C" result name parameters {                                                                                  \
    static auto *const function = find<result parameters>(#name);                                                      \
    return function ? function arguments : absent;                                                                     \
  }

extern "C" int sqlite3_open_v2(const char *path, Connection **connection, int flags, const char *files) {
  static auto *const function = find<int(const char *, Connection **, int, const char *)>("sqlite3_open_v2");
  if (function) return function(path, connection, flags, files);
  *connection = nullptr;
  return kCannotOpen;
}

/// Of the variadic function, the form that all of db's calls have: an option that is switched on or off.
extern "C" int sqlite3_db_config(Connection *connection, int option, ...) {
  static auto *const function = find<int(Connection *, int, ...)>("sqlite3_db_config");
  va_list rest;
  va_start(rest, option);
  const int value = va_arg(rest, int);
  int *const before = va_arg(rest, int *);
  va_end(rest);
  return function ? function(connection, option, value, before) : kCannotOpen;
}

static const char *const kAbsent = "libsqlite3.so.0 of version 3.37 or later is not on this machine";

FORWARD(const char *, sqlite3_libversion, (), (), "")
FORWARD(const char *, sqlite3_errmsg, (Connection * c), (c), kAbsent)
FORWARD(const char *, sqlite3_errstr, (int code), (code), kAbsent)
FORWARD(int, sqlite3_close, (Connection * c), (c), 0)
FORWARD(int, sqlite3_extended_result_codes, (Connection * c, int on), (c, on), kCannotOpen)
FORWARD(int, sqlite3_busy_timeout, (Connection * c, int milliseconds), (c, milliseconds), kCannotOpen)
FORWARD(int, sqlite3_limit, (Connection * c, int which, int value), (c, which, value), 0)
FORWARD(int, sqlite3_exec,
        (Connection * c, const char *text, int (*row)(void *, int, char **, char **), void *data, char **error),
        (c, text, row, data, error), kCannotOpen)
FORWARD(int, sqlite3_deserialize,
        (Connection * c, const char *schema, unsigned char *bytes, int64_t size, int64_t room, unsigned flags),
        (c, schema, bytes, size, room, flags), kCannotOpen)
FORWARD(void, sqlite3_progress_handler, (Connection * c, int steps, int (*stop)(void *), void *data),
        (c, steps, stop, data), void())
FORWARD(int64_t, sqlite3_last_insert_rowid, (Connection * c), (c), 0)
FORWARD(int64_t, sqlite3_changes64, (Connection * c), (c), 0)

FORWARD(int, sqlite3_prepare_v3,
        (Connection * c, const char *text, int size, unsigned flags, Statement **made, const char **rest),
        (c, text, size, flags, made, rest), kCannotOpen)
FORWARD(int, sqlite3_step, (Statement * s), (s), kCannotOpen)
FORWARD(int, sqlite3_reset, (Statement * s), (s), 0)
FORWARD(int, sqlite3_finalize, (Statement * s), (s), 0)
FORWARD(int, sqlite3_clear_bindings, (Statement * s), (s), 0)
FORWARD(int, sqlite3_bind_null, (Statement * s, int k), (s, k), kCannotOpen)
FORWARD(int, sqlite3_bind_int64, (Statement * s, int k, int64_t value), (s, k, value), kCannotOpen)
FORWARD(int, sqlite3_bind_double, (Statement * s, int k, double value), (s, k, value), kCannotOpen)
FORWARD(int, sqlite3_bind_text64,
        (Statement * s, int k, const char *text, uint64_t size, Destructor free, unsigned char encoding),
        (s, k, text, size, free, encoding), kCannotOpen)
FORWARD(int, sqlite3_column_count, (Statement * s), (s), 0)
FORWARD(int, sqlite3_column_type, (Statement * s, int k), (s, k), 5)
FORWARD(int, sqlite3_column_bytes, (Statement * s, int k), (s, k), 0)
FORWARD(int64_t, sqlite3_column_int64, (Statement * s, int k), (s, k), 0)
FORWARD(double, sqlite3_column_double, (Statement * s, int k), (s, k), 0)
FORWARD(const unsigned char *, sqlite3_column_text, (Statement * s, int k), (s, k), nullptr)
