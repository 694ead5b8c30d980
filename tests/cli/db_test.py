"""jvpgen db: trials come in, are listed, win, are pinned, go out; the digests are those that the documents describe."""

import hashlib
import json
import os
import shutil
import subprocess
import unittest

from program import PROGRAM, SPECS, ProgramTest, call

PLAIN = SPECS / "plain.toml"
H200 = ["--arch", "sm_90a", "--gpu", "NVIDIA H200", "--multiprocessors", "132"]
SHAPE = "1x8x2048x2048"
LATE_FIELDS = {"splits": 0}  # of schedules: not part of digests where they have the value of before


def digest(*pieces):
    """SHA-256 of pieces, each with its length and a colon before it."""
    hashed = hashlib.sha256()
    for piece in pieces:
        data = piece.encode()
        hashed.update(f"{len(data)}:".encode() + data)
    return hashed.hexdigest()


def text(value):
    """As a piece: numbers in their shortest form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def fields(record):
    return [piece for name, value in record.items() if value is not None and LATE_FIELDS.get(name) != value
            for piece in (name, text(value))]


def kernels_of(kernels):
    return [piece for kernel in kernels for piece in fields(kernel)]


def content_id(trial):
    rest = {name: value for name, value in trial.items() if name not in ("id", "problem", "device", "kernels")}
    return digest("jvpgen trial", *fields(trial["problem"]), *fields(trial["device"]), *fields(rest),
                  *kernels_of(trial["kernels"]))


class Db(ProgramTest):
    def setUp(self):
        super().setUp()
        self.place = {"JVPGEN_DATABASE": str(self.folder / "own" / "tunings.db"), "JVPGEN_TUNINGS": "/nonexistent"}

    def db(self, *words):
        return self.succeeds("db", *words, environment=self.place)

    def trial(self, **changes):
        """A measured trial of plain.toml's forward program, on its bundle: a shorter tile, 20 % faster."""
        folder = self.folder / "bundle"
        if not folder.exists():
            call("emit", PLAIN, "--programs", "forward", "--arch", "sm_90a", "-o", folder)
        bundle = json.loads((folder / "bundle.json").read_text())
        variant = next(v for v in bundle["variants"] if v["program"] == "forward")
        default = [{"kernel": launch["kernel"].removeprefix(bundle["name"] + "_"), **launch["schedule"]}
                   for launch in variant["launches"]]
        emitted = {launch["source"].removesuffix(".cu") for launch in variant["launches"]}
        headers = sorted(path for path in folder.glob("*.cuh") if path.stem not in emitted | {"reference"})
        trial = {"id": "", "problem": {"specification": bundle["digest"], "program": "forward", "batch": 1, "heads": 8,
                                       "kv_heads": 8, "q_length": 2048, "kv_length": 2048, "q_total": 2048, "kv_total": 2048},
                 "device": {"name": "NVIDIA H200", "arch": "sm_90a", "multiprocessors": 132, "memory_bytes": 150754820096,
                            "shared_bytes_per_block": 232448, "sm_clock_mhz": 1980, "memory_clock_mhz": 3201, "power_cap_w": 700},
                 "kernels": [dict(kernel) for kernel in default],
                 "variant": variant["variant"], "skeleton": variant["skeleton"],
                 "default_digest": digest("jvpgen candidate", "variant", variant["variant"], *kernels_of(default)),
                 "driver": "580.65.06", "nvrtc": "13.0.88",
                 "template_digest": digest(*[piece for path in headers for piece in (path.name, path.read_text())]),
                 "jvpgen_version": "0.1.0", "run": "1" * 32, "measured_at_unix_ms": 1700000000000, "outcome": "measured",
                 "reason": "", "verdict": "better", "samples": 20, "median_us": 80.5, "spread_us": 0.5,
                 "default_median_us": 100.25, "default_spread_us": 0.75, "cold_median_us": None, "relative_error": None,
                 "workspace_bytes": 0, "deterministic": True}
        trial["kernels"][0]["tile_n"] -= 16
        trial.update(changes)
        trial["id"] = content_id(trial)
        return trial

    def file(self, *trials, name="trials.json"):
        path = self.folder / name
        path.write_text(json.dumps({"format": "jvpgen trials", "version": 1, "trials": trials}))
        return path

    def best(self, *more):
        return json.loads(self.db("best", PLAIN, "--programs", "forward", "--shapes", SHAPE, *H200, "--json", *more))[0]


