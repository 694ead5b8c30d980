"""readme.py JVPGEN FILE: every TOML block of a document is a specification that `jvpgen check` accepts."""

import pathlib
import re
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    program, document = sys.argv[1:]
    blocks = re.findall(r"^```toml\n(.*?)^```", pathlib.Path(document).read_text(), re.S | re.M)
    for block in blocks:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(block)
            file.flush()
            if subprocess.run([program, "check", file.name]).returncode != 0:
                sys.exit(f"{document}: this specification is refused:\n{block}")
    print(f"{len(blocks)} specifications accepted")
    sys.exit(0 if blocks else 1)
