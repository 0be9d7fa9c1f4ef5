"""Times our training steps beside PyTorch's on the same work: python benches/compare.py [--rounds 3] [--seconds 4]

Each round runs every competitor once, in turn; the figure is the median over rounds of the median step.
Everything runs in the real-time class where that is allowed (chrt), because a background process of another session
otherwise takes half a core whatever its niceness. Refuses to report if two threads are not 1.8 times one thread (undisturbed, the product reaches 1.9).

Peers: "stock" is plain eager PyTorch with default AdamW; "best" is the fused AdamW with MKL's AVX-512 kernels
switched on (on AMD machines MKL keeps them off; a preloaded function that answers "this is an Intel CPU" turns them on).
Needs: cargo, gcc, and a Python with PyTorch (--python).
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
FLOP = {"byol": 3.39e9, "linear": 3 * 2 * 256 * 64 * 64}


def run(command, environment=None):
    real_time = ["chrt", "-f", "10"] if shutil.which("chrt") and os.geteuid() == 0 else []
    env = {**os.environ, **(environment or {})}
    result = subprocess.run(real_time + command, env=env, capture_output=True, text=True, check=True)
    return [float(line) for line in result.stdout.split()]


def unlock():
    folder = pathlib.Path(tempfile.mkdtemp())
    source = folder / "unlock.c"
    source.write_text("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
    library = folder / "unlock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library)}


def bench_program():
    build = ["cargo", "bench", "-p", "stopgrad-train", "--bench", "steps", "--no-run", "--message-format=json"]
    lines = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "steps" and m.get("executable"))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=4)
    arguments.add_argument("--python", default=sys.executable)
    a = arguments.parse_args()
    ours, torch = bench_program(), [a.python, str(HERE / "torch_steps.py")]
    seconds = str(a.seconds)
    one = statistics.median(run([ours, "gemm", "2"], {"RAYON_NUM_THREADS": "1"}))
    two = statistics.median(run([ours, "gemm", "2"], {"RAYON_NUM_THREADS": "2"}))
    print(f"1024³ product: {one:.0f} GFLOP/s on one thread, {two:.0f} on two, ratio {two / one:.2f}")
    if two / one < 1.8:
        sys.exit("two threads are not 1.8 times one: the machine is busy; figures would be worthless")
    unlocked = unlock()
    for kind in ("byol", "linear"):
        competitors = {
            "stopgrad": lambda: run([ours, kind, seconds]),
            "torch stock": lambda: run(torch + [kind, seconds]),
            "torch fused": lambda: run(torch + [kind, seconds, "fused"]),
            "torch unlocked": lambda: run(torch + [kind, seconds], unlocked),
            "torch unlocked fused": lambda: run(torch + [kind, seconds, "fused"], unlocked),
        }
        medians = {name: [] for name in competitors}
        for _ in range(a.rounds):
            for name, go in competitors.items():
                medians[name].append(statistics.median(go()))
        print(f"\n{kind}: milliseconds a step, median of {a.rounds} rounds [range]")
        own = statistics.median(medians["stopgrad"])
        for name, values in medians.items():
            middle = statistics.median(values)
            print(f"  {name:22s} {middle:8.3f} [{min(values):.3f}, {max(values):.3f}]   {middle / own:5.2f} x ours")
        print(f"  ours: {FLOP[kind] / own / 1e6:.0f} GFLOP/s, {FLOP[kind] / own / 1e6 / two:.0%} of the product above")


if __name__ == "__main__":
    main()
