"""How long the programs of a specification take to compile, side by side and with nothing cached; needs no GPU.

usage: compile_time.py JVPGEN SPEC... [--arch sm_90a] [--runs 3] [--wall-limit 3] [--kernel-limit 3.5] [--output FILE]

Each program is compiled by a process of its own, all at once, and its kernels by a thread each. Exit status 1 if the
median wall time of a specification, or the median time of a kernel, is above its limit: seconds, for a machine with a
processor for each kernel.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def programs_of(jvpgen, spec):
    checked = subprocess.run([jvpgen, "check", spec, "--json"], capture_output=True, text=True, check=True)
    return list(json.loads(checked.stdout)["programs"])


def compiled(jvpgen, spec, arch, programs):
    """Wall seconds, and the record of each kernel."""
    with tempfile.TemporaryDirectory() as cache:
        # NVRTC itself keeps what it has compiled, in the driver's cache
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "CUDA_CACHE_PATH": os.path.join(cache, "nv")}
        begin = time.perf_counter()
        running = [
            subprocess.Popen([jvpgen, "compile", spec, "--arch", arch, "--programs", p, "--json"], env=environment,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for p in programs
        ]
        outputs = [process.communicate() for process in running]
        wall = time.perf_counter() - begin
    for process, (_, complaint) in zip(running, outputs):
        if process.returncode:
            raise RuntimeError(complaint.strip())
    return wall, [record for text, _ in outputs for record in json.loads(text)]


def measure(options, spec):
    """The result of one specification: medians over the runs."""
    programs = programs_of(options.jvpgen, spec)
    walls, kernels = [], {}
    for _ in range(options.runs):
        wall, records = compiled(options.jvpgen, spec, options.arch, programs)
        walls.append(wall)
        for r in records:
            if r["source"] != "compiled":
                raise RuntimeError(f"{r['kernel']} was {r['source']}, and nothing should have been cached")
            kernels.setdefault(r["kernel"], {**r, "runs": []})["runs"].append(r["compile_ms"] / 1000)
    rows = [
        {"program": r["program"], "kernel": name, "skeleton": r["skeleton"], "schedule": r["schedule"], "seconds": round(statistics.median(r["runs"]), 3)}
        for name, r in kernels.items()
    ]
    return {"spec": os.path.basename(spec), "programs": programs, "wall_s": round(statistics.median(walls), 3), "kernels": rows}


def main():
    parser = argparse.ArgumentParser(description="time how long a specification's programs take to compile")
    parser.add_argument("jvpgen")
    parser.add_argument("spec", nargs="+")
    parser.add_argument("--arch", default="sm_90a")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--wall-limit", type=float, default=3)
    parser.add_argument("--kernel-limit", type=float, default=3.5)
    parser.add_argument("--output")
    options = parser.parse_args()
    results, late = [], 0
    for spec in options.spec:
        result = measure(options, spec)
        results.append(result)
        slowest = max(result["kernels"], key=lambda k: k["seconds"])
        late += result["wall_s"] > options.wall_limit or slowest["seconds"] > options.kernel_limit
        print(f"{result['spec']}: {len(result['programs'])} programs in {result['wall_s']:.2f} s (limit {options.wall_limit}), "
              f"slowest kernel {slowest['kernel']} in {slowest['seconds']:.2f} s (limit {options.kernel_limit})", flush=True)
        for k in result["kernels"]:
            print(f"    {k['kernel']:45} {k['skeleton']:8} {k['seconds']:6.2f} s")
    if options.output:
        with open(options.output, "w") as file:
            json.dump({"command": f"bench/compile_time.py jvpgen SPEC... --arch {options.arch} --runs {options.runs}", "cores": os.cpu_count(),
                       "date": datetime.date.today().isoformat(), "limits": {"wall_s": options.wall_limit, "kernel_s": options.kernel_limit}, "results": results}, file, indent=1)
            file.write("\n")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
