// specification FILE ARCH: a specification that is known only now becomes a bundle in memory.
#include <jvpgen/jvpgen.hpp>
#include <jvpgen/jvpgen_compiler.h>

#include <cstdio>
#include <fstream>
#include <iterator>

int main(int count, char **texts) try {
  if (count != 3) return std::fputs("specification FILE ARCH\n", stderr), 2;
  std::ifstream stream(texts[1]);
  const std::string toml{std::istreambuf_iterator<char>(stream), {}};
  jvpgen_compile_options options = JVPGEN_INIT(jvpgen_compile_options);
  options.specification = toml.c_str();
  options.arch = texts[2];
  options.notice = [](const char *text, void *) { std::fprintf(stderr, "notice: %s\n", text); };
  jvpgen_bundle *made = nullptr;
  jvpgen::check(jvpgen_compile(&options, &made));
  const jvpgen::Bundle bundle(made);
  for (const std::string &name : bundle.programs()) std::printf("%s\n", name.c_str());
  return 0;
} catch (const jvpgen::Error &error) {
  return std::fprintf(stderr, "specification: %s\n", error.what()), error.status;
}
