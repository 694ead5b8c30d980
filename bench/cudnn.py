"""The plain forward beside cuDNN's, through PyTorch, in alternating bursts of one run; 2x16x8192x8192, bf16.

usage: cudnn.py [--jvpgen PROGRAM --runtime LIBRARY] [--device cuda] [--length 8192] [--rounds 5] [--burst-ms 400] [--output FILE]

Without --jvpgen cuDNN is timed alone.
"""

import argparse
import datetime
import json
import statistics
import sys
import tempfile

import torch

import peers
import provenance
from side_by_side import Machine, architecture, write

BATCH, HEADS = 2, 16


def contenders_for(options, dim, causal, folder):
    made = [peers.sdpa(options.device, causal)]
    if options.jvpgen and options.runtime:
        arch = architecture(torch, options.device)
        made.append(peers.jvpgen("forward", options.jvpgen, options.runtime, dim, arch, folder, causal))
    return made


def measure(options, dim, causal, folder):
    """Medians of one head dimension and mask, a record for each contender."""
    machine = Machine(torch, options.device)
    inputs = [torch.randn(BATCH, HEADS, options.length, dim, device=options.device).to(torch.bfloat16) for _ in range(3)]
    contenders = contenders_for(options, dim, causal, folder)
    calls = [lambda c=c: c.call(*inputs, None, None, None, dim**-0.5) for c in contenders]
    counts, times = [], [[] for _ in calls]
    for call in calls:
        call()
        counts.append(max(1, round(options.burst_ms / max(machine.milliseconds(call), 1e-3))))
    for round_number in range(options.rounds + 1):  # the first warms up
        for call, count, own in zip(calls, counts, times):
            ms = machine.milliseconds(lambda: [call() for _ in range(count)]) / count
            if round_number:
                own.append(ms)
    pairs = BATCH * HEADS * (options.length * (options.length + 1) / 2 if causal else options.length**2)
    return [
        {"contender": c.name, "head_dim": dim, "causal": causal, "median_ms": statistics.median(own), "tflops": 4 * dim * pairs / statistics.median(own) / 1e9}
        for c, own in zip(contenders, times)
    ]


def main():
    parser = argparse.ArgumentParser(description="time the plain forward beside cuDNN's")
    parser.add_argument("--jvpgen", help="the program, to emit bundles")
    parser.add_argument("--runtime", help="libjvpgen_runtime.so.0")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--length", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--burst-ms", type=float, default=400)
    parser.add_argument("--commit", default=provenance.commit())
    parser.add_argument("--output")
    options = parser.parse_args()
    result = {
        "command": "bench/cudnn.py",
        "commit": options.commit,
        "gpu": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
        "driver": provenance.gpu_and_driver()[1],
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
        "shape": f"{BATCH}x{HEADS}x{options.length}x{options.length}",
        "turns": f"bursts of {options.burst_ms:g} ms",
        "records": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        for dim in (128, 64):
            for causal in (False, True):
                for r in measure(options, dim, causal, folder):
                    result["records"].append(r)
                    print(f"{r['contender']:16} D={dim:<4} causal={causal!s:6} {r['median_ms']:8.3f} ms {r['tflops']:5.0f} TFLOP/s", flush=True)
    if options.output:
        write(options.output, json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
