// A fault in the text of an emitted kernel, or of a template, is noticed when the kernel runs on the emulator.
#include "tests/mutations/Workbench.h"

#include "runtime/abi/References.h"
#include "runtime/launch/CudaExecutable.h"
#include "tests/emulator/HostExecutable.h"
#include "tests/reference/Specs.h"

#include <regex>
#include <span>

using namespace jvpgen;

namespace {
struct Fault {
  const char *name;
  const char *pattern;          ///< a regular expression; its first match in each text of the program becomes
  const char *wrong;            ///< this
  const char *harmless_in = ""; ///< the end of the names of texts whose results stay right, and
  const char *reason = "";      ///< why
};

const Fault kFaults[] = {
    {"mask off by one", "j <= i;", "j < i;"},
    {"tiles beyond the first row taken for empty", "j0 <= i1;", "j0 <= i0;", "_col.cu",
     "the first key of a block is the first query of a tile"},
    {"tiles on the diagonal taken for full", "j1 > i0;", "j1 > i0 + 200;"},
    {"mask left out of the exponential", R"(keep\(m, n, e\) \? exp2_fast)", "true ? exp2_fast"},
    {"mask left out of the scores", R"(if \(partial\) drop_masked\(s\d, keep\);)", ""},
    {"row sum of one lane", R"(= quad_sum\(acc\d\[r\]\))", "= acc3[r]"},
    {"sum with the wrong sign", R"(sum(\d+) \+= )", "sum$1 -= "},
    {"sum of one lane", R"(= warp_sum\((sum\d+)\))", "= $1"},
    {"difference with the wrong sign", R"(const float x(\d+) = -)", "const float x$1 = "},
    {"scale of the exponential", R"(exp2_fast\((\d))", "exp2_fast(1.05f * $1"},
    {"logarithm to the wrong base", "0\\.693147181f", "0.7f"},
    {"another weight", R"(w1\.put\(m, n, e, y\d+\))", "w1.put(m, n, e, p0)"},
    {"last weights dropped", R"(multiply_add\(acc(\d), f, w1,)", "multiply_add(acc$1, f, w0,"},
    {"tangent of k dropped", R"(multiply_add<Element, M, N>\(s1, n, q_rows, tk_columns\);)", ""},
    {"cotangent of lse dropped", R"(Tf32::to_float\(element<Tf32>\(args\.dlse[^;]*;)", "0.f;"},
    {"cotangent of mu dropped", R"(Tf32::to_float\(element<Tf32>\(args\.dmu[^;]*;)", "0.f;"},
    {"result zeroed", R"(pair\[c\] = x\d+;)", "pair[c] = 0.f;"},
    {"one row zeroed", R"(pair\[c\] = (x\d+);)", "pair[c] = row == 3 ? 0.f : $1;"},
    {"last row not written", R"(row >= own\.bound)", "row + 1 >= own.bound"},
    {"written to the neighbour's head", R"(s\.b, s\.h, s\.q_start)", "s.b, s.h ^ 1, s.q_start"},
    {"statistic of the neighbour's head", R"(return s\.h;)", "return s.h ^ 1;"},
    {"tensor swapped", R"(return args\.v;)", "return args.k;"},
};

/// Where a later tile holds a far larger score.
const Fault kRescalingFaults[] = {
    {"accumulator not rescaled", R"(acc\d\.scale_rows\(factor\);)", ""},
    {"row sum not rescaled", R"(acc\d\[r\] \*= factor\[r\];)", ""},
};
/// Where a later tile holds a key that outweighs all before.
const Fault kRecentringFaults[] = {
    {"accumulator not moved to the new centre", R"(acc\d\.add_rows\(acc\d, fall_r0, [^;]*;)", ""},
    {"row sum not moved to the new centre", R"(acc\d\[r\] \+= [^;]*fall_r0\[r\][^;]*;)", ";"},
};

const Fault kTemplateFaults[] = {
    {"own rows of the neighbour's head", "own\\.sequence\\.h : own\\.sequence\\.n",
     "own.sequence.h ^ 1 : own.sequence.n ^ 1"},
    {"streamed rows of the neighbour's head", R"(owns_queries \? s\.n : s\.h, streamed_axis)",
     "owns_queries ? s.n ^ 1 : s.h ^ 1, streamed_axis"},
    {"last row of a ragged tile lost", R"(valid = first \+ row < length &&)", "valid = first + row + 1 < length &&"},
};

const Fault kPaddingFaults[] = {
    {"lengths of the queries taken for the keys'",
     R"((s\.kv_length = static_cast<const int \*>\()kv_lengths\.data\)\[s\.b \* kv_lengths)",
     "$1q_lengths.data)[s.b * q_lengths"},
};

/// One program of a specification as it is emitted, and mutants of its texts.
class Emitted {
public:
  Emitted(const AttentionSpec &spec, const std::string &program) : program(program) {
    Result<PlannedSpec> planned = PlannedSpec::create(spec, {program});
    Result<KernelBundle> emitted = planned.and_then([](PlannedSpec &p) { return p.emit({.arch = "sm_80"}); });
    if (emitted) bundle = std::move(*emitted);
    EXPECT_TRUE(emitted) << (emitted ? "" : emitted.error().text());
  }

