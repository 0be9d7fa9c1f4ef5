"""The plain iteration for S_max in NumPy, on the instance of the bench `maximal`, side by side with ours:

    python benches/maximal_peer.py 784 [rounds]

Prints, for each round, NumPy's seconds for S <- (M' S M)^(1/2) - lambda X^-1 (principal root by eigh, from S = |M|^2 I) down
to the residual of ours, then ours (`cargo bench -p stopgrad-dynamics --bench maximal`), and the ratio of the medians.
At 3072 the peer takes minutes: `python benches/maximal_peer.py 3072 1 3` times 3 iterations and multiplies by the count at
784 (the contraction does not depend on the size for this family), and says so. Needs NumPy and cargo.
"""
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
DECAY = 1e-2


def congruential(count, state):
    """The stream of the bench: z <- a z + c mod 2^64, by doubling."""
    a, c = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
    with np.errstate(over="ignore"):
        block = np.array([np.uint64(state) * a + c], dtype=np.uint64)
        multiplier, addend = a, c
        while len(block) < count:
            block = np.concatenate([block, block * multiplier + addend])
            addend = addend * multiplier + addend
            multiplier = multiplier * multiplier
    block = block[:count]
    return (block >> np.uint64(33)).astype(float) / 2**31 - 0.5, int(block[-1])


def instance(n):
    unit = np.sqrt(12 / n)
    g, state = congruential(n * n, 1)
    g = g.reshape(n, n) * (0.3 * unit)
    x = np.eye(n) + g @ g.T
    noise, _ = congruential(n * n, state)
    noise = noise.reshape(n, n) * (0.1 * unit)
    return x, 0.9 * x + (noise + noise.T) / 2


def residual(x, y, s):
    left = x @ s + DECAY * np.eye(len(x))
    target = y.T @ s @ y
    return np.linalg.norm(left @ left.T - target) / np.linalg.norm(target)


def root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values)) @ vectors.T


def plain(x, y, steps, tolerance):
    """S, iterations, seconds; the test of the residual is not timed."""
    clock = time.perf_counter()
    inverse = np.linalg.inv(x)
    m = y @ inverse
    s = np.linalg.norm(m, 2) ** 2 * np.eye(len(x))
    spent = time.perf_counter() - clock
    for step in range(1, steps + 1):
        clock = time.perf_counter()
        s = root(m.T @ s @ m) - DECAY * inverse
        spent += time.perf_counter() - clock
        if tolerance and residual(x, y, s) <= tolerance:
            break
    return s, step, spent


def ours(n, rounds):
    command = ["cargo", "bench", "-q", "-p", "stopgrad-dynamics", "--bench", "maximal", "--", str(n), str(rounds)]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    print(*lines, sep="\n")
    rows = [line.split() for line in lines if line.startswith(f"{n} ")]
    return statistics.median(float(row[1]) for row in rows), float(rows[0][2]), float(rows[0][-1])


def main():
    n, rounds = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    sample = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    x, y = instance(n)
    own, goal, trace = ours(n, rounds)
    times = []
    for _ in range(rounds):
        if sample:
            small = instance(784)
            count = plain(*small, 200, 10 * goal)[1]
            _, steps, spent = plain(x, y, sample, 0)
            times.append(spent / steps * count)
            print(f"numpy: {spent / steps:.3f} s an iteration, {count} iterations at 784: {times[-1]:.1f} s estimated")
        else:
            s, steps, spent = plain(x, y, 200, 10 * goal)
            times.append(spent)
            print(f"numpy: {steps} iterations, {spent:.3f} s, residual {residual(x, y, s):.2e}, trace {np.trace(s):.12f}")
            assert abs(np.trace(s) / trace - 1) < 1e-9, "the two programs solve different instances"
    print(f"{n}: ours {own:.3f} s, numpy {statistics.median(times):.3f} s, {statistics.median(times) / own:.2f} times faster")


main()
