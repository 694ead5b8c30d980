"""Programs of a bundle through libjvpgen_runtime's C interface, on tensors of PyTorch.

    library = RuntimeLibrary("build/device/lib/libjvpgen_runtime.so.0")
    program = library.program("plain.bundle", "tangent_forward")
    outputs = program({"q": q, "k": k, "v": v, "tq": tq, "tk": tk, "tv": tv})

Outputs and workspace come from PyTorch's allocator, and launches go to its current stream.
"""

import ctypes
from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_void_p

import torch

DTYPES = {0: torch.float32, 1: torch.bfloat16, 2: torch.float16, 3: torch.int32, 4: torch.int8}  # jvpgen_dtype


class Sized(ctypes.Structure):
    """A struct of the interface, which begins with its own size."""

    def __init__(self, **fields):
        super().__init__(size=ctypes.sizeof(type(self)), **fields)


class ProgramOptions(Sized):
    _fields_ = [("size", c_size_t), ("bundle", c_void_p), ("device", c_void_p), ("program", c_char_p), ("variant", c_char_p)]


class Problem(Sized):
    _fields_ = [("size", c_size_t), *((name, c_int64) for name in "batch heads kv_heads q_length kv_length q_total kv_total".split())]


class TensorInfo(Sized):
    _fields_ = [("size", c_size_t), ("name", c_char_p), ("axes", c_char_p), ("dtype", c_int32), ("is_output", c_int32)]


class Tensor(Sized):
    _fields_ = [("size", c_size_t), ("data", c_void_p), ("dtype", c_int32), ("rank", c_int32),
                ("shape", ctypes.POINTER(c_int64)), ("strides", ctypes.POINTER(c_int64))]


class LaunchOptions(Sized):
    _fields_ = [("size", c_size_t), ("problem", ctypes.POINTER(Problem)), ("tensors", ctypes.POINTER(Tensor)),
                ("tensor_count", c_size_t), ("workspace", c_void_p), ("workspace_bytes", c_size_t), ("stream", c_void_p)]


class Choice(Sized):
    _fields_ = [("size", c_size_t), ("variant", c_char_p), ("schedule", c_char_p), ("source", c_char_p)]


class RuntimeLibrary:
    def __init__(self, path):
        self.call = ctypes.CDLL(str(path))
        self.call.jvpgen_last_error.restype = c_char_p
        self.call.jvpgen_program_tensors.restype = c_size_t
        self.call.jvpgen_program_tensors.argtypes = [c_void_p]

    def check(self, status):
        if status:
            raise RuntimeError(self.call.jvpgen_last_error().decode())

    def program(self, folder, name, ordinal=0):
        """Of the bundle in the folder, on the GPU whose primary context PyTorch uses too."""
        bundle, device, handle = c_void_p(), c_void_p(), c_void_p()
        self.check(self.call.jvpgen_bundle_open(str(folder).encode(), ctypes.byref(bundle)))
        self.check(self.call.jvpgen_device_open(c_int32(ordinal), ctypes.byref(device)))
        options = ProgramOptions(bundle=bundle, device=device, program=name.encode())
        self.check(self.call.jvpgen_program_create(ctypes.byref(options), ctypes.byref(handle)))
        return Program(self, handle)


class Program:
    def __init__(self, library, handle):
        self.library, self.handle = library, handle
        self.tensors = []  # (name, axes, type, is_output) in the order of a launch
        for index in range(library.call.jvpgen_program_tensors(handle)):
            info = TensorInfo()
            library.check(library.call.jvpgen_program_describe_tensor(handle, c_size_t(index), ctypes.byref(info)))
            self.tensors.append((info.name.decode(), info.axes.decode(), info.dtype, bool(info.is_output)))
        self.ready = {}  # (batch, heads, queries, keys): problem, bytes of workspace

    def prepare(self, batch, heads, queries, keys):
        """The problem and its workspace's bytes; what is prepared already costs nothing."""
        key = (batch, heads, queries, keys)
        if key not in self.ready:
            problem = Problem(batch=batch, heads=heads, q_length=queries, kv_length=keys)
            self.library.check(self.library.call.jvpgen_program_prepare(self.handle, ctypes.byref(problem), c_size_t(1)))
            needed = c_size_t()
            self.library.check(self.library.call.jvpgen_program_workspace(self.handle, ctypes.byref(problem), ctypes.byref(needed)))
            self.ready[key] = problem, needed.value
        return self.ready[key]

    def choice(self, batch, heads, queries, keys):
        """What a prepared shape runs with, in words."""
        choice = Choice()
        problem, _ = self.prepare(batch, heads, queries, keys)
        self.library.check(self.library.call.jvpgen_program_choice(self.handle, ctypes.byref(problem), ctypes.byref(choice)))
        return f"{choice.variant.decode()}, {choice.schedule.decode()}, {choice.source.decode()}"

    def __call__(self, inputs):
        """One launch; inputs by name, [batch, heads, length, features], and the outputs by name."""
        q, v = inputs["q"], inputs["v"]
        batch, heads, queries, _ = q.shape
        problem, workspace_bytes = self.prepare(batch, heads, queries, v.shape[2])
        extents = {"b": batch, "h": heads, "n": heads, "i": queries, "j": v.shape[2], "d": q.shape[3], "e": v.shape[3]}
        outputs, kept = {}, []
        tensors = (Tensor * len(self.tensors))()
        for place, (name, axes, dtype, is_output) in enumerate(self.tensors):
            if is_output:
                outputs[name] = torch.empty([extents[a] for a in axes], dtype=DTYPES[dtype], device=q.device)
            tensor = outputs[name] if is_output else inputs[name]
            shape, strides = (c_int64 * tensor.dim())(*tensor.shape), (c_int64 * tensor.dim())(*tensor.stride())
            kept.append((shape, strides))
            tensors[place] = Tensor(data=tensor.data_ptr(), dtype=dtype, rank=tensor.dim(), shape=shape, strides=strides)
        workspace = torch.empty(workspace_bytes, dtype=torch.uint8, device=q.device)
        options = LaunchOptions(problem=ctypes.pointer(problem), tensors=tensors, tensor_count=len(tensors),
                                workspace=workspace.data_ptr(), workspace_bytes=workspace_bytes,
                                stream=torch.cuda.current_stream().cuda_stream)
        self.library.check(self.library.call.jvpgen_program_launch(self.handle, ctypes.byref(options)))
        return outputs
