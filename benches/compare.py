"""Times our training steps beside PyTorch's on the same work: python benches/compare.py [KIND ...] [--rounds 3] [--seconds 4]

KIND: byol, resnet, vit, linear (these four without one), resnet18, vit_tiny. Each round runs every competitor once, in turn; the figure is the median over
rounds of the median step. Everything runs in the real-time class where that is allowed (chrt), because a background process of
another session otherwise takes half a core whatever its niceness. Refuses to report if two threads are not 1.8 times one thread
(undisturbed, the product reaches 1.9).

Peers: "stock" is plain eager PyTorch with default AdamW; "fused" its fused AdamW; "unlocked" has MKL's AVX-512 kernels switched
on (on AMD machines MKL keeps them off; a preloaded function that answers "this is an Intel CPU" turns them on); "last" has images
channels last. The best is what is fastest of them in this run.
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
# Of products, forward and backward: torch.utils.flop_counter on torch_steps.py.
FLOP = {"byol": 3.39e9, "resnet": 53.4e9, "vit": 139.4e9, "linear": 3 * 2 * 256 * 64 * 64,
        "resnet18": 568.9e9, "vit_tiny": 376.6e9}
# Parameters that AdamW moves, and of those with a teacher.
MOVED = {"byol": (4.13e6, 4.0e6), "resnet": (2.80e6, 0), "vit": (2.93e6, 0), "linear": (4160, 0),
         "resnet18": (11.83e6, 11.56e6), "vit_tiny": (5.85e6, 5.59e6)}


def run(command, environment=None):
    """Numbers that it prints, and the most memory it had, in MiB."""
    real_time = ["chrt", "-f", "10"] if shutil.which("chrt") and os.geteuid() == 0 else []
    child = subprocess.Popen(
        real_time + command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )
    lines = child.stdout.read().split()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return [float(line) for line in lines], usage.ru_maxrss / 1024


def rate(command, environment=None):
    return statistics.median(run(command, environment)[0])


def unlock():
    folder = pathlib.Path(tempfile.mkdtemp())
    source = folder / "unlock.c"
    source.write_text("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
    library = folder / "unlock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library)}


def bench_program():
    build = ["cargo", "bench", "--workspace", "--bench", "steps", "--no-run", "--message-format=json"]
    lines = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "steps" and m.get("executable"))


def machine(python):
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    told = {key: next((line.split(":")[1].strip() for line in lines if line.startswith(key)), "?")
            for key in ("model name", "cpu family", "model\t")}
    versions = "import sys, torch; print(sys.version.split()[0], torch.__version__, torch.backends.mkl.is_available())"
    answer = subprocess.run([python, "-c", versions], capture_output=True, text=True, check=True).stdout.split()
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1]
    print(f"{told['model name']}, family {told['cpu family']} model {told['model' + chr(9)]}, {os.cpu_count()} cores; rustc {rustc}, "
          f"Python {answer[0]}, PyTorch {answer[1]}")


def peers(kind, torch, seconds, unlocked):
    variants = {"stock": [], "fused": ["fused"]}
    if kind in ("resnet", "resnet18"):
        variants["fused last"] = ["fused", "channels_last"]
    for name, options in variants.items():
        for prefix, environment in (("", None), ("unlocked ", unlocked)):
            label = f"torch {prefix}{name}".replace("unlocked stock", "unlocked")
            yield label, lambda options=options, e=environment: run(torch + [kind, seconds, *options], e)


def compare(kind, ours, torch, options, limits):
    seconds = str(options.seconds)
    competitors = {"stopgrad": lambda: run([ours, kind, seconds]), **dict(peers(kind, torch, seconds, limits["unlocked"]))}
    medians, memory = {name: [] for name in competitors}, {name: 0.0 for name in competitors}
    for _ in range(options.rounds):
        for name, go in competitors.items():
            steps, most = go()
            medians[name].append(statistics.median(steps))
            memory[name] = max(memory[name], most)
    print(f"\n{kind}: milliseconds a step, median of {options.rounds} rounds [range]; peak memory")
    middle = {name: statistics.median(values) for name, values in medians.items()}
    own = middle["stopgrad"]
    for name, values in medians.items():
        print(f"  {name:26s} {middle[name]:9.3f} [{min(values):.3f}, {max(values):.3f}]   {middle[name] / own:5.2f} x ours   "
              f"{memory[name]:6.0f} MiB")
    best = min(value for name, value in middle.items() if name != "stopgrad")
    product = FLOP[kind] / limits["product"] / 1e6
    moved, followed = MOVED[kind]
    # AdamW reads p, g, m, v and writes p, m, v; the teacher is read and written.
    passes = 4 * (7 * moved + 2 * followed) / limits["copy"] / 1e6
    print(f"  against stock {middle['torch stock'] / own:.2f}, against the best {best / own:.2f}; "
          f"{FLOP[kind] / own / 1e6:.0f} GFLOP/s, {FLOP[kind] / own / 1e6 / limits['product']:.0%} of the product's rate")
    print(f"  products at that rate {product:.2f} ms, optimizer and teacher at the rate of a copy {passes:.2f} ms: "
          f"{product + passes:.2f} ms, ours is {own / (product + passes):.2f} times that; no product-bound program is more than "
          f"{middle['torch stock'] / product:.2f} times as fast as stock here")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("kinds", nargs="*", default=[])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=4)
    arguments.add_argument("--python", default=sys.executable)
    a = arguments.parse_args()
    ours, torch = bench_program(), [a.python, str(HERE / "torch_steps.py")]
    machine(a.python)
    one, two = (rate([ours, "gemm", "2"], {"RAYON_NUM_THREADS": threads}) for threads in "12")
    copy = rate([ours, "copy", "2"])
    unlocked = unlock()
    theirs = [rate(torch + ["gemm", "2"], environment) for environment in (None, unlocked)]
    print(f"1024³ product: {one:.0f} GFLOP/s on one thread, {two:.0f} on two, ratio {two / one:.2f}; PyTorch's {theirs[0]:.0f}, "
          f"unlocked {theirs[1]:.0f}; copy {copy:.0f} GB/s read and written")
    if two / one < 1.8:
        sys.exit("two threads are not 1.8 times one: the machine is busy; figures would be worthless")
    for kind in a.kinds or ("byol", "resnet", "vit", "linear"):
        compare(kind, ours, torch, a, {"product": two, "copy": copy, "unlocked": unlocked})


if __name__ == "__main__":
    main()
