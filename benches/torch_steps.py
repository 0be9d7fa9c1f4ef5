"""Training steps of PyTorch: the peer of `stopgrad-train`'s bench `steps`.

Usage: python torch_steps.py {byol|linear} SECONDS [fused]
Prints the milliseconds of every step after three warm-up steps, one a line. Two threads, float32.
`fused` uses the fused AdamW. To give MKL its AVX-512 kernels on AMD machines, see compare.py.
"""
import copy
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(2)
torch.manual_seed(0)
kind, seconds = sys.argv[1], float(sys.argv[2])
fused = {"fused": True} if "fused" in sys.argv[3:] else {}


def mlp(*widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


if kind == "byol":
    student = nn.Sequential(
        mlp(3072, 1024, 512, 256),
        nn.Sequential(nn.Linear(256, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 128)),
    )
    teacher = copy.deepcopy(student).requires_grad_(False)
    predictor = mlp(128, 512, 128)
    parameters = [*student.parameters(), *predictor.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2, **fused)
    x, y = torch.randn(64, 3072), torch.randn(64, 3072)

    def step():
        zx, zy = student(x), student(y)
        with torch.no_grad():
            tx, ty = teacher(x), teacher(y)
        loss = 1 - 0.5 * (F.cosine_similarity(predictor(zx), ty).mean() + F.cosine_similarity(predictor(zy), tx).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(teacher.parameters()), list(student.parameters()), 0.01)
        return loss
else:
    model = nn.Linear(64, 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, **fused)
    x, y = torch.randn(256, 64), torch.randn(256, 64)

    def step():
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

for _ in range(3):
    step().item()
end = time.perf_counter() + seconds
while time.perf_counter() < end:
    start = time.perf_counter()
    step().item()
    print((time.perf_counter() - start) * 1e3)
