"""Attention and its tangent beside what else computes them, in one run: time, memory and error against length.

usage: side_by_side.py --jvpgen PROGRAM --runtime LIBRARY [--jvp-flash-attention [FOLDER]] [--peer NAME=FILE]...
                       [--heads 1,24] [--lengths 128,...,32768] [--output JSON]     (two to four minutes)
       side_by_side.py --plot JSON -o SVG          (needs neither a GPU nor PyTorch)
       side_by_side.py --table JSON

B = 1, D = 128, bf16, no mask, random normal inputs. At each point the contenders take turns with bursts of calls; short
calls are replayed from a CUDA graph where they can be captured, so that the host's time is not theirs. Memory is what a
call allocates at most above its inputs, outputs included. Errors are relative, against float64, up to length 1024. What
fails, runs out of memory or of patience (what is compiled and tuned for each new length) is recorded with its reason.
"""

import argparse
import datetime
import json
import re
import signal
import statistics
import sys
import tempfile
import time

import provenance

DIM = 128
PRODUCTS = {"forward": 2, "tangent_forward": 6}


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def reason(error):
    """The first sentence of what went wrong."""
    text = str(error).strip() or type(error).__name__
    return re.split(r"(?<=[.;])\s|\n", text)[0][:200]


# ---- measuring -------------------------------------------------------------------------------------------------------


