"""Writes event_file.json: an event file as TensorBoard's own package encodes and frames it.

Run with: python event_file.py > event_file.json   (pip install tensorboard)
The rows are those of `rows()` in src/tensorboard.rs.
With the path of an event file as argument, says what TensorBoard reads from it.
"""

import json
import math
import sys
import tempfile
from pathlib import Path

import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

ROWS = [
    (0, 0.0, [("seconds", 0.0), ("joint_objective", 0.5)]),
    (300, 1.25, [("seconds", 1.25), ("joint_objective", math.nan), ("knn_accuracy", 0.1)]),
    (1 << 40, 1e9, [("seconds", 1e9), ("joint_objective", math.inf)]),
]


def events():
    # A field that is set to 0 is not written by the package; we write it, and both read alike: see `written`.
    yield Event(wall_time=0.0, file_version="brain.Event:2")
    for step, seconds, values in ROWS:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values])
        yield Event(wall_time=seconds, step=step, summary=summary)


def written(event):
    """The bytes of an event with the zeros of wall_time and step spelled out, as we write them."""
    data = event.SerializeToString()
    if event.wall_time == 0.0:
        data = b"\x09" + bytes(8) + data
    if event.HasField("summary") and event.step == 0:
        data = data[:9] + b"\x10\x00" + data[9:]
    assert Event.FromString(data) == event or any(math.isnan(v.simple_value) for v in event.summary.value)
    return data


def read(folder):
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        tag: [(event.step, event.wall_time, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def main():
    if len(sys.argv) > 1:
        for tag, values in read(sys.argv[1]).items():
            print(tag, len(values), values[0], values[-1])
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.out.tfevents.0000000000.stopgrad"
        with path.open("wb") as file:
            writer = RecordWriter(file)
            for event in events():
                writer.write(written(event))
            writer.flush()
        found = read(path.parent)
        assert [value[0] for value in found["joint_objective"]] == [0, 300, 1 << 40], found
        assert found["knn_accuracy"][0][:2] == (300, 1.25), found
        data = path.read_bytes()
    golden = {
        "source": f"tensorboard {tensorboard.__version__} (record_writer, event_pb2)",
        "generator": "event_file.py",
        "tolerance": "0: bytes",
        "values": {"file": data.hex()},
    }
    print(json.dumps(golden, indent=1))


main()
