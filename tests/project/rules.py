"""The rules of the house: each takes a SourceTree and returns what breaks it, one line a finding, path first."""

import ast
import posixpath
import re

from cpp_text import functions, without_opaque

MOST_LINES_OF_A_FILE = 500
MOST_LINES_OF_A_FUNCTION = 60
ARCHITECTURE = "docs/architecture.md"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def table_after(text, heading):
    """Rows of the first table under a heading, cells stripped, without the two lines of its head."""
    section = text.split(f"\n## {heading}\n", 1)[-1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def include_table(tree):
    """{folder: (folders it may include, whether its headers and its sources may include MLIR)} from the document."""
    quoted = lambda cell: re.findall(r"`([^`]+)`", cell)
    return {quoted(folder)[0]: (quoted(allowed), "anything" in allowed, mlir)
            for folder, allowed, mlir in table_after(tree.text(ARCHITECTURE), "Who may include whom")}


def folder_of(path, folders):
    """The longest folder of the table that holds the path."""
    holding = [f for f in folders if path.startswith(f + "/")]
    return max(holding, key=len, default=None)


def includes(tree):
    """Every #include is allowed by the table of docs/architecture.md."""
    table, found = include_table(tree), []
    for path in tree.code():
        text = tree.text(path)
        owner = folder_of(path, table)
        for match in INCLUDE.finditer(text):
            place, name = f"{path}:{line_of(text, match.start())}", match.group(2)
            if owner is None:
                found.append(f"{place}: {ARCHITECTURE} has no row for this folder")
                break
            allowed, anything, mlir = table[owner]
            if name.startswith(("mlir/", "llvm/", "mlir-c/", "llvm-c/")):
                if mlir == "no" or (mlir == "sources" and path.endswith(".h")):
                    found.append(f"{place}: MLIR's headers are not for {owner} ({mlir})")
                continue
            beside = posixpath.join(posixpath.dirname(path), name)
            target = folder_of(name if tree.exists(name) else beside if tree.exists(beside) else name, table)
            if match.group(1) == '"' and target and target != owner and not anything and target not in allowed:
                found.append(f"{place}: {owner} may not include {target}")
    return found


def lengths(tree):
    """Files stay under 500 lines."""
    suffixes = (".h", ".cpp", ".cuh", ".cu", ".td", ".py", ".cmake", "CMakeLists.txt", ".md")
    return [f"{path}: {count} lines; the most is {MOST_LINES_OF_A_FILE}"
            for path in tree.code(suffixes)
            if not path.startswith("tests/golden/") and (count := len(tree.text(path).splitlines())) > MOST_LINES_OF_A_FILE]


def screens(tree):
    """A function fits one screen."""
    found = []
    for path in tree.paths:
        if path.endswith((".h", ".cpp", ".cuh")):
            spans = functions(tree.text(path))
        elif path.endswith(".py"):
            spans = [(node.name, node.lineno, node.end_lineno - node.lineno + 1)
                     for node in ast.walk(ast.parse(tree.text(path)))
                     if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        else:
            continue
        found += [f"{path}:{line}: {name} has {count} lines; the most is {MOST_LINES_OF_A_FUNCTION}"
                  for name, line, count in spans if count > MOST_LINES_OF_A_FUNCTION]
    return found


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|(?i:stub|placeholder|not implemented|for now))\b")
VAGUE = re.compile(r"(^|[_\W])(utils?|common|helpers?|misc|manager)([_\W]|$)|(Utils?|Common|Helpers?|Misc|Manager)\.\w+$")


def words(tree):
    """No marks of unfinished work, no names that say nothing."""
    found = [f"{path}: the name says nothing of what is inside" for path in tree.paths if VAGUE.search(path)]
    for path in tree.paths:
        if path.startswith("tests/project/") or path == "LICENSE":
            continue
        text = tree.text(path)
        found += [f"{path}:{line_of(text, m.start())}: '{m.group()}'" for m in UNFINISHED.finditer(text)]
    return found


def environment(tree):
    """Environment variables are read in tools, python and one file of the runtime; tests and scripts may."""
    found, runtime = [], []
    for path in tree.code(CODE_AND_PYTHON):
        if path.startswith(("tools/", "python/", "tests/", "scripts/", "bench/")):
            continue
        text = without_opaque(tree.text(path)) if not path.endswith(".py") else tree.text(path)
        if re.search(r"\bgetenv\b|\bos\.environ\b", text):
            (runtime if path.startswith("runtime/") else found).append(path)
    found += runtime if len(runtime) > 1 else []
    return [f"{path}: reads the environment; only tools, python and one file of the runtime may" for path in found]


CODE_AND_PYTHON = (".h", ".cpp", ".cuh", ".py")
WRAPPED = {"sqlite3.h": "SQLite", "toml++/": "toml++", "nvrtc.h": "NVRTC"}


def wrapped(tree):
    """Libraries that one unit wraps: no other file includes them."""
    found = []
    for header, library in WRAPPED.items():
        users = [path for path in tree.code() if not path.startswith("tests/") and
                 any(name == header or (header.endswith("/") and name.startswith(header))
                     for _, name in INCLUDE.findall(tree.text(path)))]
        if len(users) > 1:
            found.append(f"{', '.join(users)}: {library} ({header}) is for one unit")
    return found


def openings(tree):
    """Every header opens with a comment: one sentence on what it is for."""
    found = []
    for path in tree.code((".h", ".cuh", ".td")):
        opening = re.match(r"(?://[^\n]*\n)+", tree.text(path))
        sentence = re.sub(r"\n?// ?", " ", opening.group()).strip() if opening else ""
        if len(sentence.split()) < 3 or not re.search(r"[.:](\s|$)", sentence):
            found.append(f"{path}:1: no opening sentence on what this file is for")
    return found


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links(tree):
    """Links of the documents lead somewhere, and so do the documents that code comments name."""
    found = []
    for path in tree.code((".md",)):
        text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m.group()), tree.text(path), flags=re.S | re.M)
        for match in re.finditer(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text):
            file, _, part = match.group(1).partition("#")
            if re.match(r"\w+:", file):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
            place = f"{path}:{line_of(text, match.start())}"
            if not tree.exists(target):
                found.append(f"{place}: {match.group(1)} does not exist")
            elif part and part not in [anchor(h) for h in re.findall(r"^#+ (.*)$", tree.text(target), re.M)]:
                found.append(f"{place}: {target} has no heading '{part}'")
    for path in tree.paths:
        if path.startswith("tests/project/"):
            continue
        for match in re.finditer(r"\bdocs/[\w/\-]+\.md\b", tree.text(path)):
            if not tree.exists(match.group()) and not path.endswith(".md"):
                found.append(f"{path}:{line_of(tree.text(path), match.start())}: {match.group()} does not exist")
    return found


def commands(tree):
    """README's commands exist, and its test command is the one that .ci/run calls."""
    blocks = "\n".join(re.findall(r"^```(?:sh|bash)?\n(.*?)^```", tree.text("README.md"), re.S | re.M))
    scripts = re.findall(r"(?:\./)?(scripts/[\w\-]+)", tree.text("README.md"))
    found = [f"README.md: {script} does not exist" for script in scripts if not tree.exists(script)]
    called = re.findall(r"^exec (\S+)", tree.text(".ci/run"), re.M)
    if len(called) != 1 or not re.search(rf"^{re.escape(called[0])}$", blocks, re.M):
        found.append(f".ci/run: calls {called}, which is not a line of README.md's commands")
    return found


RULES = {rule.__name__: rule
         for rule in (includes, lengths, screens, words, environment, wrapped, openings, links, commands)}
