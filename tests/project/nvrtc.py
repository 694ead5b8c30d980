"""nvrtc.py FOLDER: NVRTC is on this machine and compiles, so that no test of emitted kernels can be skipped for want of it.

FOLDER is where scripts/setup puts it; the variable JVPGEN_NVRTC, a folder or the library itself, comes first.
"""

import ctypes
import os
import pathlib
import sys

KERNEL = b'extern "C" __global__ void twice(float *x) { x[threadIdx.x] *= 2.0f; }'


def library_in(folders):
    for folder in map(pathlib.Path, folders):
        if folder.is_file():
            return folder
        for library in sorted(folder.glob("libnvrtc.so.1[23]")):
            return library
    sys.exit(f"no libnvrtc.so.13 or .12 in {folders}; run scripts/setup, or set JVPGEN_NVRTC to its folder")


def compile_for(library, arch):
    """Size of the machine code; the builtins beside the library are opened first, as it has no run path to them."""
    for builtins in library.parent.glob("libnvrtc-builtins.so.*"):
        ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
    nvrtc = ctypes.CDLL(str(library))
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    options = (ctypes.c_char_p * 1)(b"-arch=" + arch)
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), KERNEL, b"twice.cu", 0, None, None) == 0
    status = nvrtc.nvrtcCompileProgram(program, 1, options)
    assert status == 0, f"{library}: compilation failed with error {status}"
    assert nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)) == 0
    return size.value


if __name__ == "__main__":
    named = os.environ.get("JVPGEN_NVRTC")
    library = library_in([named] if named else [sys.argv[1]])
    sizes = {arch.decode(): compile_for(library, arch) for arch in (b"sm_80", b"sm_90a", b"sm_120")}
    print(f"{library}: {sizes} bytes of machine code")
    sys.exit(0 if all(sizes.values()) else 1)
