// attention BUNDLE [LENGTH]: the tangent forward and its backward through the installed runtime. To is linear in the
// tangents, hence <To, To> = <dtQ, tQ> + <dtK, tK> + <dtV, tV> where dtX is the gradient of <dTo, To> with dTo = To.
#include <jvpgen/jvpgen.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <random>

/// Memory of the GPU by the driver alone; an application has the CUDA runtime or a framework for this.
struct Driver {
  void *library = dlopen("libcuda.so.1", RTLD_NOW);
  template <typename... Arguments> void call(const char *name, Arguments... arguments) {
    auto *function = reinterpret_cast<int (*)(Arguments...)>(library ? dlsym(library, name) : nullptr);
    if (!function) throw std::runtime_error(std::string("the CUDA driver is asked for and lacks ") + name);
    if (int code = function(arguments...)) throw std::runtime_error(name + (" gives " + std::to_string(code)));
  }
  Driver() { // the primary context, as the CUDA runtime takes it
    void *context = nullptr;
    call("cuInit", 0u);
    call("cuDevicePrimaryCtxRetain", &context, 0);
    call("cuCtxSetCurrent", context);
  }
  void *allocate(size_t bytes) {
    void *address = nullptr;
    if (bytes) call("cuMemAlloc_v2", &address, bytes);
    return address;
  }
};

static uint16_t bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
static float value(uint16_t x) {
  const uint32_t bits = uint32_t(x) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

/// Tensors by name: what one program writes, the next one reads.
struct Tensors {
  Driver &driver;
  jvpgen_problem problem;
  jvpgen_bundle_info bundle;
  std::map<std::string, jvpgen::Tensor> all;

  static size_t elements(const jvpgen::Tensor &tensor) {
    size_t count = 1;
    for (int64_t extent : tensor.shape) count *= size_t(extent);
    return count;
  }
  int64_t extent(char axis) const {
    switch (axis) {
    case 'b': return problem.batch;
    case 'h': return problem.heads;
    case 'n': return problem.kv_heads;
    case 'i': return problem.q_length;
    case 'j': return problem.kv_length;
    default: return axis == 'd' ? bundle.head_dim_qk : bundle.head_dim_v;
    }
  }
  /// Inputs are normal numbers; other cotangents than dTo are zero.
  const jvpgen::Tensor &get(const jvpgen_tensor_info &info) {
    const std::string name = info.name;
    if (name == "dto") return all[name] = all.at("to");
    auto [found, is_new] = all.try_emplace(name);
    jvpgen::Tensor &tensor = found->second;
    if (!is_new) return tensor;
    tensor.dtype = info.dtype;
    for (const char *axis = info.axes; *axis; ++axis) tensor.shape.push_back(extent(*axis));
    std::vector<uint16_t> host(elements(tensor) * (info.dtype == JVPGEN_F32 ? 2 : 1));
    std::mt19937 generator(unsigned(all.size()));
    std::normal_distribution<float> normal;
    if (name[0] != 'd')
      for (uint16_t &x : host) x = bf16(normal(generator));
    tensor.data = driver.allocate(2 * host.size());
    driver.call<void *, const void *, size_t>("cuMemcpyHtoD_v2", tensor.data, host.data(), 2 * host.size());
    return tensor;
  }
  double dot(const char *a, const char *b) {
    std::vector<uint16_t> x(elements(all.at(a))), y(x.size());
    driver.call<void *, const void *, size_t>("cuMemcpyDtoH_v2", x.data(), all.at(a).data, 2 * x.size());
    driver.call<void *, const void *, size_t>("cuMemcpyDtoH_v2", y.data(), all.at(b).data, 2 * y.size());
    double sum = 0;
    for (size_t k = 0; k < x.size(); ++k) sum += double(value(x[k])) * value(y[k]);
    return sum;
  }
};

int main(int count, char **texts) try {
  if (count < 2) return std::fputs("attention BUNDLE [LENGTH]\n", stderr), 2;
  const int64_t length = count > 2 ? std::atoll(texts[2]) : 1000;
  const jvpgen::Bundle bundle(texts[1]);
  const jvpgen::Device device(0);
  Driver driver;
  Tensors tensors{driver, jvpgen::problem(2, 4, length, length, 4), bundle.info(), {}};
  jvpgen::Program forward(bundle, device, "tangent_forward"), backward(bundle, device, "tangent_backward");
  jvpgen::prepare({&forward, &backward}, {tensors.problem});
  for (const jvpgen::Program *program : {&forward, &backward}) {
    std::vector<jvpgen::NamedTensor> named;
    for (const jvpgen_tensor_info &info : program->tensors()) named.push_back({info.name, &tensors.get(info)});
    const size_t bytes = program->workspaceBytes(tensors.problem);
    program->launch(tensors.problem, named, driver.allocate(bytes), bytes, /*stream=*/nullptr);
    const jvpgen_choice choice = program->choice(tensors.problem);
    std::printf("%s on %s: %s (%s)\n", choice.variant, device.info().name, choice.schedule, choice.source);
  }
  driver.call("cuCtxSynchronize"); // before tensors are read, and before programs go
  const double left = tensors.dot("to", "to");
  const double right = tensors.dot("dtq", "tq") + tensors.dot("dtk", "tk") + tensors.dot("dtv", "tv");
  std::printf("<To, To> = %.6g, <dtQ, tQ> + <dtK, tK> + <dtV, tV> = %.6g\n", left, right);
  return std::abs(left - right) <= 0.01 * left ? 0 : 1;
} catch (const jvpgen::Error &error) {
  return std::fprintf(stderr, "attention: %s\n", error.what()), error.status;
} catch (const std::exception &error) {
  return std::fprintf(stderr, "attention: %s\n", error.what()), 3;
}
