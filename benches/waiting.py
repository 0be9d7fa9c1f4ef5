"""How long training waits for data, and what the loader's threads cost: python benches/waiting.py PROGRAM ARGUMENTS…

Runs the command (`stopgrad train …` with --quiet) and reads, every 20 ms, the processor time of each of its threads by name (Linux,
/proc). Prints what the command said of waiting, and processor seconds of loader threads and of all others, and seconds by the clock.
"""
import os
import pathlib
import subprocess
import sys
import time


def processor_seconds(process):
    found = {}
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        try:
            name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(") ", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = fields.split()
        found[task.name] = (name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return found


def main():
    start = time.perf_counter()
    command = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
    threads = {}
    while command.poll() is None:
        try:
            threads.update(processor_seconds(command.pid))
        except FileNotFoundError:
            break
        time.sleep(0.02)
    text = command.communicate()[0]
    clock = time.perf_counter() - start
    print("\n".join(line for line in text.splitlines() if line.startswith("waited for data")))
    loader = sum(seconds for name, seconds in threads.values() if name.startswith("loader"))
    everything = sum(seconds for _, seconds in threads.values())
    print(f"by the clock {clock:.1f} s; processor: loader threads {loader:.1f} s, all {everything:.1f} s, "
          f"loader {loader / everything:.0%} of all")
    sys.exit(command.returncode)


if __name__ == "__main__":
    main()
