"""The verdict of `stopgrad diagnose` on trained networks: python configs/trained.py STOPGRAD FOLDER...

STOPGRAD is the program, each FOLDER one of `stopgrad compare`. A run's encoder gives its outputs for its source, and is judged
two ways: alone, and beside the encoder as it was initialised. What is true is taken from the probes on the
test part, which the verdict does not see: an encoder has *lost* its content if kNN and linear probe both fell below the middle
between chance and the untrained encoder, and has *kept* it if both are at least the untrained encoder's less two points.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

WAYS = ["alone", "beside the untrained encoder"]


def ask(program, *words):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def source(run):
    lines = (run / "config.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("path = "))


def loss(run):
    """`cosine` or `squared`, as the run was trained."""
    lines = (run / "config.toml").read_text().splitlines()
    return "cosine" if 'loss = "cosine"' in lines else "squared"


def untrained(program, run, folder):
    """The encoder of the run's seed before its first step."""
    out = folder / "untrained"
    ask(program, "train", "--config", run / "config.toml", "--steps", 1, "--set", "optimizer.learning_rate=1e-30", "--set",
        "optimizer.warmup_steps=0", "--out", out, "--quiet")
    return out


def outputs(program, run, path):
    ask(program, "embed", run, source(run), "--out", path, "--quiet")
    return path


def accuracy(probes, kind, place="encoder"):
    wanted = {"place": place, "kind": kind, "at": "last", "split": "test"}
    return next(p["accuracy"] for p in probes if all(p[k] == v for k, v in wanted.items()))


def truth(record):
    own, before = record["probes"], record["baselines"]["untrained"]
    pairs = [(accuracy(own, kind), accuracy(before, kind)) for kind in ("knn", "linear")]
    if all(now < (0.1 + then) / 2 for now, then in pairs):
        return "lost"
    return "kept" if all(now >= then - 0.02 for now, then in pairs) else "between"


def judge(program, z, *words):
    found = json.loads(ask(program, "diagnose", z, *words, "--json"))
    return found["collapses"]["answer"]


def main():
    program, folders = sys.argv[1], sys.argv[2:]
    tables = {way: Counter() for way in WAYS}
    for run in sorted(path.parent for folder in folders for path in Path(folder).glob("*/seed-*/run.json")):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            z = outputs(program, run, scratch / "z.npy")
            before = outputs(program, untrained(program, run, scratch), scratch / "untrained.npy")
            told = truth(json.loads((run / "run.json").read_text()))
            answers = [judge(program, z), judge(program, z, "--reference", before, "--loss", loss(run))]
            print(f"{run}: {told}; {answers[0]}, {answers[1]}", flush=True)
            for way, answer in zip(WAYS, answers):
                tables[way][told, answer] += 1
    for way, counts in tables.items():
        answers = sorted({answer for _, answer in counts})
        print(f"\n{way}\n\n| content | runs | {' | '.join(answers)} |\n|---|---{'|---' * len(answers)}|")
        for told in ("kept", "between", "lost"):
            row = [counts[told, answer] for answer in answers]
            print(f"| {told} | {sum(row)} | {' | '.join(map(str, row))} |")


main()
