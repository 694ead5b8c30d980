"""Runs emitted kernels of the portable skeleton outside the product: checks every output against float64, then times schedules.

usage: portable_probe.py FOLDER...   (each written by emit_plan; its name says whether the mask is causal: "...causal...")
"""

import ctypes, math, os, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

import torch

dtypes = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16, "i32": torch.int32, "i8": torch.int8}
macros = ("TILE_M", "TILE_N", "WARPS", "STAGES", "SHARED_BYTES")
scratch = tempfile.mkdtemp()
score_scale = 0.125  # of the plans in tests/plans


def driver(call, *arguments):
    """A function of the CUDA driver; the context is torch's."""
    status = getattr(ctypes.CDLL("libcuda.so.1"), call)(*arguments)
    if status:
        raise SystemExit(f"{call} returned {status}")


class Kernel:
    def __init__(self, words):
        self.name, owners, self.rows, kind = words[:4]
        self.owners, self.is_sweep, self.tensors, self.schedules = owners.rstrip("-"), kind == "sweep", words[4:], []


def read_plan(folder):
    """The default variant of a folder's launches.txt: kernels, workspace and tensors."""
    kernels, workspace, tensors, variants = [], {}, {}, 0
    for line in open(os.path.join(folder, "launches.txt")):
        words = line.split()
        if words[0] == "variant":
            variants += 1
            program = line.split(maxsplit=1)[1].split("|")[0]
        elif words[0] == "tensor":
            tensors[words[1]] = (words[2].rstrip("-"), dtypes[words[3]])
        elif variants != 1:
            continue
        elif words[0] == "workspace":
            workspace[words[1]] = words[2].rstrip("-")
        elif words[0] == "launch":
            kernels.append(Kernel(words[1:]))
        elif words[0] == "schedule":
            kernels[-1].schedules.append(tuple(map(int, words[1:])))
    return program, kernels, workspace, tensors


def compile_kernel(folder, kernel, schedule):
    cubin = os.path.join(scratch, "-".join([os.path.basename(folder), kernel.name, *map(str, schedule)]) + ".cubin")
    defines = [f"-DJVPGEN_{m}={v}" for m, v in zip(macros, schedule)]
    command = ["nvcc", "-cubin", "-std=c++20", "-gencode=arch=compute_90a,code=sm_90a", "-Xptxas", "-v", "-I", folder, "-o", cubin]
    done = subprocess.run(command + defines + [os.path.join(folder, kernel.name + ".cu")], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[:2000])
    spill = sum(int(line.split("bytes spill stores")[0].split(",")[-1]) for line in done.stderr.splitlines() if "spill stores" in line)
    return cubin, spill


def strides(tensor, indices):
    """Strides along b, head, i, j of a contiguous [b, head, length, feature] tensor."""
    out, heads = [0, 0, 0, 0], "n" in indices or "r" in indices
    letters = [c for c in "bhij" if c in indices or (c == "h" and heads)]
    for letter, stride in zip(letters, tensor.stride()):
        out["bhij".index(letter)] = stride
    return out


class Problem:
    def __init__(self, batch, heads, kv_heads, q_length, kv_length):
        self.batch, self.heads, self.kv_heads, self.q_length, self.kv_length = batch, heads, kv_heads, q_length, kv_length

    def fields(self):
        return [self.batch, self.heads, self.kv_heads, self.q_length, self.kv_length, self.q_length, self.kv_length]

    def shape(self, indices, dim):
        sizes = {"b": self.batch, "i": self.q_length, "j": self.kv_length, "d": dim, "e": dim}
        shape = []
        for c in indices:
            if c == "n":
                shape.append(self.heads if "r" in indices else self.kv_heads)
            elif c != "r":
                shape.append(sizes[c])
        return shape


