"""Files of torch.save, by PyTorch 2.15: python -P torch_file.py writes state.pt, nested.pt and hostile.pt beside itself."""

import os
from collections import OrderedDict
from pathlib import Path

import torch

here = Path(__file__).parent
matrix = torch.arange(6, dtype=torch.float32).reshape(2, 3)
torch.save(
    OrderedDict(
        matrix=matrix,
        turned=matrix.T,
        part=matrix[1, 1:],
        weight=torch.nn.Parameter(torch.tensor([0.5, -0.25])),
        half=torch.tensor([1.5, -2.0], dtype=torch.float16),
        upper=torch.tensor([[1.0]], dtype=torch.bfloat16),
        double=torch.tensor([1 / 3], dtype=torch.float64),
        count=torch.tensor(7),
        flags=torch.tensor([True, False]),
        empty=torch.zeros(0, 3),
    ),
    here / "state.pt",
)
module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
with torch.no_grad():
    for value in module.state_dict().values():
        value.fill_(3)
torch.save({"state_dict": module.state_dict(), "epoch": 4, "name": "x", "list": [1, 2.5, None, 2**40]}, here / "nested.pt")


class Hostile:
    def __reduce__(self):
        return os.system, ("touch /tmp/was-run",)


torch.save({"weight": matrix, "extra": Hostile()}, here / "hostile.pt")
