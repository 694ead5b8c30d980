// The C interface for C++17: handles that release themselves, failures as exceptions, tensors by name.
#ifndef JVPGEN_HPP
#define JVPGEN_HPP

#include "jvpgen.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jvpgen {
inline namespace v0 {

/// A call that failed: the status, and the words for it.
class Error : public std::runtime_error {
public:
  explicit Error(jvpgen_status status) : std::runtime_error(jvpgen_last_error()), status(status) {}
  jvpgen_status status;
};

inline void check(jvpgen_status status) {
  if (status != JVPGEN_OK) throw Error(status);
}

/// A shape; q_total and kv_total are for packed tensors.
inline jvpgen_problem problem(int64_t batch, int64_t heads, int64_t q_length, int64_t kv_length, int64_t kv_heads = 0) {
  jvpgen_problem out = JVPGEN_INIT(jvpgen_problem);
  out.batch = batch, out.heads = heads, out.kv_heads = kv_heads, out.q_length = q_length, out.kv_length = kv_length;
  return out;
}

/// Memory on the device with its shape; contiguous unless strides (in elements) are given.
struct Tensor {
  void *data = nullptr;
  jvpgen_dtype dtype = JVPGEN_BF16;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};
using NamedTensor = std::pair<std::string_view, const Tensor *>;

class Bundle {
public:
  explicit Bundle(const std::string &folder) {
    jvpgen_bundle *made = nullptr;
    check(jvpgen_bundle_open(folder.c_str(), &made));
    handle.reset(made);
  }
  /// Takes a handle over.
  explicit Bundle(jvpgen_bundle *made) : handle(made) {}
  const jvpgen_bundle *get() const { return handle.get(); }

  jvpgen_bundle_info info() const {
    jvpgen_bundle_info out = JVPGEN_INIT(jvpgen_bundle_info);
    check(jvpgen_bundle_describe(get(), &out));
    return out;
  }
  std::vector<std::string> programs() const {
    std::vector<std::string> out;
    for (size_t k = 0; const char *name = jvpgen_bundle_program(get(), k); ++k) out.emplace_back(name);
    return out;
  }

private:
  struct Release {
    void operator()(jvpgen_bundle *b) const { jvpgen_bundle_release(b); }
  };
  std::unique_ptr<jvpgen_bundle, Release> handle;
};

class Device {
public:
  explicit Device(int32_t ordinal = 0) {
    jvpgen_device *made = nullptr;
    check(jvpgen_device_open(ordinal, &made));
    handle.reset(made);
  }
  /// Takes a handle over.
  explicit Device(jvpgen_device *made) : handle(made) {}
  const jvpgen_device *get() const { return handle.get(); }

  jvpgen_device_info info() const {
    jvpgen_device_info out = JVPGEN_INIT(jvpgen_device_info);
    check(jvpgen_device_describe(get(), &out));
    return out;
  }

private:
  struct Release {
    void operator()(jvpgen_device *d) const { jvpgen_device_release(d); }
  };
  std::unique_ptr<jvpgen_device, Release> handle;
};

class Program {
public:
  Program(const Bundle &bundle, const Device &device, const std::string &name, const std::string &variant = "") {
    jvpgen_program_options options = JVPGEN_INIT(jvpgen_program_options);
    options.bundle = bundle.get(), options.device = device.get(), options.program = name.c_str();
    options.variant = variant.empty() ? nullptr : variant.c_str();
    jvpgen_program *made = nullptr;
    check(jvpgen_program_create(&options, &made));
    handle.reset(made);
  }
  const jvpgen_program *get() const { return handle.get(); }
  jvpgen_program *get() { return handle.get(); }

  std::vector<jvpgen_tensor_info> tensors() const {
    std::vector<jvpgen_tensor_info> out;
    for (size_t k = 0; k < jvpgen_program_tensors(get()); ++k) {
      out.push_back(JVPGEN_INIT(jvpgen_tensor_info));
      check(jvpgen_program_describe_tensor(get(), k, &out.back()));
    }
    return out;
  }

  void prepare(const std::vector<jvpgen_problem> &problems) {
    check(jvpgen_program_prepare(handle.get(), problems.data(), problems.size()));
  }
  size_t workspaceBytes(const jvpgen_problem &problem) const {
    size_t bytes = 0;
    check(jvpgen_program_workspace(get(), &problem, &bytes));
    return bytes;
  }
  jvpgen_choice choice(const jvpgen_problem &problem) const {
    jvpgen_choice out = JVPGEN_INIT(jvpgen_choice);
    check(jvpgen_program_choice(get(), &problem, &out));
    return out;
  }

  /// Tensors in the program's order. The quick way for loops: nothing is allocated.
  void launch(const jvpgen_problem &problem, const jvpgen_tensor *tensors, size_t count, void *workspace,
              size_t workspace_bytes, void *stream) const {
    jvpgen_launch_options options = JVPGEN_INIT(jvpgen_launch_options);
    options.problem = &problem;
    options.tensors = tensors, options.tensor_count = count;
    options.workspace = workspace, options.workspace_bytes = workspace_bytes;
    options.stream = stream;
    check(jvpgen_program_launch(get(), &options));
  }

  /// Tensors by name, in any order.
  void launch(const jvpgen_problem &problem, const std::vector<NamedTensor> &named, void *workspace,
              size_t workspace_bytes, void *stream) const {
    std::vector<jvpgen_tensor> ordered;
    for (const jvpgen_tensor_info &info : tensors()) {
      jvpgen_tensor tensor = JVPGEN_INIT(jvpgen_tensor);
      const Tensor *found = nullptr;
      for (const NamedTensor &given : named)
        if (given.first == info.name) found = given.second;
      if (!found) throw std::invalid_argument(std::string("the tensor '") + info.name + "' is missing; give it");
      tensor.data = found->data;
      tensor.dtype = found->dtype;
      tensor.rank = static_cast<int32_t>(found->shape.size());
      tensor.shape = found->shape.data();
      tensor.strides = found->strides.empty() ? nullptr : found->strides.data();
      ordered.push_back(tensor);
    }
    launch(problem, ordered.data(), ordered.size(), workspace, workspace_bytes, stream);
  }

private:
  struct Release {
    void operator()(jvpgen_program *p) const { jvpgen_program_release(p); }
  };
  std::unique_ptr<jvpgen_program, Release> handle;
};

/// Several programs for the same shapes, compiled side by side.
inline void prepare(const std::vector<Program *> &programs, const std::vector<jvpgen_problem> &problems) {
  std::vector<jvpgen_program *> handles;
  for (Program *program : programs) handles.push_back(program->get());
  check(jvpgen_prepare(handles.data(), handles.size(), problems.data(), problems.size()));
}

} // namespace v0
} // namespace jvpgen

#endif
