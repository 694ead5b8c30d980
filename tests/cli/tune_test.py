"""jvpgen tune from outside: what it prints and saves, how it is interrupted and resumed. A worker simulates the GPU."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import time
import unittest

from program import PROGRAM, SPECS, ProgramTest

WORKER = os.environ["JVPGEN_SIMULATED_WORKER"]
PLAIN = SPECS / "plain.toml"
QUICK = ["--final-seconds", "0.05", "--budget", "30s", "--shapes", "2x4x1000x1000"]


class TuneTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.environment = {"JVPGEN_DATABASE": str(self.folder / "tunings.db"), "TMPDIR": str(self.folder)}
        self.plan()

    def plan(self, **plan):
        self.log = self.folder / "log"
        (self.folder / "plan.json").write_text(json.dumps({"log": str(self.log), **plan}))

    source = PLAIN

    def words(self, *words):
        return ["tune", self.source, *words, "--worker", WORKER, self.folder / "plan.json"]

    def start(self, *words, **how):
        return subprocess.Popen([PROGRAM, *map(str, self.words(*words))], env={**os.environ, **self.environment},
                                stdout=subprocess.PIPE, text=True, **how)

    def tuned(self, *words):
        """The record of a call that must succeed, and what it says meanwhile."""
        done = self.start("--json", *words, stderr=subprocess.PIPE)
        out, said = done.communicate()
        self.assertEqual(done.returncode, 0, said)
        return json.loads(out), said

    def trials(self):
        return [line for line in self.log.read_text().splitlines() if line.startswith("trial")] if self.log.exists() else []

    def wait_for_trials(self, count):
        for _ in range(2000):
            if len(self.trials()) >= count:
                return
            time.sleep(0.01)
        self.fail("no trials begin")

    def workers(self):
        """Processes of this test's plan that live."""
        mine = str(self.folder / "plan.json").encode()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if mine in words and b"tune" not in words:
                found.append(path)
        return found


