"""Times programs beside cuBLAS and writes one result file: what was run, on what, and the records of `jvpgen bench`.

usage: measure.py JVPGEN LIST [--commit HASH] [--output FILE] [--rounds 10] [--burst-ms 400] [--only TEXT,...]

LIST names one of the lists below. Each line of the table that is printed is one record; a specification is verified at
a small ragged shape before it is timed, and one that is wrong is not timed. Programs and cuBLAS take turns with bursts
of 400 ms: at a GPU's power limit shorter ones depend on what ran before (docs/decisions/bursts.md).
"""

import argparse, datetime, json, os, subprocess, sys, tempfile

import provenance

dense = 'dtype = "bf16"\n'


def head(qk, v=None):
    return dense + f"head_dim_qk = {qk}\n" + (f"head_dim_v = {v}\n" if v else "")


causal = 'causal = "bottom_right"\n'
forward = "tangent_forward"
every = "forward,tangent_forward,backward,tangent_backward"
long64, long128 = "2x32x8192x8192", "2x16x8192x8192"

# name: (specification, programs, shapes, options)
portable = {
    "plain D=64": (head(64), every, [long64], ["--portable"]),
    "plain D=128": (head(128), every, [long128], ["--portable"]),
}
rows = {
    "plain D=128": (head(128), forward, [long128, "1x16x16384x16384", "8x16x2048x2048"], []),
    "causal D=128": (head(128) + causal, forward, [long128, "1x16x16384x16384"], []),
    "plain D=64": (head(64), forward, [long64, "1x32x16384x16384"], []),
    "causal D=64": (head(64) + causal, forward, [long64], []),
    "plain D=96": (head(96), forward, [long128], []),
    "plain D=80": (head(80), forward, [long64], []),
    "plain D=72": (head(72), forward, [long64], []),
    "plain D=256": (head(256), forward, [long128], []),
    "plain 192/128": (head(192, 128), forward, [long128], []),
    "softcap D=128": (head(128) + 'score = "30 * tanh(z / 30)"\n', forward, [long128], ["--q-scale", "6"]),
    "ALiBi D=128": (head(128) + 'head_vectors = ["slope"]\nscore = "z - slope * abs(q_index - kv_index)"\n', forward, [long128], ["--geometric-head-vectors"]),
    "bias D=128": (head(128) + 'bias = { dims = ["heads", "q", "kv"] }\ntangents = ["q", "k", "v", "bias"]\n', forward, [long128], []),
    "tangents of q D=128": (head(128) + 'tangents = ["q"]\n', forward, ["4x16x4096x4096", "4x16x4096x512"], []),
    "block mask D=128": (head(128) + 'mask_tensor = { dims = ["q", "kv"] }\n', forward, [long128], ["--kept-tiles", "0.25", "--by-launch"]),
    "dense beside it": (head(128), forward, [long128], []),
    "six products beside them": (head(128), forward, ["4x16x4096x4096", "4x16x4096x512"], []),
    "one head D=128": (head(128), forward, ["1x1x8192x8192"], []),
    "ten heads D=128": (head(128), forward, ["1x10x2048x2048"], []),
    "small D=64": (head(64), forward, ["2x12x512x512"], ["--graph-slope"]),
}
lists = {"portable": portable, "rows": rows}

# name: (work, work that it is compared with); of each shape and program that both have, how many times faster it is
comparisons = {
    "block mask": ("block mask D=128", "dense beside it"),
    "tangents of q": ("tangents of q D=128", "six products beside them"),
}
# name: (work with few blocks, work that fills the GPU); which part of the latter's rate the former reaches
rates = {
    "one head": ("one head D=128", "dense beside it"),
    "ten heads": ("ten heads D=128", "dense beside it"),
}
# Options of `bench` that say how to measure; the others say what, and `verify` takes them too.
measuring = {"--by-launch", "--graph-slope"}


def measure(jvpgen, name, work, rounds, burst_ms, folder):
    text, programs, shapes, options = work
    path = os.path.join(folder, "work.toml")
    with open(path, "w") as file:
        file.write('name = "work"\n' + text)
    device = ["--device", "cuda", "--programs", programs]
    device += [o for o in options if o not in measuring]
    verified = subprocess.run([jvpgen, "verify", path, *device, "--shapes", "2x4x130x200"], capture_output=True, text=True)
    if verified.returncode:
        print(f"{name}: not timed: {verified.stderr.strip()[-200:]}")
        return []
    command = [jvpgen, "bench", path, *device, "--shapes", ",".join(shapes), "--ceiling", "--burst-ms", str(burst_ms), "--rounds", str(rounds), "--json"]
    command += [o for o in options if o in measuring]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        print(f"{name}: {ran.stderr.strip()[-200:]}")
        return []
    records = [{"specification": name, **record} for record in json.loads(ran.stdout)]
    for r in records:
        print(f"{name:20} {r['program']:17} {r['shape']:17} {r['skeleton']:8} {r['schedule']:52} {r['median_ms']:8.3f} ms {r['tflops']:5.0f} {r['ratio']:.3f}", flush=True)
        for launch in r.get("launches", []):
            print(f"    {launch['kernel']:45} {launch['median_ms']:8.3f} ms")
        if "slope_us" in r:
            print(f"    {r['slope_us']:.2f} us each in a graph")
    return records


def compared(records):
    """How many times faster one work is than another, and the parts of full rates that are reached."""
    out = []
    best = {(r["specification"], r["program"]): r["tflops"] for r in reversed(records)}  # of its first shape
    for name, (few, full) in rates.items():
        for (work, program), tflops in best.items():
            if work == few and (full, program) in best:
                out.append({"comparison": name, "program": program, "part_of_full_rate": tflops / best[full, program]})
    times = {(r["specification"], r["program"], r["shape"]): r["median_ms"] for r in records}
    for name, (fast, slow) in comparisons.items():
        for (work, program, shape), ms in times.items():
            if work == fast and (slow, program, shape) in times:
                out.append({"comparison": name, "program": program, "shape": shape, "faster": times[slow, program, shape] / ms})
    return out


def main():
    parser = argparse.ArgumentParser(description="time programs beside cuBLAS")
    parser.add_argument("jvpgen")
    parser.add_argument("list", choices=lists)
    parser.add_argument("--commit", default=provenance.commit())
    parser.add_argument("--output")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--burst-ms", type=float, default=400)
    parser.add_argument("--only", default="", help="works whose name holds one of these, comma separated")
    options = parser.parse_args()
    records = []
    gpu, driver = provenance.gpu_and_driver()
    result = {
        "command": f"bench/measure.py jvpgen {options.list} --rounds {options.rounds}",
        "commit": options.commit,
        "gpu": gpu,
        "driver": driver,
        "date": datetime.date.today().isoformat(),
        "turns": f"bursts of {options.burst_ms:g} ms",
        "records": records,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, work in lists[options.list].items():
            if any(part in name for part in options.only.split(",")):
                records += measure(options.jvpgen, name, work, options.rounds, options.burst_ms, folder)
                result["comparisons"] = compared(records)
            if options.output:  # after each work: a run that is cut keeps what it has
                with open(options.output, "w") as file:
                    json.dump(result, file, indent=1)
                    file.write("\n")
    for c in compared(records):
        words = f"{c['faster']:.2f} times faster at {c['shape']}" if "faster" in c else f"{c['part_of_full_rate']:.2f} of the full rate"
        print(f"{c['comparison']}, {c['program']}: {words}")
    return 0 if records else 1


if __name__ == "__main__":
    sys.exit(main())
