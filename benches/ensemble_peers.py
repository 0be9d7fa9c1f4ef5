#!/usr/bin/env python3
"""The ensemble of our bench in SciPy's solve_ivp and in diffrax under vmap, on the same starts.

    python3 -m venv V && V/bin/pip install numpy scipy jax diffrax
    cargo bench -p stopgrad-dynamics --bench ensemble --no-run     (says where the binary lies)
    V/bin/python benches/ensemble_peers.py ENSEMBLE.f64 BINARY

Runs our bench, which writes starts and ends to the file, then the others. Prints trajectories a second and a processor
second (the fairer number on a machine that others use), the ratios to ours, and how far the ends differ. SciPy runs a
subset in one process and is credited with every core (its time is divided by them).
"""
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

N, M, DECAY, END, RTOL, ATOL = 8, 4, 0.02, 50.0, 1e-8, 1e-10
SIZE = N * M + N * N
SUBSET = 24
REPEATS = 5
OUR_RUNS = 10  # of the bench: nine timed and one for the ends
CORES = len(os.sched_getaffinity(0))


def read(path):
    numbers = np.fromfile(path, dtype="<f8")
    xx, yx, ours = numbers[: M * M].reshape(M, M), numbers[M * M : 2 * M * M].reshape(M, M), numbers[2 * M * M]
    states = numbers[2 * M * M + 1 :].reshape(2, -1, SIZE)
    return xx, yx, ours, states[0], states[1]


def timed(function, repeats):
    seconds, processor = [], []
    for _ in range(repeats):
        before = time.perf_counter(), time.process_time()
        result = function()
        seconds.append(time.perf_counter() - before[0])
        processor.append(time.process_time() - before[1])
    return statistics.median(seconds), statistics.median(processor), result


def scipy_ends(xx, yx, starts):
    from scipy.integrate import solve_ivp

    def field(_, z):
        a, b = z[: N * M].reshape(N, M), z[N * M :].reshape(N, N)
        r = b @ a @ xx - a @ yx
        return np.concatenate(((-(b.T @ r) - DECAY * a).ravel(), (-(r @ a.T) - DECAY * b).ravel()))

    return np.stack([solve_ivp(field, (0.0, END), z, method="RK45", rtol=RTOL, atol=ATOL).y[:, -1] for z in starts])


def diffrax_solver(xx, yx):
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp

    xx, yx = jnp.asarray(xx), jnp.asarray(yx)

    def field(_, z, __):
        a, b = z
        r = b @ a @ xx - a @ yx
        return (-(b.T @ r) - DECAY * a, -(r @ a.T) - DECAY * b)

    term, solver = diffrax.ODETerm(field), diffrax.Tsit5()
    control = diffrax.PIDController(rtol=RTOL, atol=ATOL)

    def one(a, b):
        # SaveAt end only, forward only: the cheapest way diffrax has.
        solution = diffrax.diffeqsolve(
            term, solver, 0.0, END, None, (a, b), stepsize_controller=control, max_steps=100_000,
            adjoint=diffrax.ForwardMode(),
        )
        return solution.ys[0][0], solution.ys[1][0]

    batch = jax.jit(jax.vmap(one))

    def run(starts):
        a, b = batch(starts[:, : N * M].reshape(-1, N, M), starts[:, N * M :].reshape(-1, N, N))
        return np.concatenate((np.asarray(a).reshape(-1, N * M), np.asarray(b).reshape(-1, N * N)), axis=1)

    return run


def report(name, median, cpu, count, ours, ours_cpu, ends, reference):
    far = np.max(np.abs(ends - reference))
    print(
        f"{name}: {count / median:.1f} trajectories/s, ours is {ours * median / count:.1f} times as fast by the clock; "
        f"{count / cpu:.1f} a processor second, {ours_cpu * cpu / count:.1f} times; ends differ by {far:.1e} at most"
    )


def run_ours(binary, path):
    """Runs our bench afresh, so that both meet the same load; processor seconds of one repeat."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([binary, path, "--ensemble-only"], check=True, stdout=subprocess.DEVNULL)
    return (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before) / OUR_RUNS


def main(path, binary):
    ours_cpu = run_ours(binary, path)
    xx, yx, seconds, starts, ends = read(path)
    ours, ours_cpu = len(starts) / seconds, len(starts) / ours_cpu
    print(f"ours: {ours:.1f} trajectories/s on {CORES} cores, {ours_cpu:.1f} a processor second")
    median, cpu, got = timed(lambda: scipy_ends(xx, yx, starts[:SUBSET]), REPEATS)
    report("scipy solve_ivp RK45", median / CORES, cpu, SUBSET, ours, ours_cpu, got, ends[:SUBSET])
    run = diffrax_solver(xx, yx)
    run(starts)  # compiles
    median, cpu, got = timed(lambda: run(starts), REPEATS)
    report("diffrax Tsit5 under vmap", median, cpu, len(starts), ours, ours_cpu, got, ends)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # 8 × 8 products gain nothing from threads
    main(sys.argv[1], sys.argv[2])
