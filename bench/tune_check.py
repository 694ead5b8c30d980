"""Shows on a GPU what the tuner promises: in time, near an exhaustive search from the worst start, never behind the default.

usage: tune_check.py JVPGEN [--spec FILE] [--shape BxHxSqxSk] [--runs 3] [--budget 60] [--folder FOLDER] [--output FILE]
                            [--step planted|exhaustive|runs ...]

Steps, each one call or more of `jvpgen tune` with a database and a kernel cache of its own:
  planted     candidates that fault, loop and compute nothing among those of the forward program
  exhaustive  every candidate of every program; kept as exhaustive.json in FOLDER, and not repeated if it is there
  runs        RUNS calls within the budget, with an empty cache, from the slowest candidates that the exhaustive search saw
A table is printed; exit status 1 if a promise is broken.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import provenance

PROGRAMS = ["forward", "tangent_forward", "backward", "tangent_backward"]
STEPS = ["planted", "exhaustive", "runs"]
NEAR = 1.03  # of the exhaustive search's time, as parts of the default's
NOISE = 1.01  # by which a result may be slower than the default


def tuned(options, folder, *words):
    """The record of one call, and the seconds that it took; it starts with neither trials nor kernels."""
    environment = {**os.environ, "JVPGEN_DATABASE": os.path.join(folder, "tunings.db"), "XDG_CACHE_HOME": folder}
    command = [options.jvpgen, "tune", options.spec, "--shapes", options.shape, "--json", *words]
    start = time.time()
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    seconds = time.time() - start
    if not ran.stdout:
        sys.exit(f"tune_check: {' '.join(command)} ended with {ran.returncode} and printed nothing")
    return json.loads(ran.stdout), seconds


def ratio_of(program):
    """What the program runs at after tuning, as a part of the default's time."""
    return program["winner"]["ratio"] if program["winner"] else 1.0


def planted(options, report):
    with tempfile.TemporaryDirectory() as folder:
        record, seconds = tuned(options, folder, "--programs", "forward", "--plant", "fault,loop,wrong", "--budget", "60s")
    outcomes = {t["variant"]: t["outcome"] for t in record["programs"][0]["trials"] if t["variant"].startswith("planted")}
    reasons = {t["variant"]: t["reason"] for t in record["programs"][0]["trials"] if t["variant"].startswith("planted")}
    expected = {"planted fault": "faulted", "planted loop": "timed_out", "planted wrong": "wrong"}
    ending = record["programs"][0]["ending"]
    for name, outcome in expected.items():
        print(f"{name:15} {outcomes.get(name, 'not tried'):10} {reasons.get(name, '')[:90]}")
    print(f"the others: {ending}, {seconds:.0f} s")
    report["planted"] = {"outcomes": outcomes, "reasons": reasons, "ending": ending, "seconds": seconds}
    return outcomes == expected and ending in ("tuned", "default stays", "ambiguous")


def exhaustive(options, report):
    kept = pathlib.Path(options.folder) / "exhaustive.json"
    record = json.loads(kept.read_text()) if kept.exists() else {"programs": []}
    for program in PROGRAMS:
        if any(p["program"] == program for p in record["programs"]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found, _ = tuned(options, folder, "--programs", program, "--strategy", "exhaustive", "--budget", "2h",
                             "--finalists", "8", "--report", str(kept.with_name(f"exhaustive_{program}.html")))
        record["programs"] += found["programs"]
        kept.write_text(json.dumps(record))  # after each program: a check that is cut goes on from there
    report["exhaustive"] = []
    for p in record["programs"]:
        ratios = [t["ratio"] for t in p["trials"] if t["ratio"] is not None]
        line = {"program": p["program"], "ending": p["ending"], "trials": len(p["trials"]), "seconds": p["seconds"],
                "best_ratio": ratio_of(p), "worst_ratio": max(ratios, default=None), "winner": p["winner"]}
        report["exhaustive"].append(line)
        print(f"exhaustive  {p['program']:17} {line['trials']:4} trials {p['seconds']:6.0f} s  best {line['best_ratio']:.3f}"
              f"  worst {line['worst_ratio'] or 0:.2f} of the default's time", flush=True)
    return all(p["ending"] != "failed" for p in record["programs"])


def runs(options, report):
    kept = pathlib.Path(options.folder) / "exhaustive.json"
    if not kept.exists():
        sys.exit("tune_check: the step runs needs the step exhaustive before it")
    best = {p["program"]: ratio_of(p) for p in json.loads(kept.read_text())["programs"]}
    report["runs"], good = [], True
    for number in range(1, options.runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            record, seconds = tuned(options, folder, "--budget", f"{options.budget}s", "--start-from", str(kept))
        good &= seconds <= options.budget
        print(f"run {number}: {seconds:.1f} s of {options.budget} s")
        for p in record["programs"]:
            ratio = ratio_of(p)
            behind = ratio / best[p["program"]]
            right = p["ending"] != "failed" and behind <= NEAR and ratio <= NOISE
            good &= right
            report["runs"].append({"run": number, "seconds": seconds, "program": p["program"], "ending": p["ending"],
                                   "trials": len(p["trials"]), "ratio": ratio, "of_exhaustive": behind,
                                   "passed": right, "default": p["default"], "winner": p["winner"]})
            print(f"  {p['program']:17} {p['ending']:14} {len(p['trials']):4} trials  {ratio:.3f} of the default's time, "
                  f"{behind:.3f} of the exhaustive search's  {'ok' if right else 'BROKEN'}")
    return good


def main():
    parser = argparse.ArgumentParser(description="show what the tuner promises")
    parser.add_argument("jvpgen")
    parser.add_argument("--spec", default="examples/specs/plain.toml")
    parser.add_argument("--shape", default="2x16x2048x2048")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--folder", default=".")
    parser.add_argument("--output")
    parser.add_argument("--step", action="append", choices=STEPS)
    parser.add_argument("--commit", default=provenance.commit())
    options = parser.parse_args()
    options.jvpgen = os.path.abspath(options.jvpgen)
    gpu, driver = provenance.gpu_and_driver()
    kept = pathlib.Path(options.output) if options.output else None
    report = {
        **(json.loads(kept.read_text()) if kept and kept.exists() else {}),  # of other steps
        "command": f"bench/tune_check.py jvpgen --spec {options.spec} --shape {options.shape} --runs {options.runs} "
                   f"--budget {options.budget}",
        "commit": options.commit,
        "gpu": gpu,
        "driver": driver,
        "date": datetime.date.today().isoformat(),
        "processors": os.cpu_count(),
    }
    good = True
    for step in STEPS:
        if step in (options.step or STEPS):
            good &= globals()[step](options, report)
        if kept:  # after each step: a check that is cut keeps what it has
            kept.write_text(json.dumps(report, indent=1) + "\n")
    print("every promise was kept" if good else "a promise was broken")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
