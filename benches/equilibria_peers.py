#!/usr/bin/env python3
"""All equilibria of full rank beside general solvers of polynomial systems, on the same instances in the same run.

    cargo build --release --bin stopgrad
    python benches/equilibria_peers.py [SIZES [COUNT [CONDITION]]]      as in 2,3 5 100

Ours is the whole process, `stopgrad equilibria --ranks full`, proofs and stability included. PHCpack's black box (`phc -b`,
Debian phcpack) and Macaulay2's solveSystem (Debian macaulay2) get the equations (X S + l)(S X + l) = Y' S Y as polynomials in the entries
of S; what they are credited with are regular solutions. Each has 300 seconds; one that is not installed is left out.
Prints seconds (median), solutions found of those that exist, and the ratio to ours. Needs NumPy.
"""
import itertools
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXIST = {1: 2, 2: 6, 3: 24, 4: 124, 5: 824}
LIMIT = 300


def instance(m, condition, seed):
    rng = np.random.default_rng(seed)
    g = rng.normal(size=(3 * m, m))
    rho, v = np.linalg.eigh(g.T @ g / (3 * m))
    rho = rho ** (np.log(condition) / np.log(rho[-1] / rho[0])) if m > 1 else rho
    q = np.linalg.qr(rng.normal(size=(m, m)))[0]
    k = q @ np.diag(0.2 + 0.8 * rng.random(m)) @ q.T + 0.3 / np.sqrt(m) * rng.normal(size=(m, m))
    root = v @ np.diag(np.sqrt(rho))
    x, y = v @ np.diag(rho) @ v.T, root @ k @ root.T
    decay = 0.1 * min(np.diag(k * np.sqrt(np.outer(rho, rho))) ** 2 / (4 * rho))
    return (x + x.T) / 2, y, float(decay)


def equations(x, y, decay):
    """Dictionaries from exponents' unknowns, a sorted tuple, to coefficients."""
    m = len(x)
    name = lambda i, j: (min(i, j), max(i, j))
    for a, b in itertools.combinations_with_replacement(range(m), 2):
        terms = {(): decay**2 * (a == b)}
        def add(unknowns, value):
            key = tuple(sorted(unknowns))
            terms[key] = terms.get(key, 0.0) + value
        for i, j, k in itertools.product(range(m), repeat=3):
            add((name(i, j), name(j, k)), x[a, i] * x[k, b])
        for i in range(m):
            add((name(i, b),), decay * x[a, i])
            add((name(a, i),), decay * x[i, b])
        for i, j in itertools.product(range(m), repeat=2):
            add((name(i, j),), -y[i, a] * y[j, b])
        yield terms


def text(terms, times, power):
    def product(key):
        return times.join(f"s{i}{j}" for i, j in key)
    return " ".join(f"{value:+.17e}{times + product(key) if key else ''}".replace("e", power) for key, value in terms.items() if value)


def ours(folder, x, y, decay):
    path = folder / "moments.json"
    path.write_text(json.dumps({"xx": x.tolist(), "yx": y.tolist(), "yy": x.tolist()}))
    command = [ROOT / "target/release/stopgrad", "equilibria", path, "--weight-decay", repr(decay), "--ranks", "full", "--json"]
    clock = time.perf_counter()
    said = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    return time.perf_counter() - clock, said["complex_solutions"], said["complete"]


def phc(folder, x, y, decay):
    lines = [text(terms, "*", "E") + ";" for terms in equations(x, y, decay)]
    system, out = folder / "system", folder / "out"
    system.write_text(f"{len(lines)}\n" + "\n".join(lines) + "\n")
    out.unlink(missing_ok=True)
    clock = time.perf_counter()
    subprocess.run(["phc", "-b", system, out], capture_output=True, timeout=LIMIT)
    seconds = time.perf_counter() - clock
    found = re.findall(r"[Nn]umber of regular solutions\s*:\s*(\d+)", out.read_text())
    return seconds, int(found[-1]) if found else 0, False


def macaulay(folder, x, y, decay):
    unknowns = [f"s{i}{j}" for i, j in itertools.combinations_with_replacement(range(len(x)), 2)]
    lines = [text(terms, "*", "e") for terms in equations(x, y, decay)]
    script = folder / "system.m2"
    script.write_text(
        'needsPackage "NumericalAlgebraicGeometry"\n'
        f"R = CC[{','.join(unknowns)}]\n"
        f"F = {{{','.join(lines)}}}\n"
        'S = solveSystem F\nprint("regular " | toString(#select(S, p -> status p === Regular)))\nexit 0\n'
    )
    clock = time.perf_counter()
    said = subprocess.run(["M2", "--script", script], capture_output=True, text=True, timeout=LIMIT)
    seconds = time.perf_counter() - clock
    found = re.findall(r"regular (\d+)", said.stdout)
    return seconds, int(found[-1]) if found else 0, False


def main():
    words = sys.argv[1:]
    sizes = [int(size) for size in words[0].split(",")] if words else [2, 3]
    count = int(words[1]) if len(words) > 1 else 5
    condition = float(words[2]) if len(words) > 2 else 100.0
    peers = {"ours": ours}
    for name, program, run in (("phc -b", "phc", phc), ("Macaulay2", "M2", macaulay)):
        if shutil.which(program):
            peers[name] = run
        else:
            print(f"{name}: not installed, left out")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for m in sizes:
            results = {name: [] for name in peers}
            for seed in range(count):
                numbers = instance(m, condition, seed)
                for name, run in peers.items():
                    try:
                        results[name].append(run(folder, *numbers))
                    except subprocess.TimeoutExpired:
                        results[name].append((float(LIMIT), 0, False))
            base = statistics.median(seconds for seconds, _, _ in results["ours"])
            for name, rows in results.items():
                median = statistics.median(seconds for seconds, _, _ in rows)
                found = ", ".join(str(solutions) for _, solutions, _ in rows)
                proved = f"; {sum(complete for _, _, complete in rows)} of {count} proved complete" if name == "ours" else ""
                late = " (out of time)" if any(seconds >= LIMIT for seconds, _, _ in rows) else ""
                print(f"m = {m}, condition {condition:g}: {name:10} {median:9.3f} s, {median / base:8.1f} times ours; "
                      f"solutions {found} of {EXIST[m]}{late}{proved}", flush=True)


if __name__ == "__main__":
    main()
