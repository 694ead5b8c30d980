"""shipped.py PROGRAM: the shipped program needs nothing but glibc at run time, and starts in under 50 ms."""

import re
import subprocess
import sys
import time

GLIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
MOST_SECONDS = 0.05


def needed(program):
    dynamic = subprocess.run(["llvm-readelf-22", "-d", program], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))


def seconds_to_start(program):
    begin = time.monotonic()
    subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


if __name__ == "__main__":
    program = sys.argv[1]
    foreign = needed(program) - GLIBC
    # The other tests keep the processors busy: the quickest of several starts is the program's own time.
    start = min(seconds_to_start(program) for _ in range(7))
    print(f"needs besides glibc: {sorted(foreign)}; starts in {1000 * start:.1f} ms, at most {1000 * MOST_SECONDS:.0f}")
    sys.exit(1 if foreign or start > MOST_SECONDS else 0)
