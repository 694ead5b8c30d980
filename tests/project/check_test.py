"""The rules themselves: each passes a clean tree and names what is planted into it."""

import unittest

from cpp_text import functions
from rules import RULES
from source_tree import SourceTree

TABLE = """# House
## Who may include whom

| folder | may include | MLIR |
|---|---|---|
| `support` | nothing | no |
| `compiler/spec` | `support` | no |
| `compiler/driver` | `support` `compiler/spec` | sources |
| `tools` | anything | sources |
"""

CLEAN = {
    "README.md": "# It\n\n```sh\n./scripts/test\n```\n\nSee [the house](docs/architecture.md#who-may-include-whom).\n",
    ".ci/run": "#!/usr/bin/env bash\nexec ./scripts/test\n",
    "scripts/test": "#!/usr/bin/env bash\n",
    "docs/architecture.md": TABLE,
    "support/Hash.h": "// Digests of bytes.\nint hash();\n",
    "compiler/spec/Spec.h": '// What was asked.\n#include "support/Hash.h"\n#include <vector>\n',
    "compiler/driver/Driver.cpp": '#include "compiler/spec/Spec.h"\n#include "mlir/IR/Builders.h"\n',
    "tools/main.cpp": '#include "compiler/driver/Driver.h"\nint main() { return getenv("X") != nullptr; }\n',
}


def function_of(lines):
    return "namespace a {\nint f(int x) {\n" + "  ++x;\n" * (lines - 2) + "}\n} // namespace a\n"


# rule: (path, text) pairs, each of which breaks the rule and no more than once.
PLANTED = {
    "includes": [("support/Bad.cpp", '#include "compiler/spec/Spec.h"\n'),
                 ("compiler/spec/Bad.cpp", '#include "mlir/IR/Builders.h"\n'),
                 ("compiler/driver/Bad.h", '// Bad one.\n#include "llvm/ADT/StringRef.h"\n'),
                 ("compiler/driver/Bad.cpp", '#include "tools/main.h"\n'),
                 ("nowhere/Bad.cpp", "#include <vector>\n")],
    "lengths": [("support/Long.cpp", "\n" * 501)],
    "screens": [("support/Long.cpp", function_of(61)),
                ("tools/long.py", "def f():\n" + "    pass\n" * 60)],
    "words": [("support/StringUtils.h", "// Strings.\n"), ("support/common/a.h", "// All.\n"),
              ("support/a.cpp", "// TO" "DO: more\n")],
    "environment": [("compiler/spec/Bad.cpp", "char *x = std::getenv(name);\n")],
    "openings": [("support/Bad.h", "#pragma once\n"), ("templates/bad.cuh", "// bad\n#pragma once\n")],
    "links": [("docs/a.md", "[x](b.md)\n"), ("docs/a.md", "[x](architecture.md#nowhere)\n"),
              ("support/a.cpp", "// see docs/absent.md\n")],
    "commands": [(".ci/run", "exec ctest\n"), ("README.md", "```sh\n./scripts/test\n./scripts/absent\n```\n")],
}


class Rules(unittest.TestCase):
    def test_clean_tree_passes_every_rule(self):
        for name, rule in RULES.items():
            self.assertEqual(rule(SourceTree(CLEAN)), [], name)

    def test_what_is_planted_is_found(self):
        for name, files in PLANTED.items():
            for path, text in files:
                found = RULES[name](SourceTree({**CLEAN, path: text}))
                self.assertEqual(len(found), 1, f"{name}, {path}: {found}")

    def test_two_readers_of_what_one_may_read(self):
        both = {"runtime/jit/A.cpp": "getenv(x);\n", "runtime/jit/B.cpp": "getenv(x);\n"}
        self.assertEqual(len(RULES["environment"](SourceTree({**CLEAN, **both}))), 2)
        both = {"db/A.cpp": "#include <sqlite3.h>\n", "db/B.cpp": "#include <sqlite3.h>\n"}
        self.assertEqual(len(RULES["wrapped"](SourceTree({**CLEAN, **both}))), 1)

    def test_every_rule_is_planted(self):
        self.assertEqual(set(PLANTED) | {"wrapped"}, set(RULES))


class Functions(unittest.TestCase):
    def names(self, text):
        return [name for name, _, _ in functions(text)]

    def test_finds_functions_and_nothing_else(self):
        text = """
namespace x {
struct S : B<int(int)> { // a { in a comment
  S(int a) : a(a) {}
  bool operator==(const S &) const { return "}" == b && '{' != c; }
  int a = 1'000, b[2] = {f(1), 2};
};
template <typename T = int> T g(T t = {}) { return [&] { return t; }(); }
enum class E { A, B };
static const std::vector<int> kTable = {f(1), {2}};
#define OPEN {
} // namespace x
"""
        self.assertEqual(self.names(text), ["S", "operator==", "g"])

    def test_counts_from_signature_to_brace(self):
        self.assertEqual(functions("\n\nint f(int a,\n      int b) {\n  if (a) {\n  }\n}\n"), [("f", 3, 5)])


if __name__ == "__main__":
    unittest.main()
