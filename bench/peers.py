"""What attention is timed beside: jvpgen's own programs, PyTorch's, and packages that the user has.

A contender is made by a function of `makers`, and is called with q, k, v, tq, tk, tv of [batch, heads, length, dim] and
the scale. It returns o for a forward program, (o, to) for a tangent forward, both in the type of q.
"""

import importlib
import importlib.util
import pathlib
import subprocess
import sys

import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as functional
from torch.nn.attention import SDPBackend, sdpa_kernel


class Contender:
    def __init__(self, name, program, description, call, ready=lambda batch, heads, length: None):
        self.name, self.program, self.description, self.call = name, program, description, call
        self.ready = ready  # what a shape runs with, in words, once it was called; nothing if that is not known


def plain(q, k, v, scale):
    return torch.softmax(q @ k.transpose(-1, -2) * scale, dim=-1) @ v


def eager():
    def call(q, k, v, tq, tk, tv, scale):
        return torch.func.jvp(lambda q, k, v: plain(q, k, v, scale), (q, k, v), (tq, tk, tv))

    return Contender("PyTorch, eager", "tangent_forward", "torch.func.jvp of softmax(q k^T) v", call)


def sdpa(device, causal=False):
    """PyTorch's own forward: by cuDNN where there is a GPU."""
    def call(q, k, v, tq, tk, tv, scale):
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION if device == "cuda" else SDPBackend.MATH), torch.no_grad():
            return functional.scaled_dot_product_attention(q, k, v, scale=scale, is_causal=causal)

    name = "cuDNN" if device == "cuda" else "PyTorch, math"
    return Contender(name, "forward", "torch.nn.functional.scaled_dot_product_attention", call)


def jvp_flash_attention(folder):
    """The package of that name, from a folder that holds it or from where Python finds it."""
    if folder:
        sys.path.insert(0, str(folder))
    module = importlib.import_module("jvp_flash_attention.jvp_attention")

    def call(q, k, v, tq, tk, tv, scale):
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(x, t) for x, t in ((q, tq), (k, tk), (v, tv))]
            return tuple(forward_ad.unpack_dual(module.JVPAttn.fwd_dual(*duals, sm_scale=scale)))

    return Contender("jvp_flash_attention", "tangent_forward", "JVPAttn.fwd_dual of the package jvp_flash_attention", call)


def module_at(name, path):
    """A Python file with attention(q, k, v, tq, tk, tv, scale) -> (o, to)."""
    path = pathlib.Path(path).resolve()
    sys.path.insert(0, str(path.parent))  # what it imports from beside it
    found = importlib.util.spec_from_file_location(f"peer_{path.stem}", path)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # Triton and torch.compile look functions up there
    found.loader.exec_module(module)
    return Contender(name, "tangent_forward", f"attention of {path.name}", module.attention)


def jvpgen(program, jvpgen_path, library_path, dim, arch, folder, causal=False):
    """A program of plain attention, emitted by jvpgen and launched through libjvpgen_runtime."""
    from runtime_library import RuntimeLibrary

    name = f"causal_{dim}" if causal else f"plain_{dim}"
    specification, bundle = pathlib.Path(folder) / f"{name}.toml", pathlib.Path(folder) / f"{name}.bundle"
    specification.write_text(f'dtype = "bf16"\nhead_dim_qk = {dim}\n' + 'causal = "top_left"\n' * causal)
    if not bundle.exists():
        emitted = subprocess.run([jvpgen_path, "emit", specification, "--programs", "forward,tangent_forward", "--arch", arch, "-o", bundle], capture_output=True, text=True)
        if emitted.returncode:
            raise RuntimeError(emitted.stderr.strip())
    made = RuntimeLibrary(library_path).program(bundle, program)

    def call(q, k, v, tq, tk, tv, scale):
        if abs(scale * dim**0.5 - 1) > 1e-6:
            raise ValueError(f"this bundle divides scores by the square root of {dim}; emit another for a scale of {scale}")
        given = {"q": q, "k": k, "v": v, "tq": tq, "tk": tk, "tv": tv}
        out = made({name: given[name] for name, _, _, is_output in made.tensors if not is_output})
        return (out["o"], out["to"]) if program == "tangent_forward" else out["o"]

    def ready(batch, heads, length):
        return made.choice(batch, heads, length, length)

    return Contender(f"jvpgen, {program.replace('_', ' ')}", program, "libjvpgen_runtime's C interface", call, ready)
