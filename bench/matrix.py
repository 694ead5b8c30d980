"""Judges a pairwise cover of specifications and shapes by `jvpgen verify`, and stores every record.

usage: matrix.py PROGRAM [--hopper] [--device cuda|cpu|emulator] [--cases 220] [--jobs 8] [--first 0] [--seconds N]
                 [--output FILE] [--list]

Each pair of values of any two factors below stands together in some case; beyond that, cases are drawn until there are
as many as asked. Exit status 1 if an output is wrong or a command failed. PROGRAM is jvpgen; for the emulator, `emulate` of the tests.

--hopper: forward and tangent forward of what Hopper's skeleton takes, 340 cases. Counted are those of which every
record says that skeleton; fewer than 300 are a failure if all cases ran.
"""

import argparse, datetime, itertools, json, os, random, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor, as_completed

factors = {
    "dtype": ["bf16", "f16", "f32", "tf32"],
    "head_dims": [(64, 64), (128, 128), (8, 8), (40, 40), (72, 72), (80, 80), (96, 96), (64, 128), (192, 128), (256, 256)],
    "mask": ["none", "top_left", "bottom_right", "left_window", "window", "documents", "tensor", "tensor_of_keys", "sinks"],
    "score": ["plain", "softcap", "alibi", "temperature", "bias", "bias_in_softcap", "pieces"],
    "bias_dims": [("heads", "q", "kv"), ("batch", "heads", "q", "kv"), ("q", "kv"), ("batch", "kv"), ("heads", "q")],
    "tangents": ["qkv", "q", "k", "v", "qk", "qv", "kv"],
    "cotangents": ["all", "o", "to", "lse_mu"],
    "group": [1, 2, 4],
    "layout": ["dense", "padded", "packed"],
    "lengths": [(1, 1), (63, 65), (65, 63), (128, 128), (1, 300), (257, 1), (200, 1000), (1000, 200), (0, 17), (33, 0)],
    "schedule": [0, 1, 2],
}
hopper = {
    "dtype": ["bf16", "f16"],
    "head_dims": [(128, 128), (64, 64), (8, 8), (24, 24), (72, 72), (80, 80), (96, 96), (112, 40), (64, 128), (128, 64), (136, 136), (192, 128), (256, 256)],
    "mask": ["none", "top_left", "bottom_right", "left_window", "window", "documents", "tensor", "tensor_of_keys", "sinks", "tiles"],
    "score": ["plain", "softcap", "alibi", "temperature", "bias", "bias_in_softcap", "pieces"],
    "bias_dims": [("heads", "q", "kv"), ("batch", "heads", "q", "kv"), ("q", "kv"), ("batch", "kv"), ("heads", "q")],
    "bias_dtype": ["f32", "own"],
    "bias_tangent": [True, False],
    "tangents": ["qkv", "q", "k", "v", "qk", "qv", "kv"],
    "group": [1, 2, 4],
    "layout": ["dense", "padded", "packed"],
    "lengths": [(1, 1), (63, 65), (128, 128), (129, 257), (1, 300), (257, 1), (200, 1000), (700, 390), (256, 1024), (0, 17), (33, 0)],
    "schedule": [0, 1, 2, 5],
    "splits": [0, 1, 2, 3],
    "tangent_scale": [1, 1e3, 1e-3],
}
FEWEST_ON_HOPPER = 300


