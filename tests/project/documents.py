"""documents.py JVPGEN ROOT: blocks of the documents that begin with `$ jvpgen ...` show what that command prints.

With --write as a third argument the blocks are replaced by what the commands print.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

BLOCK = re.compile(r"^```\n\$ (jvpgen [^\n]*)\n(.*?)^```$", re.S | re.M)


def printed(program, root, command):
    call = [os.path.abspath(program), *shlex.split(command)[1:]]
    return subprocess.run(call, cwd=root, check=True, capture_output=True, text=True).stdout


def renewed(text, program, root):
    return BLOCK.sub(lambda m: f"```\n$ {m.group(1)}\n{printed(program, root, m.group(1))}```", text)


if __name__ == "__main__":
    program, root = sys.argv[1], pathlib.Path(sys.argv[2])
    blocks, stale = 0, []
    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = path.read_text()
        blocks += len(BLOCK.findall(text))
        if (new := renewed(text, program, root)) != text:
            stale.append(str(path.relative_to(root)))
            if sys.argv[3:] == ["--write"]:
                path.write_text(new)
    print(f"{blocks} blocks; differ from what the program prints: {stale}")
    sys.exit(0 if blocks and not stale else 1)