class Commands(Db):
    def test_each_has_help_and_json(self):
        for command in ["show", "best", "export", "import", "merge", "prune", "verify"]:
            self.assertIn("--json", self.succeeds("db", command, "--help"))

    def test_wrong_calls_are_2(self):
        for words in [[], ["shwo"], ["import"], ["merge", PLAIN], ["prune"], ["show", "--outcome", "fine"],
                      ["show", "--before", "yesterday"], ["show", "--database", self.folder / "none.db"],
                      ["export", "--format", "xml"], ["export", "--format", "sqlite"], ["export", "--format", "t4"],
                      ["import", self.folder / "none.db"], ["import", PLAIN], ["best", PLAIN, "--gpu", "NVIDIA H200"],
                      ["best", PLAIN, *H200, "--shapes", "2x2"]]:
            self.fails(2, "db", *words, environment=self.place)


class Ahead(Db):
    def test_bundles_get_machine_code_of_what_look_ups_answer(self):
        trial = self.trial()
        self.db("import", self.file(trial))
        bundle = self.folder / "bundle"
        self.succeeds("compile", "--bundle", bundle, "--arch", "sm_90a", environment=self.place)
        code = json.loads((bundle / "bundle.json").read_text())["machine_code"]
        sweep = [entry["schedule"]["tile_n"] for entry in code if entry["kernel"].endswith(trial["kernels"][0]["kernel"])]
        self.assertEqual(sorted(sweep), [trial["kernels"][0]["tile_n"], trial["kernels"][0]["tile_n"] + 16])
        self.succeeds("bundle", "verify", bundle)


class Exchange(Db):
    def test_what_is_imported_is_exported(self):
        trials = [self.trial(), self.trial(measured_at_unix_ms=1700000000001, median_us=90.0)]
        self.assertIn("2 trials read, 2 of them new, 2 now", self.db("import", self.file(*trials)))
        self.assertEqual(json.loads(self.db("export"))["trials"], trials)
        self.assertEqual(json.loads(self.db("show", "--json", "--spec", PLAIN, "--shape", SHAPE))["trials"], trials)
        self.assertIn("ratio 0.803, better", self.db("show", "--id", trials[0]["id"][:10]))
        self.assertEqual(self.db("show", "--shape", "1x8x1x1"), "0 trials\n")
        self.assertEqual(len(json.loads(self.db("export", "--format", "t4"))["results"]), 2)
        self.assertIn("sound", self.db("verify", "--spec", PLAIN, "--current"))

    def test_merging_in_any_order_gives_one_database(self):
        files = [self.file(self.trial(), self.trial(measured_at_unix_ms=number), name=f"{number}.json") for number in range(3)]
        exports = set()
        for number, order in enumerate([files, files[::-1], [files[1], *files, files[0]]]):
            merged = self.folder / f"merged{number}.db"
            self.db("merge", *order, "-o", merged)
            exports.add(self.db("export", "--database", merged))
            self.db("merge", merged, "-o", merged)  # once more, from itself
            exports.add(self.db("export", "--database", merged))
        self.assertEqual(len(exports), 1)
        self.assertEqual(len(json.loads(exports.pop())["trials"]), 4)

    def test_a_hostile_file_changes_nothing(self):
        self.db("import", self.file(self.trial()))
        before = self.db("export")
        good, bad = self.trial(median_us=70.0), self.trial(median_us=60.0)
        bad["kernels"][0]["warps"] = 4096
        error = self.fails(2, "db", "import", self.file(good), self.file(bad, name="bad.json"), environment=self.place)
        self.assertIn("kernels[0].warps is out of range", error)
        self.assertEqual(self.db("export"), before)

    def test_a_subset_becomes_a_database_to_ship(self):
        self.db("import", self.file(self.trial(), self.trial(outcome="wrong", reason="off", verdict="none")))
        shipped = self.folder / "shipped.db"
        self.db("export", "--outcome", "measured", "--format", "sqlite", "-o", shipped)
        self.place = {"JVPGEN_DATABASE": str(self.folder / "other.db"), "JVPGEN_TUNINGS": str(shipped)}
        self.assertEqual(self.best()["match"], "exact")
        self.assertFalse((self.folder / "other.db").exists())


    def test_what_is_shipped_answers_look_ups(self):
        good, bad = self.trial(), self.trial(median_us=40.5)
        bad["kernels"][0]["tile_n"] -= 16
        bad["id"] = content_id(bad)
        wrong = self.trial(**{**bad, "outcome": "wrong", "reason": "off", "verdict": "none", "run": "2" * 32})
        wrong["kernels"] = bad["kernels"]
        wrong["id"] = content_id(wrong)
        others = [self.trial(verdict="none", run="3" * 32), self.trial(template_digest="0" * 64)]
        self.db("import", self.file(good, bad, wrong, *others))
        shipped = json.loads(self.db("export", "--to-ship"))["trials"]
        self.assertEqual([trial["id"] for trial in shipped], [good["id"]])
        self.db("prune", "--outcome", "measured")
        error = self.fails(2, "db", "export", "--to-ship", environment=self.place)
        self.assertIn("no final was measured", error)

    def test_the_shipped_database_lies_beside_the_program(self):
        self.db("import", self.file(self.trial()))
        (self.folder / "bin").mkdir()
        (self.folder / "share" / "jvpgen").mkdir(parents=True)
        self.db("export", "--format", "sqlite", "-o", self.folder / "share" / "jvpgen" / "tunings.db")
        program = shutil.copy(PROGRAM, self.folder / "bin")
        places = {**os.environ, "XDG_DATA_HOME": str(self.folder / "data"), "JVPGEN_DATABASE": "", "JVPGEN_TUNINGS": ""}
        words = [program, "db", "best", PLAIN, "--programs", "forward", "--shapes", SHAPE, *H200, "--json"]
        done = subprocess.run(words, capture_output=True, text=True, env=places)
        self.assertEqual(done.stderr, "")
        self.assertEqual(json.loads(done.stdout)[0]["match"], "exact")


