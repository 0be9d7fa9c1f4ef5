"""The tables of docs/results/ from folders of comparisons: python configs/table.py FOLDER...

Accuracies in percent, mean (smallest to largest) over seeds, test part. Then, over all runs of all folders: by how much the
step that each rule chooses is below the best probed step of the run, in points of kNN accuracy on the validation part.
"""

import csv
import json
import math
import sys
from collections import Counter
from pathlib import Path


def load(folder):
    """Run name -> [(run.json, verdict.json, probed rows of metrics.csv)], a seed each."""
    runs = {}
    # With one seed a run has no folder of seeds.
    for path in sorted(Path(folder).glob("*/seed-*/run.json")) or sorted(Path(folder).glob("*/run.json")):
        with open(path.parent / "metrics.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["knn_accuracy"]]
        verdict = json.loads((path.parent / "verdict.json").read_text())
        name = (path.parent.parent if path.parent.name.startswith("seed-") else path.parent).name
        runs.setdefault(name, []).append((json.loads(path.read_text()), verdict, rows))
    usual = ["joint", "sg", "ema"]
    return {name: runs[name] for name in sorted(runs, key=lambda n: (usual.index(n) if n in usual else len(usual), n))}


def spread(values, form="{:.1f}"):
    values = list(values)
    if not values:
        return ""
    mean = form.format(sum(values) / len(values))
    return f"{mean} ({form.format(min(values))} to {form.format(max(values))})"


def accuracies(probes, kind, at, place="encoder"):
    wanted = {"place": place, "kind": kind, "at": at, "split": "test"}
    return [100 * p["accuracy"] for p in probes if all(p[k] == v for k, v in wanted.items())]


def answers(seeds, question):
    counts = Counter(verdict[question]["answer"] for _, verdict, _ in seeds)
    return ", ".join(f"{answer} ×{n}" if len(counts) > 1 else answer for answer, n in counts.items())


def accuracy_table(runs):
    columns = [("knn", "last"), ("knn", "validation"), ("linear", "last")]
    print("| run | minimises Ē | converges | collapses | kNN, last step | kNN, step chosen by validation "
          "| linear, last step |\n" + "|---" * 7 + "|")
    for name, seeds in runs.items():
        cells = [answers(seeds, question) for question in ("minimises", "converges", "collapses")]
        for kind, at in columns:
            cells.append(spread(a for run, *_ in seeds for a in accuracies(run["probes"], kind, at)))
        print(f"| {name} | " + " | ".join(cells) + " |")
    baselines = [run["baselines"] for run, *_ in next(iter(runs.values()))]
    for title, key, place in [("untrained encoder", "untrained", "encoder"), ("raw input", "raw", "input")]:
        cells = [spread(a for b in baselines for a in accuracies(b[key], kind, "last", place)) for kind in ("knn", "linear")]
        print(f"| {title} | | | | {cells[0]} | | {cells[1]} |")
    moved = "; ".join(
        f"{name} {min(d):.2f} to {max(d):.2f}"
        for name, seeds in runs.items()
        for d in [[run["relative_displacement"] for run, *_ in seeds]]
    )
    minutes = spread(value(rows[-1], "seconds") / 60 for seeds in runs.values() for *_, rows in seeds)
    print(f"\n|θ − θ₀|/|θ₀|: {moved}. Minutes a run: {minutes}.\n")


def value(row, column):
    return float(row[column]) if row[column] else math.nan


RULES = {
    "last step": lambda rows: rows[-1],
    "effective rank": lambda rows: max(rows, key=lambda r: value(r, "student_encoder_effective_rank")),
    "effective rank, trained": lambda rows: max(rows[1:], key=lambda r: value(r, "student_encoder_effective_rank")),
    "projector's, trained": lambda rows: max(rows[1:], key=lambda r: value(r, "student_projector_effective_rank")),
    "participation ratio, trained": lambda rows: max(rows[1:], key=lambda r: value(r, "student_encoder_participation_ratio")),
    "relative error": lambda rows: min(rows, key=lambda r: value(r, "relative_error")),
    "untrained": lambda rows: rows[0],
}


def rule_table(comparisons):
    print("| comparison, run | best probed step | " + " | ".join(RULES) + " |\n" + "|---" * (2 + len(RULES)) + "|")
    gaps = {}
    for folder, runs in comparisons.items():
        for name, seeds in runs.items():
            best = [max(100 * value(row, "knn_accuracy") for row in rows) for *_, rows in seeds]
            cells = []
            for rule, choose in RULES.items():
                here = [b - 100 * value(choose(rows), "knn_accuracy") for b, (*_, rows) in zip(best, seeds)]
                gaps.setdefault(name, {}).setdefault(rule, []).extend(here)
                cells.append(mean(here))
            print(f"| {Path(folder).name}, {name} | {mean(best)} | " + " | ".join(cells) + " |")
    for name, of_rule in gaps.items():
        print(f"| all {len(of_rule['last step'])} of {name} | | " + " | ".join(mean(of_rule[rule]) for rule in RULES) + " |")


def mean(values):
    return f"{sum(values) / len(values):.1f}"


if __name__ == "__main__":
    comparisons = {folder: load(folder) for folder in sys.argv[1:]}
    for folder, runs in comparisons.items():
        print(f"## {Path(folder).name}\n")
        accuracy_table(runs)
    rule_table(comparisons)
