"""What holds for every command: exit status, where it writes, --help, --json."""

import json
import unittest

from program import SPECS, ProgramTest, call

COMMANDS = ["check", "show", "emit", "compile", "run", "verify", "bench", "tune", "doctor"]
PLAIN = SPECS / "plain.toml"


class Help(ProgramTest):
    def test_every_command_has_it(self):
        self.assertTrue(all(command in self.succeeds("--help") for command in COMMANDS))
        for command in COMMANDS:
            text = self.succeeds(command, "--help")
            self.assertIn("--json", text)
            self.assertIn("Usage", text)

    def test_version(self):
        self.assertRegex(self.succeeds("--version"), r"^jvpgen \d+\.\d+\.\d+\n$")


class Status(ProgramTest):
    def test_wrong_calls_are_2(self):
        calls = [[], ["chekc", PLAIN], ["check"], ["check", PLAIN, "--jsno"], ["check", PLAIN, PLAIN],
                 ["check", self.folder / "none.toml"], ["check", self.folder], ["check", PLAIN, "--programs", "forwards"],
                 ["show", PLAIN, "--after", "dinner"], ["show", PLAIN, "--format", "word"],
                 ["show", PLAIN, "--after", "plan", "--format", "latex"], ["show", PLAIN, "--after", "spec", "--stats"],
                 ["verify", PLAIN, "--device", "tpu"], ["bench", PLAIN, "--rounds", "0"],
                 ["verify", PLAIN, "--device", "cpu", "--variant", "sideways"],
                 ["compile", PLAIN, "--variant", "sideways"], ["compile", PLAIN, "--arch", "sm_1"],
                 ["emit", PLAIN], ["run", PLAIN]]
        for words in calls:
            self.fails(2, *words)

    def test_wrong_specifications_are_2_with_place_cause_and_remedy(self):
        error = self.fails(2, "check", self.spec('head_dim_qk = 64\nscore = "z * temperture"\nscalars = ["temperature"]\n'))
        self.assertRegex(error, r"case\.toml:2:14: error: .*'temperture'.*; did you mean 'temperature'")

    def test_wrong_shapes_are_2(self):
        softcap = SPECS / "softcap.toml"  # four query heads to a key head
        for shapes in ["", ",", "2x4x8", "2x4x8x8x8", "0x4x8x8", "2x4x-8x8", "2x4x8xeight", "2x3x8x8", "2x4x8x99999999999",
                       "2147483000x4x2147483000x8",
                       "2x4x8x8,2x4"]:
            for command in ["verify", "bench"]:
                self.assertIn("--shapes", self.fails(2, command, softcap, "--device", "cpu", f"--shapes={shapes}"))

    def test_a_failed_check_is_1(self):
        spec = self.spec('dtype = "f16"\n')
        # q beyond the largest number of float16: infinities, and no output can be right
        words = ["verify", spec, "--device", "cpu", "--shapes", "1x1x8x8", "--q-scale", "1e20"]
        done = call(*words)
        self.assertEqual(done.returncode, 1)
        self.assertIn("15 of 15 outputs are wrong", done.stderr)
        self.assertIn("FAILED", done.stdout)
        self.assertFalse(any(record["passed"] for record in json.loads(call(*words, "--json").stdout)))

    def test_what_the_machine_lacks_is_3(self):
        error = self.fails(3, "compile", PLAIN, environment={"JVPGEN_NVRTC": "/nonexistent", "XDG_CACHE_HOME": str(self.folder)})
        self.assertIn("JVPGEN_NVRTC is '/nonexistent'", error)
        self.fails(3, "verify", PLAIN, "--device", "cuda", environment={"CUDA_VISIBLE_DEVICES": "-1"})

    def test_too_little_memory_is_3(self):
        words = ["bench", PLAIN, "--device", "cpu", "--programs", "forward", "--shapes", "1x1x8x100000000"]
        self.assertIn("memory for the tensors", self.fails(3, *words, memory_at_most=8 << 30))

    def test_results_that_cannot_be_written_are_3(self):
        with open("/dev/full", "w") as full:
            self.assertIn("standard output", self.fails(3, "show", PLAIN, stdout=full))


class Notices(ProgramTest):
    """What an emitted bundle leaves out, or cannot hold, is said on standard error."""

    def test_the_range_of_float16_is_pointed_out(self):
        done = call("emit", self.spec('dtype = "f16"\n'), "-o", self.folder / "out")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count("notice: f16: weights of tangent_backward above 65504"), 1)