class Runner:
    """One kernel with one schedule, ready to launch."""

    def __init__(self, kernel, schedule, cubin, problem, tensors, indices):
        module, self.function = ctypes.c_void_p(), ctypes.c_void_p()
        driver("cuModuleLoad", ctypes.byref(module), cubin.encode())
        driver("cuModuleGetFunction", ctypes.byref(self.function), module, kernel.name.encode())
        self.threads, self.shared = 32 * schedule[2], schedule[4]
        driver("cuFuncSetAttribute", self.function, 8, self.shared)  # most dynamic shared memory
        rows = {"tile_m": schedule[0], "tile_n": schedule[1]}.get(kernel.rows) or int(kernel.rows)
        sizes = {"b": problem.batch, "n": problem.kv_heads, "r": problem.heads // problem.kv_heads, "i": problem.q_length, "j": problem.kv_length}
        last = "j" if "j" in kernel.owners else "i"
        self.blocks = math.prod(-(-sizes[c] // rows) if c == last else sizes[c] for c in kernel.owners)
        words = problem.fields()
        for name in kernel.tensors:
            words += [tensors[name].data_ptr(), *strides(tensors[name], indices[name])]
        self.words = (ctypes.c_int64 * len(words))(*words)
        self.parameters = (ctypes.c_void_p * 1)(ctypes.addressof(self.words))

    def __call__(self):
        if self.blocks:
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            driver("cuLaunchKernel", self.function, self.blocks, 1, 1, self.threads, 1, 1, self.shared, stream, self.parameters, None)


def prepare(plan, problem, dim, inputs=None):
    program, kernels, workspace, tensors = plan
    indices = {n: i for n, (i, _) in tensors.items()} | workspace
    data = {}
    for name, (idx, dtype) in tensors.items():
        known = inputs and name in inputs
        data[name] = inputs[name].to(dtype).contiguous() if known else torch.randn(problem.shape(idx, dim), device="cuda").to(dtype)
        if inputs and not known:
            data[name].fill_(float("nan"))
    for name, idx in workspace.items():
        data[name] = torch.full(problem.shape(idx, dim), float("nan"), device="cuda", dtype=torch.float32)
    return data, indices


def reference(program, x, causal, dim):
    """Attention, its tangent and gradients in float64."""
    def forward(q, k, v):
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        s = score_scale * q @ k.transpose(-1, -2)
        if causal:
            s = s.masked_fill(torch.ones(s.shape[-2:], device=s.device).triu(1).bool(), float("-inf"))
        return torch.softmax(s, -1) @ v, torch.logsumexp(s, -1)

    primal, tangent = (x["q"], x["k"], x["v"]), (x["tq"], x["tk"], x["tv"])
    if program == "tangent_forward":
        (o, lse), (to, mu) = torch.func.jvp(forward, primal, tangent)
        return {"o": o, "lse": lse, "to": to, "mu": mu}
    leaves = [t.clone().requires_grad_() for t in primal + tangent]
    if program == "backward":
        o, lse = forward(*leaves[:3])
        grads = torch.autograd.grad((o * x["do"]).sum() + (lse * x["dlse"]).sum(), leaves[:3])
        return dict(zip(("dq", "dk", "dv"), grads)) | {"o": o.detach(), "lse": lse.detach()}
    (o, lse), (to, mu) = torch.func.jvp(forward, tuple(leaves[:3]), tuple(leaves[3:]))
    total = (o * x["do"]).sum() + (to * x["dto"]).sum() + (lse * x["dlse"]).sum() + (mu * x["dmu"]).sum()
    grads = torch.autograd.grad(total, leaves)
    saved = {"o": o.detach(), "lse": lse.detach(), "to": to.detach(), "mu": mu.detach()}
    return dict(zip(("dq", "dk", "dv", "dtq", "dtk", "dtv"), grads)) | saved


def check(folder, plan, cubins, problem, dim, choice):
    program, kernels, workspace, tensors = plan
    causal = "causal" in os.path.basename(folder)
    heads = {"q": "bnrid", "k": "bnjd", "v": "bnje", "do": "bnrie", "dlse": "bnri"}
    x = {}
    for name, idx in heads.items():
        for prefix in ("", "t") if name in "qkv" else ("", "T"):
            full = name.replace("d", "dt", 1) if prefix == "T" else prefix + name
            full = "dmu" if full == "dtlse" else full
            dtype = tensors.get(full, (None, torch.float32))[1]
            x[full] = torch.randn(problem.shape(idx, dim), device="cuda").to(dtype).double()
    want = reference(program, x, causal, dim)
    saved = {n: want[n] for n in ("o", "to", "lse", "mu") if n in want and program.endswith("backward")}
    data, indices = prepare(plan, problem, dim, x | saved)
    for kernel in kernels:
        schedule = kernel.schedules[min(choice, len(kernel.schedules) - 1)]
        Runner(kernel, schedule, cubins[kernel.name, schedule][0], problem, data, indices)()
    torch.cuda.synchronize()
    outputs = [n for n in want if n not in saved and n in tensors]
    errors = {n: ((data[n].double() - want[n]).norm() / want[n].norm()).item() for n in outputs}
    worst = max((e if e == e else 9e9) for e in errors.values())
    flag = "" if worst < 8e-3 else "   <-- WRONG"
    print(f"  {os.path.basename(folder)} {problem.fields()[:5]} choice {choice}: " + " ".join(f"{n} {e:.1e}" for n, e in errors.items()) + flag, flush=True)


def measure(run, repeats=5):
    run(), run()
    start, stop, times = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True), []
    for _ in range(repeats):
        start.record(), run(), stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop))
    return sorted(times)[len(times) // 2]


def main():
    torch.manual_seed(1)
    torch.zeros(1, device="cuda")
    folders = sys.argv[1:]
    plans = {f: read_plan(f) for f in folders}
    limit = int(os.environ.get("SCHEDULES", "24"))
    with ThreadPoolExecutor(16) as pool:
        jobs = {}
        for f, plan in plans.items():
            for kernel in plan[1]:
                kernel.schedules = kernel.schedules[:limit]
                for s in kernel.schedules:
                    jobs[f, kernel.name, s] = pool.submit(compile_kernel, f, kernel, s)
        done = {key: job.result() for key, job in jobs.items()}
    dims = {f: int("".join(filter(str.isdigit, os.path.basename(f).split("_")[-1]))) for f in folders}
    products = {"tangent_forward": 6, "backward": 5, "tangent_backward": 15}
    for f in folders:
        cubins = {(k, s): v for (g, k, s), v in done.items() if g == f}
        for shape in ((2, 4, 4, 256, 256), (2, 4, 2, 1000, 777), (1, 2, 2, 1, 65), (2, 2, 1, 63, 1)):
            check(f, plans[f], cubins, Problem(*shape), dims[f], 0)
        for choice in range(1, 6):
            check(f, plans[f], cubins, Problem(2, 4, 2, 300, 333), dims[f], choice)
    for f in folders:
        program, kernels, workspace, tensors = plans[f]
        dim = dims[f]
        heads = 16 if dim > 64 else 32
        problem = Problem(2, heads, heads, 8192, 8192)
        data, indices = prepare(plans[f], problem, dim)
        data["lse"].fill_(12.0) if "lse" in data else None
        unit = 2.0 * problem.batch * heads * 8192 * 8192 * dim * 1e-9
        unit *= 0.5 if "causal" in f else 1
        best_total, default_total = 0.0, 0.0
        for kernel in kernels:
            table = []
            for s in kernel.schedules:
                cubin, spill = done[f, kernel.name, s]
                table.append((measure(Runner(kernel, s, cubin, problem, data, indices)), s, spill))
            default_total += table[0][0]
            best_total += min(table)[0]
            print(f"{os.path.basename(f)} {kernel.name}: default {table[0]}; " + "; ".join(f"{t:.2f} {s[:4]}{' spill ' + str(b) if b else ''}" for t, s, b in sorted(table)[:6]), flush=True)
        print(f"{os.path.basename(f)}: default {products[program] * unit / default_total:.0f} TFLOP/s, best {products[program] * unit / best_total:.0f}", flush=True)


main()
