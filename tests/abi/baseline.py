"""baseline.py LIBRARY INCLUDE BASELINE [--renew]: the C interface as it was published, beside the one that is built.

Compares functions, constants and layouts of structs that the header declares, and the symbols that the library exports.
"""

import json
import pathlib
import re
import subprocess
import sys

HEADERS = '#include "jvpgen/jvpgen.h"\n#include "jvpgen/jvpgen_dlpack.h"\n'


def clang(include, *options):
    return subprocess.run(["clang-22", "-x", "c", "-fsyntax-only", "-I", include, "-I", "third_party/dlpack", *options, "-"],
                          input=HEADERS, check=True, capture_output=True, text=True).stdout


def declarations(include):
    """One line for each function and constant."""
    for node in json.loads(clang(include, "-Xclang", "-ast-dump=json"))["inner"]:
        name = node.get("name", "")
        if node["kind"] == "FunctionDecl" and name.startswith("jvpgen_"):
            yield f"function {name}: {node['type']['qualType']}"
        if node["kind"] == "TypedefDecl" and name.startswith("jvpgen_"):
            yield f"type {name}: {node['type']['qualType']}"
        if node["kind"] == "EnumDecl":
            value = -1
            for constant in node.get("inner", []):
                if not constant.get("name", "").startswith("JVPGEN_"):
                    continue
                stated = re.search(r'"value": "(-?\d+)"', json.dumps(constant.get("inner", [])))
                value = int(stated.group(1)) if stated else value + 1
                yield f"constant {constant['name']} = {value}"


def layouts(include):
    """One line for each field: where it lies."""
    dump = clang(include, "-Xclang", "-fdump-record-layouts-complete")
    for record in dump.split("*** Dumping AST Record Layout")[1:]:
        owner = re.search(r"\| struct (\w+)", record)
        if not owner or not owner.group(1).startswith("jvpgen_"):
            continue
        for offset, field in re.findall(r"^\s*(\d+) \|   (.*\S)", record, re.M):
            yield f"field {owner.group(1)} +{offset}: {field}"
        size = re.search(r"sizeof=(\d+)", record).group(1)
        yield f"size {owner.group(1)}: {size}"


def symbols(library):
    """Every symbol that the library exports, with its version."""
    listing = subprocess.run(["llvm-nm-22", "-D", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    for line in listing.splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":  # the version itself
            yield f"symbol {name}"


def properties(library):
    dynamic = subprocess.run(["llvm-readelf-22", "-d", library], check=True, capture_output=True, text=True).stdout
    soname = re.search(r"soname: \[(.*)\]", dynamic).group(1)
    yield f"soname {soname}"
    yield f"stays loaded: {'NODELETE' in dynamic}"


if __name__ == "__main__":
    library, include, stored = sys.argv[1:4]
    now = sorted({*declarations(include), *layouts(include), *symbols(library), *properties(library)})
    baseline = pathlib.Path(stored)
    if "--renew" in sys.argv:
        baseline.write_text("\n".join(now) + "\n")
    before = baseline.read_text().split("\n")[:-1]
    gone, added = [x for x in before if x not in now], [x for x in now if x not in before]
    for line in gone:
        print("gone or changed:", line)
    for line in added:
        print("new:", line)
    if gone:
        print("applications that were built before would break: put it back, or raise SOVERSION")
    elif added:
        print("renew the baseline with baseline.py ... --renew")
    else:
        print(f"{len(now)} facts of the interface are as published")
    sys.exit(1 if gone or added else 0)