class Machine:
    """Time and memory of a GPU; of the processor, where memory is not known."""

    def __init__(self, torch, device):
        self.torch, self.device = torch, device

    def synchronize(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def milliseconds(self, work):
        """What the device needs for what `work` queues."""
        if self.device != "cuda":
            begin = time.perf_counter()
            work()
            return 1000 * (time.perf_counter() - begin)
        begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    def peak_bytes(self, work):
        """The most that is allocated during `work` above what was before it."""
        if self.device != "cuda":
            return None
        self.synchronize()
        before = self.torch.cuda.memory_allocated()
        self.torch.cuda.reset_peak_memory_stats()
        work()
        self.synchronize()
        return self.torch.cuda.max_memory_allocated() - before

    def forget(self):
        if self.device == "cuda":
            self.torch.cuda.empty_cache()

    def recorded(self, call, calls):
        """So many calls as a graph; None if they cannot be captured."""
        if self.device != "cuda":
            return None
        graph = self.torch.cuda.CUDAGraph()
        try:
            with self.torch.cuda.graph(graph):
                for _ in range(calls):
                    call()
            graph.replay()
            self.synchronize()
        except Exception:  # whatever a peer's code raises; it is timed by its calls then
            self.synchronize()
            return None
        return graph


class Patience:
    """The seconds that a contender has left for getting ready, over all points."""

    def __init__(self, seconds):
        self.left = seconds

    def __enter__(self):
        if self.left <= 0:
            raise TimeoutError("it had no time left to get ready")
        self.began = time.perf_counter()
        signal.signal(signal.SIGALRM, self.end)
        signal.setitimer(signal.ITIMER_REAL, self.left)

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.left -= time.perf_counter() - self.began

    def end(self, *_):
        raise TimeoutError("it took too long to get ready")


class Turn:
    """A contender at one point: ready to be timed, or the reason why not."""

    def __init__(self, contender, machine, inputs, scale, options):
        self.contender, self.machine, self.times, self.failed = contender, machine, [], None
        self.call = lambda: contender.call(*inputs, scale)
        self.record = {}
        self.attempt(lambda: self.prepare(options.burst_ms))
        machine.forget()

    def attempt(self, work):
        """A peer's failure is a result."""
        try:
            if not self.failed:
                work()
        except Exception as error:
            self.failed = reason(error)

    def prepare(self, burst_ms):
        begin = time.perf_counter()
        with self.contender.patience:
            self.call()
            self.machine.synchronize()
        self.record["first_call_s"] = round(time.perf_counter() - begin, 3)
        self.record["peak_bytes"] = self.machine.peak_bytes(self.call)
        single = min(self.machine.milliseconds(self.call) for _ in range(2))
        self.calls = max(1, min(400, int(burst_ms / max(single, 1e-3))))
        graph = self.machine.recorded(self.call, self.calls) if self.calls > 4 else None
        self.record["timed"] = "graph" if graph else "calls"
        self.burst = graph.replay if graph else self.repeat
        self.estimate_ms = self.machine.milliseconds(self.burst)

    def repeat(self):
        for _ in range(self.calls):
            self.call()

    def measure(self):
        self.times.append(self.machine.milliseconds(self.burst) / self.calls)


def expected(torch, inputs, scale):
    """o and to in float64: to = (P o (tS - r)) v + P tv, r the row sums of P o tS."""
    q, k, v, tq, tk, tv = (x.double() for x in inputs)
    p = torch.softmax(scale * (q @ k.mT), dim=-1)
    ts = scale * (tq @ k.mT + q @ tk.mT)
    weighted = p * (ts - (p * ts).sum(-1, keepdim=True))
    return p @ v, weighted @ v + p @ tv


def errors(torch, turn, truth):
    """Relative errors of a contender's outputs."""
    found = turn.call()
    found = found if isinstance(found, tuple) else (found,)
    out = {}
    for name, x, y in zip(("o", "to"), found, truth):
        out[f"{name}_error"] = float(f"{((x.double() - y).norm() / y.norm()).item():.3g}")
    return out


def point(torch, machine, contenders, heads, length, options):
    """The records of one number of heads and one length."""
    generator = torch.Generator(device=machine.device).manual_seed(length + heads)
    inputs = [torch.randn(1, heads, length, DIM, generator=generator, device=machine.device).to(torch.bfloat16) for _ in range(6)]
    scale = DIM**-0.5
    turns = [Turn(c, machine, inputs, scale, options) for c in contenders]
    for round_number in range(options.rounds):
        for t in turns:  # what takes long has fewer rounds, three at least
            if t.failed is None and (round_number < 3 or round_number * t.estimate_ms < 1000 * options.seconds):
                t.attempt(t.measure)
    truth = expected(torch, inputs, scale) if length <= 1024 else None
    for t in turns:
        if truth:
            t.attempt(lambda: t.record.update(errors(torch, t, truth)))
    records = []
    for t in turns:
        record = {"contender": t.contender.name, "program": t.contender.program, "heads": heads, "length": length, **t.record}
        if t.failed:
            record["failed"] = t.failed
        else:
            ms = statistics.median(t.times)
            flop = PRODUCTS[t.contender.program] * 2 * DIM * heads * length**2
            record |= {"median_ms": ms, "tflops": flop / ms / 1e9, "runs_with": t.contender.ready(1, heads, length)}
        records.append(record)
    return records


def architecture(torch, device):
    """Of the GPU, as `jvpgen emit --arch` wants it."""
    if device != "cuda":
        return "sm_90a"
    major, minor = torch.cuda.get_device_capability()
    return f"sm_{major}{minor}" + ("a" if major >= 9 else "")


def contenders_for(torch, options, folder):
    """Those that could be made, and a reason for each other one."""
    import peers

    arch = architecture(torch, options.device)
    own = {
        f"jvpgen, {program}": lambda program=program: peers.jvpgen(program, options.jvpgen, options.runtime, DIM, arch, folder)
        for program in ("tangent_forward", "forward")
        if options.jvpgen and options.runtime
    }
    makers = {**own, "PyTorch, eager": peers.eager, "PyTorch's forward": lambda: peers.sdpa(options.device)}
    if options.jvp_flash_attention is not None:
        makers["jvp_flash_attention"] = lambda: peers.jvp_flash_attention(options.jvp_flash_attention)
    for given in options.peer:
        name, _, path = given.partition("=")
        makers[name] = lambda name=name, path=path: peers.module_at(name, path)
    made, absent = [], {}
    for name, make in makers.items():
        try:
            made.append(make())
            made[-1].patience = Patience(options.patience)
        except Exception as error:  # a package that is not there, or does not load
            absent[name] = reason(error)
    return made, absent


def show(record):
    name = f"H={record['heads']:<3} S={record['length']:<6} {record['contender']:26}"
    if "failed" in record:
        print(f"{name} failed: {record['failed']}", flush=True)
        return
    memory = "" if record["peak_bytes"] is None else f"{record['peak_bytes'] / 2**20:10.1f} MiB"
    error = ", ".join(f"{k[:-6]} {record[k]:.2e}" for k in ("o_error", "to_error") if k in record)
    print(f"{name} {record['median_ms']:10.4f} ms {record['tflops']:7.1f} TFLOP/s {memory} {record['timed']:5} {error}", flush=True)


def measure(options):
    import torch

    began = time.perf_counter()
    gpu = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    machine = Machine(torch, options.device)
    with tempfile.TemporaryDirectory() as folder:
        contenders, absent = contenders_for(torch, options, folder)
        for name, why in absent.items():
            print(f"{name}: {why}")
        result = {
            "command": "bench/side_by_side.py",
            "commit": options.commit,
            "gpu": gpu,
            "driver": provenance.gpu_and_driver()[1],
            "torch": torch.__version__,
            "date": datetime.date.today().isoformat(),
            "inputs": f"B = 1, D = {DIM}, bf16, no mask, random normal",
            "contenders": {c.name: c.description for c in contenders},
            "absent": absent,
            "records": [],
        }
        output = options.output or f"bench/results/side_by_side_{gpu.split()[-1].lower()}.json"
        for heads in options.heads:
            for length in options.lengths:
                if time.perf_counter() - began > options.budget:
                    print(f"H={heads} S={length}: left out, {options.budget} s are over")
                    continue
                for record in point(torch, machine, contenders, heads, length, options):
                    result["records"].append(record)
                    show(record)
                write(output, json.dumps(result, indent=1) + "\n")  # a run that is cut keeps what it has
    print(f"{output}: {len(result['records'])} records in {time.perf_counter() - began:.0f} s")
    return 0 if result["records"] else 1


# ---- showing ---------------------------------------------------------------------------------------------------------


def table(result):
    """Markdown: a row a length, a column a contender, milliseconds and MiB, for each number of heads."""
    lines = []
    records = {(r["heads"], r["length"], r["contender"]): r for r in result["records"]}
    names = list(dict.fromkeys(r["contender"] for r in result["records"]))
    for heads in dict.fromkeys(r["heads"] for r in result["records"]):
        lines += ["", f"H = {heads}; milliseconds, MiB", "", "| length | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for length in dict.fromkeys(r["length"] for r in result["records"] if r["heads"] == heads):
            cells = []
            for name in names:
                r = records.get((heads, length, name), {"failed": "left out"})
                out_of_memory = "out of memory" in r.get("failed", "")
                memory = "" if r.get("peak_bytes") is None else f", {r['peak_bytes'] / 2**20:.3g}"
                cells.append("out of memory" if out_of_memory else "none" if "failed" in r else f"{r['median_ms']:.3g}{memory}")
            lines.append(f"| {length} | " + " | ".join(cells) + " |")
    return "\n".join(lines[1:]) + "\n"


def integers(text):
    return [int(x) for x in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description="time attention and its tangent beside what else computes them")
    parser.add_argument("--plot", metavar="JSON", help="draw a result file")
    parser.add_argument("--table", metavar="JSON", help="print a result file as Markdown")
    parser.add_argument("-o", metavar="SVG", help="of --plot")
    parser.add_argument("--jvpgen", help="the program, to emit the bundle")
    parser.add_argument("--runtime", help="libjvpgen_runtime.so.0")
    parser.add_argument("--jvp-flash-attention", nargs="?", const="", metavar="FOLDER", help="that package, from the folder that holds it")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=FILE", help="a module with attention(q, k, v, tq, tk, tv, scale)")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--heads", type=integers, default=[1, 24])
    parser.add_argument("--lengths", type=integers, default=[128 << k for k in range(9)])
    parser.add_argument("--rounds", type=int, default=9, help="bursts of each contender at each point; the median counts")
    parser.add_argument("--burst-ms", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a contender's bursts at a point, once it has three")
    parser.add_argument("--patience", type=float, default=60, help="seconds in which a contender has to be ready, over all points")
    parser.add_argument("--budget", type=float, default=240, help="seconds after which no further point is begun")
    parser.add_argument("--commit", default=provenance.commit())
    parser.add_argument("--output", help="default: bench/results/side_by_side_GPU.json")
    options = parser.parse_args()
    if options.plot and not options.o:
        parser.error("--plot draws to a file; name it with -o")
    return options


def main():
    options = arguments()
    if options.plot:
        import curves

        with open(options.plot) as file:
            write(options.o, curves.drawn(json.load(file)))
        return 0
    if options.table:
        with open(options.table) as file:
            print(table(json.load(file)), end="")
        return 0
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