def lines_of(case):
    """The specification of a case."""
    dtype = "f32" if case["dtype"] == "tf32" else case["dtype"]
    qk, v = case["head_dims"]
    out = ['name = "case"', f'dtype = "{dtype}"', f"head_dim_qk = {qk}", f"head_dim_v = {v}", f"group = {case['group']}"]
    out.append(f"layout = \"{case['layout']}\"")
    if case["dtype"] == "tf32":
        out.append('precision = "tf32"')
    out += {
        "none": [],
        "top_left": ['causal = "top_left"'],
        "bottom_right": ['causal = "bottom_right"'],
        "left_window": ["window = [60, 0]"],
        "window": ['causal = "bottom_right"', "window = [33, 20]"],
        "documents": ['query_vectors = ["q_doc"]', 'kv_vectors = ["kv_doc"]', 'mask = "q_doc == kv_doc"'],
        "tensor": ['mask_tensor = { dims = ["batch", "q", "kv"] }'],
        "tiles": ['mask_tensor = { dims = ["q", "kv"] }'],
        "tensor_of_keys": ['mask_tensor = { dims = ["batch", "kv"] }'],
        "sinks": ['int_scalars = ["sinks"]', 'mask = "kv_index < sinks || kv_index > q_index - 40 && head != 1"'],
    }[case["mask"]]
    tangents = list(case["tangents"])
    has_bias = case["score"] in ("bias", "bias_in_softcap")
    if has_bias:
        dims = [d for d in case["bias_dims"]]
        bias_dtype = dtype if case.get("bias_dtype") == "own" else "f32"
        out.append(f"bias = {{ dims = {json.dumps(dims)}, dtype = \"{bias_dtype}\" }}")
        if case.get("bias_tangent", True):
            tangents.append("bias")
    out += {
        "plain": [],
        "bias": [],
        "softcap": ['score = "30 * tanh(z / 30)"'],
        "alibi": ['head_vectors = ["slope"]', 'score = "z - slope * abs(q_index - kv_index) / 64"'],
        "temperature": ['scalars = ["temperature"]', 'score = "z * temperature"'],
        "bias_in_softcap": ['score = "20 * tanh((z + bias) / 20)"'],
        "pieces": ['score = "where(z > 0, z * exp(-z * z / 50), min(z, kv_index / 100))"'],
    }[case["score"]]
    tangents += {"alibi": ["slope"], "temperature": ["temperature"]}.get(case["score"], [])
    out.append(f"tangents = {json.dumps(tangents)}")
    cotangents = {"all": None, "o": ["o"], "to": ["to"], "lse_mu": ["lse", "mu"]}[case.get("cotangents", "all")]
    if cotangents:
        out.append(f"cotangents = {json.dumps(cotangents)}")
    return "\n".join(out) + "\n"


def shape_of(case):
    heads = 4 if case["group"] == 4 else 2
    q, kv = case["lengths"]
    return f"2x{heads}x{q}x{kv}"


def pairs_of(case):
    return {(a, case[a], b, case[b]) for a, b in itertools.combinations(case, 2)}


def cover(factors, count, seed=1):
    """Cases that hold every pair of values, each chosen to hold as many new pairs as a few draws find."""
    draw = random.Random(seed)
    names = list(factors)
    missing = {(a, x, b, y) for a, b in itertools.combinations(names, 2) for x in factors[a] for y in factors[b]}
    cases = []
    while missing or len(cases) < count:
        wanted = sorted(missing, key=str)
        best, gain = None, -1
        for _ in range(30):
            case = {n: draw.choice(factors[n]) for n in names}
            if wanted:
                a, x, b, y = draw.choice(wanted)
                case[a], case[b] = x, y
            new = missing & pairs_of(case)
            if len(new) > gain:
                best, gain = case, len(new)
        missing -= pairs_of(best)
        cases.append(best)
    return cases


def options_of(case, device):
    """What `verify` is told besides specification and shape."""
    options = []
    if device != "cpu":
        options += ["--schedule-number", str(case["schedule"]), "--splits", str(case.get("splits", 0))]
    if "tangent_scale" in case:  # one of Hopper's
        options += ["--programs", "forward,tangent_forward", "--tangent-scale", str(case["tangent_scale"])]
        options += ["--arch", "sm_90a"] if device == "emulator" else []
    if case["mask"] == "tiles":
        options += ["--kept-tiles", "0.25", "--tile-size", "64"]
    return options


def judge(jvpgen, device, number, case, folder):
    path = os.path.join(folder, f"case{number}.toml")
    with open(path, "w") as file:
        file.write(lines_of(case))
    command = [jvpgen, path] if device == "emulator" else [jvpgen, "verify", path, "--device", device, "--json"]
    command += ["--shapes", shape_of(case), "--seed", str(number + 1), *options_of(case, device)]
    ran = subprocess.run(command, capture_output=True, text=True)
    try:
        records = json.loads(ran.stdout)
    except ValueError:
        records = []
    return ran.returncode, records, ran.stderr.strip()


def figures(record):
    pairs = (("error", "relative_error", "limit"), ("worst row", "worst_row_error", "row_limit"))
    return ", ".join(f"{name} {record[x]:.2e} of {record[y]:.2e}" for name, x, y in pairs if None not in (record[x], record[y]))


