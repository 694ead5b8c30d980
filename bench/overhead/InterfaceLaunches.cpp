#include "InterfaceLaunches.h"

#include "jvpgen/jvpgen.hpp"

#include <algorithm>
#include <chrono>

struct InterfaceLaunches::Contents {
  jvpgen::Bundle bundle;
  jvpgen::Device device{0};
  jvpgen::Program program;
  jvpgen_problem problem;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<std::vector<jvpgen_tensor>> sets;
  void *workspace, *stream;
  size_t workspace_bytes = 0;
  double prepare_ms = 0;

  explicit Contents(const InterfaceOptions &o)
      : bundle(o.bundle), program(bundle, device, o.program),
        problem(jvpgen::problem(o.batch, o.heads, o.q_length, o.kv_length)), workspace(o.workspace), stream(o.stream) {}

  int64_t extent(char axis) const {
    switch (axis) {
    case 'b': return problem.batch;
    case 'o': return problem.batch + 1;
    case 'h':
    case 'n': return problem.heads;
    case 'i': return problem.q_length;
    case 'j': return problem.kv_length;
    default: return axis == 'd' ? bundle.info().head_dim_qk : bundle.info().head_dim_v;
    }
  }
};

InterfaceLaunches::InterfaceLaunches(const InterfaceOptions &options) : contents(std::make_unique<Contents>(options)) {
  Contents &c = *contents;
  const auto begin = std::chrono::steady_clock::now();
  c.program.prepare({c.problem});
  c.prepare_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  c.workspace_bytes = c.program.workspaceBytes(c.problem);
  const std::vector<jvpgen_tensor_info> infos = c.program.tensors();
  for (const jvpgen_tensor_info &info : infos) {
    c.shapes.emplace_back();
    for (const char *axis = info.axes; *axis; ++axis) c.shapes.back().push_back(c.extent(*axis));
  }
  for (size_t set = 0; set < options.sets; ++set) {
    c.sets.emplace_back();
    for (size_t k = 0; k < infos.size(); ++k) {
      jvpgen_tensor tensor = JVPGEN_INIT(jvpgen_tensor);
      tensor.data = options.memory + (set * infos.size() + k) * options.bytes;
      tensor.dtype = infos[k].dtype;
      tensor.rank = int32_t(c.shapes[k].size());
      tensor.shape = c.shapes[k].data();
      c.sets.back().push_back(tensor);
    }
  }
}

InterfaceLaunches::~InterfaceLaunches() = default;

void InterfaceLaunches::launch(size_t turn) {
  const std::vector<jvpgen_tensor> &tensors = contents->sets[turn % contents->sets.size()];
  contents->program.launch(contents->problem, tensors.data(), tensors.size(), contents->workspace,
                           contents->workspace_bytes, contents->stream);
}

double InterfaceLaunches::prepareMilliseconds() const { return contents->prepare_ms; }
