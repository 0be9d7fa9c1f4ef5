"""Writes optimizers.json: steps of PyTorch and timm in float64, in groups of parameters as recipes have them.

Run: python optimizers.py > optimizers.json
Five parameters: matrix 3 x 2, bias 2, matrix 2 x 2, bias 2 (an encoder), matrix 2 x 2 (a predictor). Their numbers and gradients
are ((i s mod 23) - 11) / 8 for i = 0, 1, ...: s = 5 + k for parameter k, s = 7 + k + t for its gradient in step t.
"""
import json

import numpy as np
import timm
import torch
from timm.optim import Lars

SHAPES = [(3, 2), (2,), (2, 2), (2,), (2, 2)]
STEPS = 6
WARMUP = 2


def formula(shape, step):
    n = int(np.prod(shape))
    return torch.tensor([((i * step) % 23 - 11) / 8 for i in range(n)], dtype=torch.float64).reshape(shape)


def fresh():
    return [torch.nn.Parameter(formula(shape, 5 + k)) for k, shape in enumerate(SHAPES)]


def set_gradients(parameters, t):
    for k, p in enumerate(parameters):
        p.grad = formula(p.shape, 7 + k + t)


def flat(parameters):
    return [p.detach().flatten().tolist() for p in parameters]


def lars(clip):
    """Biases with decay 0 are neither decayed nor scaled by timm's LARS: the exclusion of BYOL."""
    p = fresh()
    groups = [{"params": [q for q in p if q.ndim > 1], "weight_decay": 0.1},
              {"params": [q for q in p if q.ndim == 1], "weight_decay": 0.0}]
    optimizer = Lars(groups, lr=0.5, momentum=0.9, trust_coeff=0.4, eps=0.0, trust_clip=clip)
    for t in range(STEPS):
        set_gradients(p, t)
        optimizer.step()
    return flat(p)


def adamw():
    """Warm-up and cosine by PyTorch's schedulers, decay of matrices from 0.1 to 0.4 in a line, the predictor's rate ten
    times that of the others and fixed."""
    p = fresh()
    groups = [{"params": [p[0], p[2]]}, {"params": [p[1], p[3]], "weight_decay": 0.0}, {"params": [p[4]]}]
    optimizer = torch.optim.AdamW(groups, lr=0.02, weight_decay=0.1)
    up = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / (WARMUP + 1), total_iters=WARMUP)
    down = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS - WARMUP - 1, eta_min=0.001)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[WARMUP])
    rates = []
    for t, decay in enumerate(np.linspace(0.1, 0.4, STEPS)):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.param_groups[0]["weight_decay"] = decay
        optimizer.param_groups[2]["weight_decay"] = decay
        rate, optimizer.param_groups[2]["lr"] = optimizer.param_groups[2]["lr"], 0.2
        set_gradients(p, t)
        optimizer.step()
        optimizer.param_groups[2]["lr"] = rate
        schedule.step()
    return {"rates": rates, "parameters": flat(p)}


print(json.dumps({
    "source": f"torch.optim.AdamW and lr_scheduler, PyTorch {torch.__version__}; timm.optim.Lars, timm {timm.__version__}",
    "generator": "optimizers.py",
    "tolerance": "1e-12: some tens of roundings of f64 of numbers below 10",
    "values": {"lars": lars(False), "lars_clipped": lars(True), "adamw": adamw()},
}, indent=1))
