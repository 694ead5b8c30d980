"""Times cuDNN's attention forward through PyTorch: the peer of the plain forward."""
import statistics
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

batch, heads, length, rounds = 2, 16, 8192, 15
for dim in (128, 64):
    q, k, v = (torch.randn(batch, heads, length, dim, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    for causal in (False, True):
        times = []
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION), torch.no_grad():
            for _ in range(rounds + 3):
                begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                begin.record()
                torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
                end.record()
                end.synchronize()
                times.append(begin.elapsed_time(end))
        milliseconds = statistics.median(times[3:])
        pairs = batch * heads * length * (length + 1) / 2 if causal else batch * heads * length**2
        print(f"cuDNN D={dim} causal={causal}: {milliseconds:.3f} ms, {4 * dim * pairs / milliseconds / 1e9:.0f} TFLOP/s")
