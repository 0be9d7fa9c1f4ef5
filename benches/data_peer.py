"""Times decoding and augmenting beside torchvision with Pillow: python benches/data_peer.py --photographs FOLDER --tiny FOLDER

Same files, same recipes, one thread each; every round runs both, in turn; the figure is the median over rounds, the ratio the
median of the rounds' ratios. --photographs: JPEG files of 128 x 128 or more; --tiny: PNG files of 32 x 32. At most 512 files of a
folder are taken, evenly. Everything runs in the real-time class where that is allowed (chrt), as in compare.py. Needs: cargo, and a
Python with torchvision and Pillow (--python).

A view is one augmented and normalized image from a decoded one. torchvision's transforms take Pillow images, as its pipelines do;
its random numbers, rounding to bytes and blur (Pillow's, as in SimSiam's code) are its own.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


def run(command):
    real_time = ["chrt", "-f", "10"] if shutil.which("chrt") and os.geteuid() == 0 else []
    return float(subprocess.run(real_time + command, capture_output=True, text=True, check=True).stdout)


def bench_program():
    build = ["cargo", "bench", "-p", "stopgrad-data", "--bench", "views", "--no-run", "--message-format=json"]
    lines = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "views" and m.get("executable"))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--photographs", required=True)
    arguments.add_argument("--tiny", required=True)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1)
    arguments.add_argument("--python", default=sys.executable)
    a = arguments.parse_args()
    ours, peer = [bench_program()], [a.python, str(HERE / "torch_views.py")]
    work = [
        ("decode PNG, 32 px", ["decode", a.tiny, "32"]),
        ("decode JPEG, whole", ["decode", a.photographs, "128"]),
        ("decode JPEG, to 96 px", ["decode", a.photographs, "96"]),
        ("decode JPEG, to 64 px", ["decode", a.photographs, "64"]),
        ("decode JPEG, to 32 px", ["decode", a.photographs, "32"]),
        ("cifar-byol view, 32 px", ["augment", a.tiny, "32", "cifar-byol"]),
        ("simsiam view, 32 px", ["augment", a.tiny, "32", "simsiam"]),
        ("photos view, 64 px", ["augment", a.photographs, "64", "photos"]),
        ("photos view, 96 px", ["augment", a.photographs, "96", "photos"]),
    ]
    print("microseconds, median [range]   ours | torchvision with Pillow | how many times ours")
    for name, words in work:
        words = [*words, str(a.seconds)]
        rounds = [(run(ours + words), run(peer + words)) for _ in range(a.rounds)]
        cells = [f"{statistics.median(v):.1f} [{min(v):.1f}, {max(v):.1f}]" for v in zip(*rounds)]
        ratios = [theirs / own for own, theirs in rounds]
        ratio = f"{statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
        print(f"{name:24s} {cells[0]} | {cells[1]} | {ratio}", flush=True)


if __name__ == "__main__":
    main()
