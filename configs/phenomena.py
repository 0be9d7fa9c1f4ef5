"""What was reported of a large video run (docs/theory.md, 6.2), looked for in other runs: python configs/phenomena.py FOLDER...

FOLDER: of a comparison. A row a run: where Ē has its smallest value, as a share of the steps; Ē there over Ē at the start and at the
end; medians of step lengths over the rate, in the last tenth over the second (lengths over the rate, because a schedule that
ends at 0 ends them at 0 as well); best and last kNN accuracy of the validation part, and the share of the steps at which the best
was; effective rank of the encoder at the start, where it was smallest, and at the end.
"""

import csv
import statistics
import sys
from pathlib import Path


def numbers(path):
    with open(path, newline="") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def lengths(rows, column, part):
    """Median of step lengths over the rate, in the part of the rows from one tenth to the next."""
    some = rows[len(rows) * part // 10 : max(len(rows) * (part + 1) // 10, 1)]
    found = [row[column] / row["learning_rate"] for row in some if column in row and row.get("learning_rate")]
    return statistics.median(found) if found else float("nan")


def row(name, rows):
    last = rows[-1]["step"]
    least = min((r for r in rows if "joint_objective" in r), key=lambda r: r["joint_objective"])
    first, end = rows[0]["joint_objective"], rows[-1]["joint_objective"]
    probed = [r for r in rows if "knn_accuracy" in r]
    best = max(probed, key=lambda r: r["knn_accuracy"])
    ranks = [r["student_encoder_effective_rank"] for r in rows if "student_encoder_effective_rank" in r]
    ratios = [lengths(rows, column, 9) / lengths(rows, column, 1) for column in
              ("student_increment", "predictor_increment", "teacher_increment")]
    cells = [f"{least['step'] / last:.2f}", f"{least['joint_objective'] / first:.3f}", f"{end / first:.3f}"]
    cells += ["" if ratio != ratio else f"{ratio:.2f}" for ratio in ratios]
    cells += [f"{100 * best['knn_accuracy']:.1f} ({best['step'] / last:.2f})", f"{100 * probed[-1]['knn_accuracy']:.1f}"]
    cells.append(" / ".join(f"{rank:.1f}" for rank in (ranks[0], min(ranks), ranks[-1])))
    return f"| {name} | " + " | ".join(cells) + " |"


def main():
    print("| run | smallest Ē at | Ē there | Ē at the end | θ steps | ψ steps | ξ steps | best kNN (at) | last kNN | effective rank |")
    print("|---" * 10 + "|")
    for folder in sys.argv[1:]:
        for path in sorted(Path(folder).glob("**/metrics.csv")):
            print(row(str(path.parent.relative_to(folder)), numbers(path)))


if __name__ == "__main__":
    main()
