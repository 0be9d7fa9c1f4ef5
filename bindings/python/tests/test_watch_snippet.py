"""The snippet of docs/watch.md, as it stands there."""

import re
import sys
import threading
import time
import types
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import stopgrad

DOCS = Path(__file__).resolve().parents[3] / "docs" / "watch.md"


def stand_in():
    """As much of PyTorch as the snippet uses."""

    class Tensor:
        def __init__(self, values):
            self.values = values

        def float(self):
            return Tensor(self.values.astype(np.float32))

        def cpu(self):
            return self

        def numpy(self):
            return self.values

    class NoGrad(nullcontext):
        def __call__(self, function):
            return function

    torch = types.ModuleType("torch")
    torch.no_grad = NoGrad
    values = np.random.default_rng(0).normal(size=(200, 8))
    return torch, Tensor(values), lambda samples: Tensor(samples.values @ np.eye(8))


def real():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch, torch.randn(200, 8), torch.nn.Linear(8, 8)


@pytest.mark.parametrize("source", [stand_in, real])
def test_drops_are_whole_files_of_outputs(source, tmp_path, monkeypatch):
    torch, samples, net = source()
    monkeypatch.setitem(sys.modules, "torch", torch)
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.strip().splitlines()) <= 16
    names: dict = {}
    exec(compile(code, "docs/watch.md", "exec"), names)
    drop = names["Drop"](str(tmp_path / "drops"), samples, every=10)
    for step in range(21):
        drop(step, encoder=net, teacher=net)
        if drop.writer:
            drop.writer.join()
    files = sorted((tmp_path / "drops").iterdir())
    assert [file.name for file in files] == ["step-00000000.npz", "step-00000010.npz", "step-00000020.npz"]
    arrays = np.load(files[-1])
    assert arrays["encoder"].dtype == np.float32 and arrays["encoder"].shape == (200, 8)
    assert stopgrad.diagnose(arrays["encoder"], teacher=arrays["teacher"])["collapses"]["answer"] == "no"
    assert not [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    # While one is written the next is left out, and the loop goes on at once.
    slow = names["Drop"](str(tmp_path / "slow"), samples, every=1)
    monkeypatch.setattr(slow, "write", lambda step, outputs: time.sleep(0.5))
    start = time.monotonic()
    for step in range(20):
        slow(step, encoder=net)
    assert time.monotonic() - start < 0.4
    slow.writer.join()