def summary(options, stored):
    """The result file: of each output its errors and their limits, each program with its code."""

    def short(record):
        numbers = [record[k] for k in ("relative_error", "limit", "worst_row_error", "row_limit")]
        return [None if x is None else float(f"{x:.3g}") for x in numbers]

    cases = []
    for s in sorted(stored, key=lambda s: s["case"]):
        programs = {}
        for r in s["records"]:
            program = programs.setdefault(r["program"], {"code": f"{r.get('skeleton')}, {r.get('schedule')}", "outputs": {}})
            program["outputs"][r["output"]] = short(r) if r["passed"] else r["complaint"] or short(r)
        cases.append({**{k: v for k, v in s.items() if k not in ("records", "complaint")}, "programs": programs})
    devices = {r["device"] for s in stored for r in s["records"] if "device" in r}
    return {
        "command": f"bench/matrix.py jvpgen{' --hopper' * options.hopper} --device {options.device} --cases {options.cases}",
        "commit": options.commit,
        "device": ", ".join(sorted(devices)),
        "date": datetime.date.today().isoformat(),
        "outputs": "each: relative error, its limit, worst row's error, its limit",
        "cases": cases,
    }


def store(options, stored):
    if not options.output:
        return
    aside = options.output + ".new"
    with open(aside, "w") as file:
        json.dump(summary(options, stored), file, indent=None, separators=(",", ":"))
        file.write("\n")
    os.replace(aside, options.output)


def on_hopper(records):
    """Whether all programs of a case ran on Hopper's skeleton, and were judged."""
    return bool(records) and all(r.get("skeleton") == "hopper" for r in records)


def main():
    parser = argparse.ArgumentParser(description="judge a pairwise cover of specifications and shapes")
    parser.add_argument("jvpgen")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu", "emulator"])
    parser.add_argument("--hopper", action="store_true", help="what Hopper's skeleton takes")
    parser.add_argument("--cases", type=int, help="default: 220, of --hopper 340")
    parser.add_argument("--first", type=int, default=0, help="leave out the cases before")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() // 2)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no case after that")
    parser.add_argument("--output")
    parser.add_argument("--commit", default="", help="of the program, for the result file")
    parser.add_argument("--list", action="store_true", help="print the cases, run nothing")
    options = parser.parse_args()
    options.cases = options.cases or (340 if options.hopper else 220)
    cases = list(enumerate(cover(hopper if options.hopper else factors, options.cases)))[options.first :]
    if options.list:
        for number, case in cases:
            print(number, shape_of(case), case)
        return 0
    stored, wrong, refused, left_out = [], 0, 0, 0
    end = time.monotonic() + options.seconds

    def judge_in_time(number, case):
        return judge(options.jvpgen, options.device, number, case, folder) if time.monotonic() < end else None

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        jobs = {pool.submit(judge_in_time, n, c): (n, c) for n, c in cases}
        for done, job in enumerate(as_completed(jobs), 1):
            number, case = jobs[job]
            if job.result() is None:
                left_out += 1
                continue
            status, records, complaint = job.result()
            stored.append({"case": number, **case, "shape": shape_of(case), "status": status, "complaint": complaint, "records": records})
            refused += status == 2
            if status not in (0, 2):
                wrong += 1
                bad = [r for r in records if not r["passed"]]
                print(f"case {number} {shape_of(case)} {case}: {complaint}", flush=True)
                for r in bad[:4]:
                    print(f"    {r['program']} {r['output']}: {figures(r)} {r['complaint']}")
            elif status == 2:
                print(f"case {number} refused: {complaint[-300:]}")
            if len(stored) % options.jobs == 0:  # a run that is cut keeps what it has
                store(options, stored)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(cases)}", end="", file=sys.stderr)
    outputs = sum(len(s["records"]) for s in stored)
    print(f"{len(stored)} cases, {outputs} outputs: {wrong} cases wrong, {refused} refused" + f", {left_out} left out" * (left_out > 0))
    if options.hopper:
        counted = sum(on_hopper(s["records"]) for s in stored)
        print(f"{counted} cases on Hopper's skeleton")
        wrong += len(stored) >= FEWEST_ON_HOPPER and counted < FEWEST_ON_HOPPER
    store(options, stored)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