class Json(ProgramTest):
    def json(self, *words):
        return json.loads(self.succeeds(*words, "--json"))

    def test_check(self):
        self.assertEqual(list(self.json("check", PLAIN)["programs"]),
                         ["forward", "tangent_forward", "backward", "tangent_backward"])

    def test_show(self):
        for after in ["differentiate", "derive"]:
            for form in ["text", "latex", "mlir"]:
                self.assertIn("text", self.json("show", PLAIN, "--after", after, "--format", form)["programs"]["forward"])
        self.assertIn("head_dim_qk = 64", self.json("show", PLAIN, "--after", "spec")["spec"])
        self.assertIn("attn.plan", self.json("show", PLAIN, "--after", "plan", "--programs", "forward")["plan"])
        stats = self.json("show", PLAIN, "--stats")["programs"]
        self.assertEqual({name: p["matmuls"] for name, p in stats.items()},
                         {"forward": 2, "tangent_forward": 6, "backward": 5, "tangent_backward": 15})
        self.assertEqual(stats["tangent_backward"]["saved"], ["lse", "mu", "o", "to"])

    def test_emit(self):
        words = ["emit", PLAIN, "--arch", "sm_90a", "-o", self.folder / "out", "--programs", "forward"]
        records = self.json(*words)
        self.assertTrue((self.folder / "out" / records[0]["kernels"][0]["source"]).is_file())

    def test_compile(self):
        record = self.json("compile", PLAIN, "--programs", "forward")[0]
        for key in ["program", "kernel", "variant", "skeleton", "schedule", "fallback_reason", "arch", "registers",
                    "spill_bytes", "shared_bytes", "compile_ms", "source", "verdict"]:
            self.assertIn(key, record)
        self.assertIn(record["source"], ["compiled", "cached"])
        self.assertEqual(record["verdict"], "default")

    def test_compile_all_schedules(self):
        spec = self.spec('head_dim_qk = 192\nhead_dim_v = 192\n')
        words = ["compile", spec, "--programs", "forward", "--arch", "sm_90a", "--all-schedules"]
        records = self.json(*words)
        self.assertEqual(sum(record["taken"] for record in records), 1)
        self.assertGreater(len({record["schedule"] for record in records}), 3)
        self.assertEqual(len(records), len({record["schedule"] for record in records}))
        self.assertEqual({record["skeleton"] for record in records}, {"hopper"})
        self.assertTrue(records[0]["verdict"].startswith("default"))
        table = self.succeeds(*words, "--report").splitlines()
        self.assertEqual(len(table), 2 + len(records))
        self.assertIn("verdict", table[1])

    def test_verify(self):
        records = self.json("verify", PLAIN, "--device", "cpu", "--shapes", "1x2x9x8,1x1x1x0", "--programs", "tangent_forward")
        self.assertEqual([r["output"] for r in records], ["lse", "mu", "o", "to"] * 2)
        for key in ["program", "skeleton", "schedule", "fallback_reason", "shape", "device", "relative_error",
                    "worst_row_error", "limit", "passed"]:
            self.assertIn(key, records[0])

    def test_verify_of_a_backward_program_alone_runs_its_forward_program_too(self):
        records = self.json("verify", PLAIN, "--device", "cpu", "--shapes", "1x2x9x8", "--programs", "tangent_backward")
        self.assertEqual([r["output"] for r in records], ["dk", "dq", "dtk", "dtq", "dtv", "dv"])

    def test_bench(self):
        records = self.json("bench", SPECS / "causal.toml", "--device", "cpu", "--shapes", "1x2x64x64", "--rounds", "3",
                            "--ceiling", "--programs", "forward,tangent_forward")
        for record, matmuls in zip(records, [2, 6]):
            self.assertEqual(record["kept_pairs"], 2 * 64 * 65 // 2)
            flop = matmuls * 2 * 128 * record["kept_pairs"]
            self.assertAlmostEqual(record["tflops"], flop / record["median_ms"] / 1e9, delta=1e-6 * record["tflops"])
            self.assertAlmostEqual(record["ratio"], record["tflops"] / record["ceiling_tflops"], delta=1e-6)

    def test_kept_tiles(self):
        spec = self.spec('mask_tensor = { dims = ["q", "kv"] }\n')
        words = [spec, "--device", "cpu", "--programs", "tangent_forward", "--shapes", "2x2x64x64", "--kept-tiles", "0.25",
                 "--tile-size", "16"]
        record = self.json("bench", *words, "--rounds", "1")[0]
        self.assertEqual(record["kept_pairs"], 2 * 2 * 4 * 16 * 16)  # 4 of 16 tiles
        self.assertEqual((record["kept_tiles"], record["tile_size"]), (0.25, 16))
        self.assertTrue(all(r["passed"] for r in self.json("verify", *words)))
        self.assertIn("mask_tensor", self.fails(2, "bench", PLAIN, *words[1:]))

    def test_times_of_kernels_are_a_gpus(self):
        words = ["bench", PLAIN, "--device", "cpu", "--programs", "forward", "--shapes", "1x1x8x8"]
        for flag in ["--by-launch", "--graph-slope"]:
            self.assertIn("--device cuda", self.fails(2, *words, flag))

    def test_doctor(self):
        found = self.json("doctor")
        self.assertEqual(set(found), {"gpus", "driver", "nvrtc", "cache", "cublas"})
        self.assertEqual(set(found["cache"]), {"folder", "entries", "bytes", "limit_bytes", "problem"})
        self.assertRegex(self.succeeds("doctor"), r"\ncache    (none|/.*, \d+ kernels, [\d.]+ of [\d.]+ MiB)")


if __name__ == "__main__":
    unittest.main()