  /// Every text that the pattern occurs in, wrong in turn. Equal texts of two launches count once.
  void judge(const Workbench &bench, const Fault &fault, Tally &tally) const {
    for (size_t k = 0; k < bundle.files.size(); ++k) {
      if (!isUsed(bundle.files[k].name)) continue;
      std::string wrong = std::regex_replace(bundle.files[k].text, std::regex(fault.pattern), fault.wrong,
                                             std::regex_constants::format_first_only);
      if (wrong == bundle.files[k].text) continue;
      KernelBundle mutant = bundle;
      mutant.files[k].text = wrong;
      bool harmless = *fault.harmless_in && bundle.files[k].name.ends_with(fault.harmless_in);
      tally.add(bundle.files[k].name + ": " + fault.name, refusals(bench, mutant), harmless ? fault.reason : "");
    }
  }

  std::vector<std::string> refusals(const Workbench &bench, const KernelBundle &of) const {
    HostBuild build = hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator");
    Result<const KernelVariant *> variant = findVariant(of, program, "");
    Result<std::unique_ptr<Executable>> made =
        variant.and_then([&](const KernelVariant *v) { return prepareOnHost(of, *v, build); });
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
    return made ? bench.refusals(program, **made) : std::vector<std::string>();
  }

  KernelBundle bundle;

private:
  std::string program;

  /// A template, or a source of the default variant; the reference has another judge (tests/emulator).
  bool isUsed(const std::string &file) const {
    if (file.ends_with(".cuh")) return file != kReferenceHeader;
    Result<const KernelVariant *> variant = findVariant(bundle, program, "");
    for (const Launch &launch : (*variant)->launches)
      if (launch.source == file) return true;
    return false;
  }
};
} // namespace

TEST(Mutations, OfKernels) {
  AttentionSpec spec = narrow(example("softcap"));
  spec.group = 1;
  // Two tiles, the second of them ragged.
  Workbench bench(spec, {1, 2, 2, 100, 100, 100, 100}, {.q_scale = 3});
  Tally tally;
  for (const std::string program : {"tangent_forward", "tangent_backward"}) {
    Emitted emitted(spec, program);
    EXPECT_EQ(emitted.refusals(bench, emitted.bundle), std::vector<std::string>());
    for (const Fault &fault : kFaults) emitted.judge(bench, fault, tally);
  }
  Emitted backward(spec, "backward");
  for (const Fault &fault : kTemplateFaults) backward.judge(bench, fault, tally);
  tally.expectCaught(45);
}

/// Each of the faults in a program of plain attention over several tiles, with scores of that spread.
static void expectCaughtInLongRows(const std::string &program, double q_scale, std::span<const Fault> faults) {
  AttentionSpec spec = narrow(example("plain"));
  Workbench bench(spec, {1, 2, 2, 300, 300, 300, 300}, {.q_scale = q_scale});
  Tally tally;
  Emitted emitted(spec, program);
  EXPECT_EQ(emitted.refusals(bench, emitted.bundle), std::vector<std::string>());
  for (const Fault &fault : faults) emitted.judge(bench, fault, tally);
  tally.expectCaught(faults.size());
}

TEST(Mutations, OfRescaling) { expectCaughtInLongRows("forward", 100, kRescalingFaults); }

TEST(Mutations, OfRecentring) { expectCaughtInLongRows("tangent_forward", 4, kRecentringFaults); }

TEST(Mutations, OfKernelsWithPadding) {
  AttentionSpec spec = narrow(example("plain"));
  spec.layout = Layout::Padded;
  Workbench bench(spec, {4, 2, 2, 33, 50, 33, 50});
  Tally tally;
  Emitted backward(spec, "backward");
  EXPECT_EQ(backward.refusals(bench, backward.bundle), std::vector<std::string>());
  for (const Fault &fault : kPaddingFaults) backward.judge(bench, fault, tally);
  tally.expectCaught(1);
}
