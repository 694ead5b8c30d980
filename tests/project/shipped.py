"""shipped.py PROGRAM: the shipped program needs nothing but glibc, starts in under 50 ms, and works wherever it is copied."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

GLIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
MOST_SECONDS = 0.05
SPECIFICATION = 'score = "30 * tanh(z / 30)"\n'


def needed(program):
    dynamic = subprocess.run(["llvm-readelf-22", "-d", program], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))


def seconds_to_start(program):
    begin = time.monotonic()
    subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def copied(program, folder):
    folder.mkdir(parents=True)
    return pathlib.Path(shutil.copy(program, folder))


def works(program, folder):
    """Alone in a folder, without an environment, the copy derives and computes."""
    specification = folder / "softcap.toml"
    specification.write_text(SPECIFICATION)
    call = [program, "verify", specification, "--device", "cpu", "--shapes", "1x1x9x9"]
    return subprocess.run(call, env={}, cwd="/", stdout=subprocess.DEVNULL).returncode == 0


def nvrtc_beside(program):
    """Where a program at build/PRESET/bin finds NVRTC if nothing in the environment names it."""
    kept = {name: value for name, value in os.environ.items() if name != "JVPGEN_NVRTC"}
    return json.loads(subprocess.run([program, "doctor", "--json"], check=True, env=kept, capture_output=True).stdout)["nvrtc"]


if __name__ == "__main__":
    program, nvrtc = sys.argv[1], pathlib.Path(sys.argv[2])
    foreign = needed(program) - GLIBC
    # The other tests keep the processors busy: the quickest of several starts is the program's own time.
    start = min(seconds_to_start(program) for _ in range(7))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        alone = works(copied(program, root / "alone"), root / "alone")
        (root / "build").mkdir()
        shutil.copytree(nvrtc, root / "build" / "nvrtc")
        found = nvrtc_beside(copied(program, root / "build" / "release" / "bin"))
        beside = found["library"].startswith(str(root)) and found["problem"] == ""
    print(f"needs besides glibc: {sorted(foreign)}; starts in {1000 * start:.1f} ms, at most {1000 * MOST_SECONDS:.0f}; "
          f"works alone: {alone}; finds NVRTC in its build: {beside}")
    sys.exit(0 if not foreign and start <= MOST_SECONDS and alone and beside else 1)