class Upkeep(Db):
    def test_prune_removes_what_is_chosen(self):
        stale = self.trial(template_digest="0" * 64, measured_at_unix_ms=1600000000000)
        self.db("import", self.file(self.trial(), stale))
        self.assertIn("1 trials chosen, 0 removed", self.db("prune", "--before", "2021-01-01", "--dry-run"))
        self.assertEqual(json.loads(self.db("prune", "--stale", "--json")), {"chosen": 1, "removed": 1})
        self.assertEqual([t["id"] for t in json.loads(self.db("export"))["trials"]], [self.trial()["id"]])

    def test_verify_finds_other_templates_and_illegal_schedules(self):
        illegal = self.trial()
        illegal["kernels"][0]["tile_n"] = 17
        illegal["id"] = content_id(illegal)
        self.db("import", self.file(illegal, self.trial(template_digest="0" * 64)))
        self.assertIn("2 trials, sound", self.db("verify"))
        done = call("db", "verify", "--spec", PLAIN, "--current", environment=self.place)
        self.assertEqual(done.returncode, 1)
        self.assertIn("tile_n = 17 was asked for", done.stdout)
        self.assertIn("1 trials are of other templates than this jvpgen's", done.stdout)
        self.assertIn("2 things are wrong", done.stderr)


class Best(Db):
    def test_default_names_the_command(self):
        found = self.best()
        self.assertEqual((found["match"], found["is_default"]), ("default", True))
        self.assertIn(f"run: jvpgen tune {PLAIN} --programs forward --shapes {SHAPE}", found["notice"])

    def test_a_tuned_schedule_wins_and_is_pinned(self):
        trial = self.trial()
        self.db("import", self.file(trial))
        found = self.best()
        self.assertEqual((found["match"], found["is_default"], found["notice"]), ("exact", False, ""))
        self.assertAlmostEqual(found["ratio"], 80.5 / 100.25)
        self.assertIn(f"tile_n {trial['kernels'][0]['tile_n']}", found["kernels"][0]["schedule"])
        frozen = self.folder / "frozen.json"
        self.best("--freeze", frozen)
        content = json.loads(frozen.read_text())
        pinned = content["programs"][0]
        self.assertEqual(pinned["problem"], trial["problem"])
        self.assertEqual(pinned["kernels"][0]["tile_n"], trial["kernels"][0]["tile_n"])
        self.assertRegex(pinned["kernels"][0]["cubin_sha256"], r"^[0-9a-f]{64}$")
        self.assertEqual(pinned["kernels"][0]["splits"], pinned["kernels"][0]["parts"])
        self.best("--freeze", frozen)
        self.assertEqual(json.loads(frozen.read_text()), content)


if __name__ == "__main__":
    unittest.main()
