"""The program under test: how it is called, and the tensor files that it reads and writes."""

import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["JVPGEN_PROGRAM"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
SPECS = SOURCE / "examples" / "specs"
CODES = {"F32": "f", "I32": "i"}


def call(*words, bytes_at_most=None, memory_at_most=None, environment=None, stdout=subprocess.PIPE):
    """The finished process; no file that it writes may grow beyond `bytes_at_most`, nor its memory beyond its limit."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        for kind, most in [(resource.RLIMIT_FSIZE, bytes_at_most), (resource.RLIMIT_AS, memory_at_most)]:
            if most is not None:
                resource.setrlimit(kind, (most, most))

    return subprocess.run([PROGRAM, *map(str, words)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          preexec_fn=limit,
                          env={**os.environ, **(environment or {})})


def write_tensors(path, tensors):
    """{name: (type, shape, numbers)} as a safetensors file."""
    header, data = {}, b""
    for name, (dtype, shape, numbers) in tensors.items():
        own = struct.pack(f"<{len(numbers)}{CODES[dtype]}", *numbers)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(own)]}
        data += own
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_tensors(path):
    """{name: (shape, numbers)} of a safetensors file of float32."""
    content = pathlib.Path(path).read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    out = {}
    for name, entry in json.loads(content[8:end]).items():
        begin, stop = entry["data_offsets"]
        own = content[end + begin:end + stop]
        out[name] = (entry["shape"], struct.unpack(f"<{len(own) // 4}{CODES[entry['dtype']]}", own))
    return out


class ProgramTest(unittest.TestCase):
    """A folder for each test, and what is expected of every call."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def spec(self, text):
        path = self.folder / "case.toml"
        path.write_text(text)
        return path

    def succeeds(self, *words, **how):
        """Standard output of a call that must succeed and say nothing besides."""
        done = call(*words, **how)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def fails(self, status, *words, **how):
        """Standard error of a call that must fail with this status and leave standard output empty."""
        done = call(*words, **how)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        self.assertEqual(done.stdout or "", "", words)
        self.assertNotEqual(done.stderr, "", words)
        return done.stderr
