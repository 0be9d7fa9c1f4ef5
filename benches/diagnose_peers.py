"""One number or a verdict: python benches/diagnose_peers.py [STOPGRAD=target/release/stopgrad]

Writes outputs whose fate is known to files, gives each to `stopgrad diagnose` and to formulas that others log, written here from
their definitions: the standard deviation of z/|z| (read against 1/√d), RankMe (exp of the entropy of the singular values of the
matrix that is not centred, p = σ/Σσ + 1e-5; Garrido et al. 2023 as stable-pretraining has it) and LiDAR (Thilak et al. 2023:
classes are 100 runs of 10 rows, S_w + 1e-4 I, p = (λ + 1e-8)/Σ). Then the time of a pair of views [50,000, 768]. Needs NumPy.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N, D = 1000, 64
PAIR = """
import sys, numpy as np
rng = np.random.default_rng(1)
x = rng.normal(size=(50_000, 768)).astype(np.float32)
np.save(sys.argv[1], x)
np.save(sys.argv[2], x + rng.normal(size=x.shape).astype(np.float32))
"""


def entropy_rank(p):
    return float(np.exp(-(p * np.log(p)).sum()))


def direction_std(z):
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return float((z / np.maximum(length, 1e-12)).std(0).mean())


def rankme(z):
    singular = np.linalg.svd(z, compute_uv=False)
    return entropy_rank(singular / singular.sum() + 1e-5)


def lidar(z, rows=10):
    groups = z.reshape(-1, rows, z.shape[1])
    means = groups.mean(1)
    between = np.cov(means.T, bias=True)
    inner = (groups - means[:, None]).reshape(-1, z.shape[1])
    within = inner.T @ inner / len(inner) + 1e-4 * np.eye(z.shape[1])
    values, vectors = np.linalg.eigh(within)
    root = vectors / np.sqrt(values) @ vectors.T
    eigenvalues = np.maximum(np.linalg.eigvalsh(root @ between @ root), 0) + 1e-8
    return entropy_rank(eigenvalues / eigenvalues.sum())


def cases(rng):
    constant, full = rng.normal(size=D), rng.normal(size=(N, D))
    yield "constant vector", "complete", np.full((N, D), 0.7)
    yield "constant + 1e-5 noise", "complete", constant + 1e-5 * rng.normal(size=(N, D))
    yield "constant + 1e-3 noise", "complete", constant + 1e-3 * rng.normal(size=(N, D))
    yield "two points ±(1, …, 1)/√d", "cluster", np.where(rng.random(N)[:, None] < 0.5, 1, -1) * np.ones(D) / D**0.5
    for rank in (2, 4, 8):
        yield f"normal of rank {rank}", "dimensional", rng.normal(size=(N, rank)) @ rng.normal(size=(rank, D))
    yield "normal of full rank", "no", full
    yield "full rank + mean 50 in each coordinate", "no", full + 50
    groups = np.repeat(rng.normal(size=(100, D)), 10, 0) + 0.3 * rng.normal(size=(N, D))
    yield "100 groups × 10 noisy views, in order", "no", groups
    yield "the same, rows shuffled", "no", groups[rng.permutation(N)]
    yield "8 tokens that tell their position alone", "positional", rng.normal(size=(1, 8, D)) + 1e-3 * rng.normal(size=(N, 8, D))


def diagnosed(program, *words):
    """The document, and the most memory that the program held, in MiB."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([program, "diagnose", *map(str, words), "--json"], stdout=said)
        _, status, usage = os.wait4(child.pid, 0)
        said.seek(0)
        if status:
            sys.exit(f"{words}: status {status}")
        return json.load(said), usage.ru_maxrss / 1024


def main():
    program, rng = sys.argv[1] if len(sys.argv) > 1 else "target/release/stopgrad", np.random.default_rng(0)
    print(f"n = {N}, d = {D}, 1/√d = {D**-0.5:.3f}\n")
    print("| outputs | std of z/\\|z\\| | RankMe | LiDAR | stopgrad diagnose | effective rank, centred |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "z.npy"
        for name, truth, z in cases(rng):
            np.save(file, z)
            found = diagnosed(program, file)[0]["collapses"]
            evidence = found["where"]["encoder"]["evidence"]
            # Others know no tokens: all are rows, of which the first N.
            rows = np.load(file).reshape(-1, D)[:N]
            numbers = f"{direction_std(rows):.4g} | {rankme(rows):.4g} | {lidar(rows):.4g}"
            answer = found["answer"] + ("" if found["answer"] == truth else f" (WRONG: {truth})")
            print(f"| {name} | {numbers} | {answer} | {evidence['effective_rank']:.4g} |", flush=True)
        views = [Path(scratch) / "x.npy", Path(scratch) / "y.npy"]
        # In a process of its own: a child starts with the memory of its parent on its account.
        subprocess.run([sys.executable, "-c", PAIR, *map(str, views)], check=True)
        size = sum(view.stat().st_size for view in views) / 2**20
        for words in ([], ["--weight-decay", "0.1"]):
            start = time.monotonic()
            found, most = diagnosed(program, views[0], "--second-view", views[1], *words)
            seconds, share = time.monotonic() - start, found["views"]["shared_share"]
            print(
                f"\npair [50,000, 768] {' '.join(words)}: {seconds:.1f} s, at most {most:.0f} MiB for {size:.0f} MiB of files; "
                f"shared {100 * share:.1f} % (truth 66.7)"
            )


main()