class Results(TuneTest):
    def test_every_program_has_a_winner_that_is_kept(self):
        record, said = self.tuned(*QUICK, "--report", self.folder / "report.html")
        self.assertFalse(record["interrupted"])
        self.assertEqual([p["program"] for p in record["programs"]],
                         ["forward", "tangent_forward", "backward", "tangent_backward"])
        for program in record["programs"]:
            self.assertIn(program["ending"], ["tuned", "default stays"])
            self.assertEqual(program["shape"], "2x4x1000x1000")
            finals = [t for t in program["trials"] if t["final"]]
            self.assertGreater(len(finals), 1)
            if program["winner"]:
                self.assertLess(program["winner"]["ratio"], 1)
                self.assertEqual(program["winner"]["verdict"], "better")
        self.assertNotIn("\033", said)
        self.assertRegex(said, r"forward 2x4x1000x1000 \[[#.]{20}\] \d+/\d+, best \d\.\d\dx \(row: tile_m")
        page = (self.folder / "report.html").read_text()
        self.assertTrue(page.startswith("<!doctype html>") and page.endswith("</html>\n"))
        self.assertNotIn("http", page)

        known, _ = self.tuned(*QUICK, "--resume", "--programs", "forward")
        self.assertGreater(known["programs"][0]["resumed"], 10)
        self.assertLess(len(known["programs"][0]["trials"]), len(record["programs"][0]["trials"]) / 2)
        self.assertEqual(known["programs"][0]["winner"]["kernels"], record["programs"][0]["winner"]["kernels"])

    def test_a_bundle_is_tuned_as_it_stands(self):
        self.source = self.folder / "bundle"
        self.succeeds("emit", PLAIN, "--arch", "sm_80", "--programs", "forward", "-o", self.source)
        record, _ = self.tuned(*QUICK)
        self.assertEqual([(p["program"], p["ending"]) for p in record["programs"]], [("forward", "tuned")])
        found = self.succeeds("db", "best", PLAIN, "--programs", "forward", "--shapes", "2x4x1000x1000", "--arch", "sm_80",
                              "--gpu", "Simulated GPU", "--multiprocessors", 108, environment=self.environment)
        self.assertIn("exact, tuned", found)
        self.plan(arch="sm_90a")
        done = self.start(*QUICK, stderr=subprocess.PIPE)
        self.assertIn("was emitted for sm_80, and this GPU is sm_90a", done.communicate()[1])

    def test_text_names_the_schedule(self):
        done = self.start(*QUICK, "--programs", "forward", stderr=subprocess.DEVNULL)
        self.assertRegex(done.communicate()[0],
                         r"^forward 2x4x1000x1000: tuned, [\d.]+ -> [\d.]+ us \(\d\.\d+x\), row; forward_row_row: tile_m \d+")

    def test_a_run_can_start_from_the_slowest_of_another(self):
        record, _ = self.tuned(*QUICK, "--programs", "forward", "--strategy", "exhaustive")
        (self.folder / "all.json").write_text(json.dumps(record))
        slowest = max((t for t in record["programs"][0]["trials"] if t["ratio"]), key=lambda t: t["ratio"])
        self.log.unlink()
        self.tuned(*QUICK, "--programs", "forward", "--start-from", self.folder / "all.json")
        first = [line for line in self.trials() if "row: " in line][1]  # behind the incumbent
        self.assertIn(slowest["kernels"][0]["schedule"], first)

    def test_planted_candidates_are_among_the_others(self):
        self.plan(arch="sm_90a", plants=[{"when": "planted fault", "do": "fault"}, {"when": "planted loop", "do": "hang"},
                          {"when": "planted wrong", "do": "wrong"}])
        record, said = self.tuned(*QUICK, "--programs", "forward", "--plant", "fault,loop,wrong", "--deadline", "1")
        outcomes = {t["variant"]: t["outcome"] for t in record["programs"][0]["trials"] if "planted" in t["variant"]}
        self.assertEqual(outcomes, {"planted fault": "faulted", "planted loop": "timed_out", "planted wrong": "wrong"})
        self.assertEqual(record["programs"][0]["ending"], "tuned")
        self.assertIn("timed_out: it did not end within", said)

    def test_a_program_that_cannot_be_tuned_is_1(self):
        self.plan(default_is_wrong=True)
        done = self.start(*QUICK, "--programs", "forward", stderr=subprocess.PIPE)
        out, said = done.communicate()
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed: the default: output 'o'", out)
        self.assertIn("1 of 1 programs could not be tuned", said)

    def test_dry_run_measures_nothing(self):
        record, _ = self.tuned("--dry-run", "--programs", "tangent_forward", "--shapes", "2x4x1000x1000")
        self.assertGreater(len(record), 10)
        self.assertEqual({r["program"] for r in record}, {"tangent_forward"})
        self.assertTrue(all(r["model_clocks"] > 0 and "tile_m" in r["candidate"] for r in record))
        self.assertEqual(self.trials(), [])
        self.assertFalse((self.folder / "tunings.db").exists())


class Interruption(TuneTest):
    def interrupted(self, how):
        self.plan(trial_ms=20)
        self.log.unlink(missing_ok=True)
        running = self.start("--json", *QUICK, "--programs", "forward", "--strategy", "random", stderr=subprocess.PIPE)
        self.wait_for_trials(15)
        running.send_signal(how)
        out, said = running.communicate(timeout=20)
        self.assertEqual(running.returncode, -how)
        return out, said

    def resumed(self):
        begun = len(self.trials())
        self.plan()
        record, _ = self.tuned(*QUICK, "--programs", "forward", "--resume")
        self.assertGreaterEqual(record["programs"][0]["resumed"], 13)
        self.assertEqual(record["programs"][0]["ending"], "tuned")
        points = len({json.dumps(t["kernels"]) for t in record["programs"][0]["trials"]})
        self.assertLessEqual(len(self.trials()) - begun, points)

    def test_ctrl_c_saves_all_and_tells_so(self):
        for how in [signal.SIGINT, signal.SIGTERM]:
            out, said = self.interrupted(how)
            record = json.loads(out)
            self.assertTrue(record["interrupted"])
            self.assertEqual(record["programs"][0]["ending"], "interrupted")
            self.assertIn("--resume", said)
            self.assertEqual(self.workers(), [])
        self.resumed()

    def test_a_killed_tuner_takes_its_processes_along_and_is_resumed(self):
        self.interrupted(signal.SIGKILL)
        for _ in range(200):
            if not self.workers():
                break
            time.sleep(0.01)
        self.assertEqual(self.workers(), [])
        self.resumed()


