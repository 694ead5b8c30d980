"""library.py LIBRARY STATIC: libjvpgen_runtime.so needs the system only, is small, and was not built against CUDA or LLVM."""

import pathlib
import re
import subprocess
import sys
import tempfile

MOST_BYTES = 2_000_000  # stripped
SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
CXX = {"libstdc++.so.6", "libgcc_s.so.1"}  # static where jvpgen is shipped

if __name__ == "__main__":
    library, is_static = sys.argv[1], sys.argv[2] == "ON"
    dynamic = subprocess.run(["llvm-readelf-22", "-d", library], check=True, capture_output=True, text=True).stdout
    foreign = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)) - SYSTEM - (set() if is_static else CXX)
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "stripped.so"
        subprocess.run(["llvm-strip-22", "-o", stripped, library], check=True)
        size = stripped.stat().st_size
    print(f"{size} bytes stripped, at most {MOST_BYTES}; needs besides the system: {sorted(foreign)}")
    sys.exit(0 if size < MOST_BYTES and not foreign else 1)
