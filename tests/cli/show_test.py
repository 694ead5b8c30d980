"""jvpgen show: the formulas of plain attention are those on file; LaTeX and MLIR are accepted by those who read them."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from program import SPECS, ProgramTest

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
DOCUMENT = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n%s\n\\end{document}\n"


class Golden(ProgramTest):
    def test_text(self):
        self.assertEqual(self.succeeds("show", SPECS / "plain.toml"), (GOLDEN / "plain.txt").read_text())

    def test_latex(self):
        self.assertEqual(self.succeeds("show", SPECS / "plain.toml", "--format", "latex"), (GOLDEN / "plain.tex").read_text())


def unbalanced(text):
    """What is opened and not closed, or closed and not opened: braces, \\left, environments."""
    pairs = {"}": "{", "\\right": "\\left"}
    stack = []
    for token in re.findall(r"\\(?:begin|end)\{\w+\}|\\left(?![a-z])|\\right(?![a-z])|\\[{}]|[{}]", re.sub(r"%.*", "", text)):
        if token in ("\\{", "\\}"):
            continue
        opening = pairs.get(token, token.replace("end", "begin") if token.startswith("\\end") else None)
        if opening is None:
            stack.append(token)
        elif not stack or stack.pop() != opening:
            return token
    return stack[-1] if stack else None


class Latex(ProgramTest):
    def test_of_every_example_is_well_formed(self):
        self.assertEqual(unbalanced("\\left(\\frac{1}{2\\right)"), "\\right")
        for spec in sorted(SPECS.glob("*.toml")):
            text = self.succeeds("show", spec, "--format", "latex")
            self.assertIsNone(unbalanced(text), spec)
            self.assertEqual(text.count("\\begin{aligned}"), text.count("\n% ") + 1)
            self.assertNotRegex(text, r"nan|inf\b|\(\)|= *\\\\|  &= *$")
            if shutil.which("pdflatex"):
                self.typeset(text)

    def typeset(self, text):
        body = re.sub(r"(?s)(\\begin\{aligned\}.*?\\end\{aligned\})", r"\\[\1\\]", text)
        (self.folder / "page.tex").write_text(DOCUMENT % body)
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"], cwd=self.folder,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


class Mlir(ProgramTest):
    def test_is_read_back(self):
        for name in ["plain", "softcap", "relative_bias"]:
            text = self.succeeds("show", SPECS / f"{name}.toml", "--format", "mlir")
            done = subprocess.run([os.environ["JVPGEN_ATTN_OPT"]], input=text, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.count("attn.program"), 4)


class Names(ProgramTest):
    def test_an_input_keeps_its_name(self):
        text = self.succeeds("show", self.spec('scalars = ["P"]\nscore = "z * P"\n'), "--programs", "backward")
        self.assertIn("  P_ [bnrij]  = masked_exp(scale*P*(q @ k^T) - lse)\n", text)

    def test_each_line_uses_only_what_stands_above_it(self):
        """The listing of every example can be read from its first line to its last."""
        for spec in sorted(SPECS.glob("*.toml")):
            for listing in self.succeeds("show", spec).split("\n\n"):
                lines = [line.split("=", 1) for line in listing.strip().split("\n")[1:]]
                defined = [line[0].split()[0] for line in lines]
                self.assertEqual(len(defined), len(set(defined)), spec)
                for k, (_, right) in enumerate(lines):
                    later = set(re.findall(r"[A-Za-z]\w*", right.replace("^T", ""))) & set(defined[k:])
                    self.assertFalse(later, f"{spec}: {right}")


if __name__ == "__main__":
    unittest.main()
