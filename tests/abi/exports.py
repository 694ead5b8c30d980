"""exports.py LIBRARY STATIC: libjvpgen_compiler.so shows nothing of what is inside, and has the runtime from outside."""

import re
import subprocess
import sys

if __name__ == "__main__":
    library, is_static = sys.argv[1], sys.argv[2] == "ON"
    run = lambda *command: subprocess.run([*command, library], check=True, capture_output=True, text=True).stdout
    shown = {line.split()[-1] for line in run("llvm-nm-22", "-D", "--defined-only").splitlines() if line.split()[-2] != "A"}
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("llvm-readelf-22", "-d")))
    inside = not is_static or not any("LLVM" in name or "MLIR" in name for name in needed)
    print(f"shows {sorted(shown)}; needs {sorted(needed)}")
    sys.exit(0 if shown == {"jvpgen_compile@@JVPGEN_COMPILER_0"} and "libjvpgen_runtime.so.0" in needed and inside else 1)
