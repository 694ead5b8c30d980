"""linking.py BUILD_DIR: no program links MLIR both from its archives and from its shared library (two copies of its globals)."""

import pathlib
import re
import sys


def programs(ninja):
    """(output, libraries) of each link of an executable in the text of build.ninja."""
    for match in re.finditer(r"^build (\S+)[^\n]*: CXX_EXECUTABLE_LINKER\S*[^\n]*\n((?:  [^\n]*\n)*)", ninja, re.M):
        libraries = re.search(r"^  LINK_LIBRARIES = (.*)$", match.group(2), re.M)
        yield match.group(1), libraries.group(1) if libraries else ""


if __name__ == "__main__":
    linked = list(programs((pathlib.Path(sys.argv[1]) / "build.ninja").read_text()))
    both = [name for name, libraries in linked if re.search(r"libMLIR\.so", libraries) and "libMLIRIR.a" in libraries]
    print(f"{len(linked)} programs; both ways: {both}")
    sys.exit(1 if both or not linked else 0)
