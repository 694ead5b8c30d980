"""Compares the outputs of `jvpgen run` on a CPU and on a GPU, from one safetensors file of inputs.

usage: same_tensors.py [--make] [--device cuda] JVPGEN FOLDER

With --make: writes spec.toml (the shipped softcap), x.safetensors and y_cpu.safetensors to FOLDER. Without: runs spec.toml on the GPU with
x.safetensors, and compares with y_cpu.safetensors.
"""

import argparse
import array
import json
import math
import pathlib
import random
import shutil
import struct
import subprocess
import sys

BYTES = {"F32": 4, "BF16": 2, "F16": 2}
ROUNDOFF = {"F32": 2.0 ** -24, "BF16": 2.0 ** -9, "F16": 2.0 ** -12}
BATCH, GROUP, KV_HEADS, QUERIES, KEYS, DIM = 1, 4, 1, 96, 110, 64  # softcap has four query heads to a key head


def decode(dtype, data):
    if dtype == "BF16":
        words = array.array("H", data)
        return array.array("f", array.array("I", [word << 16 for word in words]).tobytes())
    if dtype == "F16":
        return array.array("f", [value for value, in struct.iter_unpack("<e", data)])
    return array.array("f", data)


def read_tensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    body = memoryview(data)[8 + length:]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], decode(entry["dtype"], bytes(body[slice(*entry["data_offsets"])])))
            for name, entry in header.items()}


def encode(dtype, values):
    if dtype == "F32":
        return array.array("f", values).tobytes()
    bits = array.array("I", array.array("f", values).tobytes())
    return array.array("H", [(word + 0x7fff + (word >> 16 & 1)) >> 16 for word in bits]).tobytes()


def write_tensors(path, tensors):
    header, body = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        data = encode(dtype, values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def normal_inputs():
    """Inputs of all programs of the shipped softcap."""
    heads, draw = GROUP * KV_HEADS, random.Random(17)
    queries, keys, rows = [BATCH, heads, QUERIES, DIM], [BATCH, KV_HEADS, KEYS, DIM], [BATCH, heads, QUERIES]
    shapes = {"q": queries, "k": keys, "v": keys, "tq": queries, "tk": keys, "tv": keys, "do": queries, "dto": queries,
              "dlse": rows, "dmu": rows}
    tensors = {}
    for name, shape in shapes.items():
        values = [draw.gauss(0, 1) for _ in range(math.prod(shape))]
        tensors[name] = ("F32" if len(shape) == 3 else "BF16", shape, values)
    return tensors


def run(jvpgen, folder, device, outputs):
    words = [jvpgen, "run", folder / "spec.toml", "--device", device, "--inputs", folder / "x.safetensors", "--outputs", outputs]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr or f"jvpgen run: exit status {done.returncode}")
    print(done.stdout.strip())


def compare(name, expected, got):
    """Relative error by Frobenius norms, and whether the two may differ by so much."""
    dtype, shape, x = expected
    if got is None or got[:2] != (dtype, shape):
        print(f"FAILED {name}: {dtype} {shape} is missing, or of another type or shape")
        return False
    difference = math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(x, got[2]) if a != b))  # equal infinities differ by 0
    error = difference / max(math.sqrt(math.fsum(a * a for a in x if math.isfinite(a))), 1e-30)
    # Tiles are rounded to the inputs' type between products, on one side or both; row statistics are float32 sums all along.
    limit = 256 * ROUNDOFF["F32"] if dtype == "F32" else 4 * ROUNDOFF[dtype]
    passed = error <= limit
    print(f"{'ok' if passed else 'FAILED':6} {name:5} relative error {error:.2e} (limit {limit:.2e})")
    return passed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--device", default="cuda", help="what to compare with the CPU that made the outputs")
    parser.add_argument("jvpgen", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    given = parser.parse_args()
    folder = given.folder
    if given.make:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(__file__).parent.parent / "examples/specs/softcap.toml", folder / "spec.toml")
        write_tensors(folder / "x.safetensors", normal_inputs())
        run(given.jvpgen, folder, "cpu", folder / "y_cpu.safetensors")
        sys.exit(0)
    run(given.jvpgen, folder, given.device, folder / f"y_{given.device}_again.safetensors")
    expected, got = read_tensors(folder / "y_cpu.safetensors"), read_tensors(folder / f"y_{given.device}_again.safetensors")
    verdicts = [compare(name, tensor, got.get(name)) for name, tensor in expected.items()]
    sys.exit(0 if verdicts and all(verdicts) else 1)
