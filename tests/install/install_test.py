"""The installed package: moved, found by CMake and by pkg-config, linked by the examples, and run without a compiler."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD, CXX, CC, PKG_CONFIG, FAKE_CUDA = (os.environ[f"JVPGEN_{name}"] for name in
                                         ["BUILD", "CXX", "CC", "PKG_CONFIG", "FAKE_CUDA"])
LLD = ["-fuse-ld=lld-22"]


def run(*words, status=0, **changes):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env={**os.environ, **changes})
    if done.returncode != status:
        raise AssertionError(f"{words} gives {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        run("cmake", "--install", BUILD, "--prefix", cls.folder / "first")
        cls.prefix = (cls.folder / "first").rename(cls.folder / "moved")
        cls.library = next(cls.prefix.glob("lib*/**/libjvpgen_runtime.so.0")).parent
        cls.program = cls.prefix / "bin" / "jvpgen"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def pkg_config(self, *words):
        return run(PKG_CONFIG, *words, PKG_CONFIG_PATH=str(self.library / "pkgconfig")).split()

    def built_by_cmake(self):
        if not (self.folder / "examples").exists():
            run("cmake", "-G", "Ninja", "-S", SOURCE / "examples" / "cpp", "-B", self.folder / "examples",
                f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={CXX}", "-DCMAKE_CXX_FLAGS=-Wall -Werror",
                f"-DCMAKE_EXE_LINKER_FLAGS={LLD[0]}")
            run("cmake", "--build", self.folder / "examples")
        return self.folder / "examples"

    def test_what_is_there(self):
        names = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file()}
        for name in ["bin/jvpgen", "include/jvpgen/jvpgen.h", "include/jvpgen/jvpgen.hpp", "include/jvpgen/jvpgen_dlpack.h",
                     "include/jvpgen/jvpgen_compiler.h", "include/jvpgen/dlpack.h"]:
            self.assertIn(name, names)
        self.assertTrue(any(name.endswith("LICENSE.dlpack") for name in names))
        text = "".join((self.prefix / n).read_text() for n in names if n.endswith((".cmake", ".pc")))
        for place in [str(SOURCE), str(BUILD), str(self.folder)]:
            self.assertNotIn(place, text, "what is installed knows nothing of where it was built")

    def test_specifications_compile_in_an_application(self):
        specification = self.built_by_cmake() / "specification"
        printed = run(specification, SOURCE / "examples" / "specs" / "softcap.toml", "sm_80")
        self.assertIn("\ntangent_backward\n", "\n" + printed)
        self.assertIn("specification:", run(specification, SOURCE / "README.md", "sm_80", status=2))

    def test_pkg_config_serves_c(self):
        out = self.folder / "interface"
        run(CC, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", SOURCE / "tests" / "install" / "interface.c", "-o", out,
            *LLD, f"-Wl,-rpath,{self.library}", *self.pkg_config("--cflags", "--libs", "jvpgen-compiler"))
        self.assertEqual(self.pkg_config("--modversion", "jvpgen"), [run(out).split(":")[0]])

    def test_attention_runs_without_a_compiler(self):
        """On the tests' own driver, which computes nothing: every call of the way is made, none of them to NVRTC."""
        out, bundle = self.folder / "attention", self.folder / "bundle"
        run(CXX, "-std=c++17", "-Wall", "-Werror", SOURCE / "examples" / "cpp" / "attention.cpp", "-o", out, *LLD,
            f"-Wl,-rpath,{self.library}", *self.pkg_config("--cflags", "--libs", "jvpgen"))
        run(self.program, "emit", SOURCE / "examples" / "specs" / "plain.toml", "--programs", "tangent_forward,tangent_backward",
            "--arch", "sm_90", "-o", bundle)
        here = dict(LD_LIBRARY_PATH=FAKE_CUDA, JVPGEN_NVRTC="/nowhere", XDG_CACHE_HOME=str(self.folder / "cache"))
        programs = [out, self.built_by_cmake() / "attention"]
        for program in programs:
            self.assertIn("JVPGEN_NVRTC is '/nowhere'", run(program, bundle, status=3, **here))
        run(self.program, "compile", "--bundle", bundle, "--arch", "sm_90a")
        for program in programs:
            self.assertIn("row+col split on Fake GPU zero: tile_m", run(program, bundle, **here))

    def test_without_a_driver_it_says_so(self):
        try:
            ctypes.CDLL("libcuda.so.1")
            self.skipTest("there is a driver here")
        except OSError:
            pass
        bundle = self.folder / "forward"
        run(self.program, "emit", SOURCE / "examples" / "specs" / "plain.toml", "--programs", "forward", "-o", bundle)
        printed = run(self.built_by_cmake() / "attention", bundle, status=3)
        self.assertIn("libcuda.so.1 is not on this machine", printed)


if __name__ == "__main__":
    unittest.main()