class Terminal(TuneTest):
    def test_a_bar_is_drawn_over_itself(self):
        self.plan(trial_ms=10)
        outer, inner = pty.openpty()
        running = self.start(*QUICK, "--programs", "forward", stderr=inner)
        os.close(inner)
        shown = b""
        while True:
            try:
                piece = os.read(outer, 4096)
            except OSError:  # the other side was closed
                break
            shown += piece
        os.close(outer)
        self.assertEqual(running.wait(), 0)
        running.stdout.close()
        bars = re.findall(rb"\r\033\[K(forward [^\r\n]*)", shown)
        self.assertGreater(len(bars), 2)
        self.assertTrue(all(len(bar) < 80 for bar in bars if b" us" not in bar))
        self.assertRegex(bars[-2], rb"\[#+\.*\] \d+/\d+, best")


class Lists(TuneTest):
    def shapes(self, name, text, *words):
        (self.folder / name).write_text(text)
        record, said = self.tuned("--dry-run", "--shapes", self.folder / name, *words)
        return list(dict.fromkeys((r["program"], r["shape"]) for r in record)), said

    def test_csv(self):
        found, said = self.shapes("list.csv", "launches,heads,batch,q_length,kv_length,program,specification\n"
                                  "5,4,2,100,100,forward,\n# a remark\n70,4,2,50,60,,\n2,4,1,9,9,forward," + "0" * 64 + "\n",
                                  "--programs", "forward,tangent_forward")
        self.assertEqual(found, [("forward", "2x4x50x60"), ("tangent_forward", "2x4x50x60"), ("forward", "2x4x100x100")])
        self.assertIn("1 rows of", said)

    def test_toml(self):
        found, _ = self.shapes("list.toml", "[[shape]]\nbatch = 1\nheads = 2\nq_length = 30\nkv_length = 40\n"
                               'programs = ["backward", "forward"]\n')
        self.assertEqual(found, [("forward", "1x2x30x40"), ("backward", "1x2x30x40")])

    def test_what_is_wrong_names_its_place(self):
        for name, text, place in [("a.csv", "batch,heads,q_length,kv_length\n1,2,3,4\n1,2,x,4\n", "a.csv:3: "),
                                  ("b.csv", "batch,heads,q_length\n1,2,3\n", "b.csv:2: "),
                                  ("c.toml", "[[shape]]\nbatch = 1\nhats = 2\n", "c.toml:1: "),
                                  ("d.toml", "x = 1\n", "d.toml: "), ("e.csv", "batch\n", "e.csv: ")]:
            (self.folder / name).write_text(text)
            self.assertIn(place, self.fails(2, *self.words("--dry-run", "--shapes", self.folder / name)))


class WrongCalls(TuneTest):
    def test_are_2(self):
        for words in [["--budget", "soon"], ["--budget", "0"], ["--budget", "5d"], ["--device", "x"], ["--device", "0,0"],
                      ["--device", ""], ["--strategy", "clever"], ["--shapes", "2x4"], ["--shapes", "none.csv"],
                      ["--plant", "tree"], ["--start-from", PLAIN], ["--margin", "2"], ["--programs", "sideways"]]:
            self.fails(2, *self.words(*words), environment=self.environment)

    def test_a_gpu_that_is_not_there_is_3(self):
        error = self.fails(3, "tune", PLAIN, "--device", "99", "--programs", "forward", environment=self.environment)
        self.assertIn("GPU 99", error)
        error = self.fails(3, *self.words("--device", "7"), environment=self.environment)
        self.assertRegex(error, "GPU 7 .*jvpgen doctor")

    def test_a_database_that_cannot_be_written_is_said_before_anything_is_measured(self):
        self.fails(3, *self.words(*QUICK), environment={**self.environment, "JVPGEN_DATABASE": "/proc/none/tunings.db"})
        self.assertEqual(self.trials(), [])


if __name__ == "__main__":
    unittest.main()
