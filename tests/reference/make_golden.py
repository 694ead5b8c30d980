#!/usr/bin/env python3
"""Writes golden/*.safetensors: small cases of attention and its derivatives, computed by PyTorch in float64.

Forward and tangent come from torch.func.jvp, gradients from autograd through it. Inputs are stored as float32, which they are
exactly; results as two float32 tensors x.hi + x.lo, 48 bits of the float64 value. Run it from anywhere; it needs torch alone.
"""
import json
import pathlib
import struct

import torch

FOLDER = pathlib.Path(__file__).resolve().parent / "golden"
NAMES = {torch.float32: "F32", torch.int32: "I32", torch.int8: "I8"}


def save(path, tensors):
    header, data = {}, b""
    for name in sorted(tensors):
        x = tensors[name].contiguous()
        raw = x.numpy().tobytes()
        header[name] = {"dtype": NAMES[x.dtype], "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def attention(x, score, keep, group, scale):
    """o, lse of dense attention; rows without keys give o = 0."""
    k = x["k"].repeat_interleave(group, dim=1)
    v = x["v"].repeat_interleave(group, dim=1)
    z = scale * x["q"] @ k.transpose(-1, -2)
    s = score(z, x)
    if keep is not None:
        keep = keep.broadcast_to(s.shape)
        s = torch.where(keep, s, torch.full_like(s, -1e300))
        filled = keep.any(-1, keepdim=True)
        s = torch.where(filled, s, torch.zeros_like(s))  # such a row's results are dropped below
    lse = torch.logsumexp(s, -1)
    o = torch.softmax(s, -1) @ v
    if keep is not None:
        o = torch.where(filled, o, torch.zeros_like(o))
        lse = torch.where(filled[..., 0], lse, torch.zeros_like(lse))
    return o, lse


def case(name, batch=2, kv_heads=2, group=1, sq=5, sk=6, d=8, dv=8, score=lambda z, x: z, keep=None, extra=None, drop=()):
    """One file: inputs, tangents (but those named in drop), cotangents, results of all programs."""
    heads, scale = kv_heads * group, d**-0.5
    shapes = {"q": (batch, heads, sq, d), "k": (batch, kv_heads, sk, d), "v": (batch, kv_heads, sk, dv), **(extra or {})}
    draw = lambda shape: torch.randn(shape, dtype=torch.float32)
    given = {n: draw(s) for n, s in shapes.items()}
    given |= {"t" + n: draw(s) for n, s in shapes.items() if n not in drop}
    given["q"] *= 3
    if "temperature" in given:
        given["temperature"] = given["temperature"].abs() + 0.5
    given |= {"do": draw((batch, heads, sq, dv)), "dto": draw((batch, heads, sq, dv))}
    given |= {"dlse": draw((batch, heads, sq)), "dmu": draw((batch, heads, sq))}
    wide = {n: t.double() for n, t in given.items()}
    primals = {n: wide[n].requires_grad_() for n in shapes}
    tangents = {n: wide["t" + n].requires_grad_() for n in shapes if n not in drop}
    mask = None if keep is None else keep(torch.arange(sq)[:, None], torch.arange(sk)[None, :])
    filled = None if mask is None else mask.any(-1)

    def function(moving):
        return attention({**primals, **moving}, score, mask, group, scale)

    def results(x):
        if filled is None:
            return x
        return torch.where(filled[:, None] if x.dim() == 4 else filled, x, torch.zeros_like(x))

    moving = {n: primals[n] for n in tangents}
    (o, lse), (to, mu) = torch.func.jvp(function, (moving,), (tangents,))
    out = {"o": o, "lse": lse, "to": to, "mu": mu}
    inner = lambda pairs: sum((wide["d" + n] * results(x)).sum() for n, x in pairs)
    simple = torch.autograd.grad(inner([("o", o), ("lse", lse)]), list(primals.values()), retain_graph=True, allow_unused=True)
    every = torch.autograd.grad(
        inner(out.items()), list(primals.values()) + list(tangents.values()), allow_unused=True)
    stored = {n: t.detach() for n, t in out.items()}
    stored["lse"] = stored["lse"] if filled is None else torch.where(filled, stored["lse"], -torch.inf)
    stored |= {"backward.d" + n: g for n, g in zip(primals, simple)}
    stored |= {"d" + n: g for n, g in zip(list(primals) + ["t" + n for n in tangents], every)}
    files = dict(given)
    if mask is not None:
        files["mask"] = mask.to(torch.int8)[None, None]
    for n, t in stored.items():
        files[n + ".hi"] = t.float()
        files[n + ".lo"] = torch.where(t.isinf(), torch.zeros_like(t), t - t.float().double()).float()
    save(FOLDER / (name + ".safetensors"), files)


def main():
    torch.manual_seed(3)
    FOLDER.mkdir(exist_ok=True)
    case("plain", sk=7, dv=16)
    case("causal", keep=lambda i, j: j <= i, sk=5)
    case("causal_bottom_right_empty_rows", keep=lambda i, j: j <= i - 2, sk=3)
    case("softcap", score=lambda z, x: 3 * torch.tanh(z / 3))
    case("group", group=3, batch=1)
    case("query_tangent", drop=("k", "v"))
    case("bias", score=lambda z, x: z + x["bias"], extra={"bias": (1, 2, 5, 6)})
    case("bias_in_softcap", score=lambda z, x: 3 * torch.tanh((z + x["bias"] ** 2) / 3), extra={"bias": (2, 1, 1, 6)})
    case("temperature", score=lambda z, x: z * x["temperature"], extra={"temperature": ()})
    distance = torch.abs(torch.arange(5)[:, None] - torch.arange(6)[None, :]).double()
    case("slope", score=lambda z, x: z - x["slope"][:, None, None] * distance, extra={"slope": (2,)})
    case("functions", score=lambda z, x: torch.log(1 + torch.exp(z)) + torch.sqrt(2 + torch.abs(z)) * torch.minimum(
        z, torch.tanh(z)) / (2 + z * z) + torch.where(z < 0.3, z, torch.maximum(z, 0.5 * z)))


if __name__ == "__main__":
    main()
