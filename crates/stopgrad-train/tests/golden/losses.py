"""Writes losses.json: losses and gradients of PyTorch in float64. Run: python losses.py > losses.json"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(0)
p = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
t = torch.randn(5, 3, dtype=torch.float64) * 1.5
cases = {
    "half_squared": lambda: 0.5 * ((p - t) ** 2).sum(1).mean(),
    "cosine": lambda: (1 - F.cosine_similarity(p, t, dim=1)).mean(),
    "smooth_l1": lambda: F.smooth_l1_loss(p, t, reduction="none", beta=1.0).sum(1).mean(),
}
values = {"prediction": p.flatten().tolist(), "target": t.flatten().tolist()}
for name, loss in cases.items():
    p.grad = None
    value = loss()
    value.backward()
    values[name] = {"value": value.item(), "gradient": p.grad.flatten().tolist()}

x = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
norm = torch.nn.BatchNorm1d(4, dtype=torch.float64)
with torch.no_grad():
    norm.weight.copy_(torch.tensor([1.0, 0.5, -2.0, 3.0]))
    norm.bias.copy_(torch.tensor([0.0, 1.0, 2.0, -1.0]))
weight = torch.randn(6, 4, dtype=torch.float64)
out = norm(x)
(out * weight).sum().backward()
values["batch_norm"] = {
    "x": x.flatten().tolist(), "weight": weight.flatten().tolist(), "out": out.flatten().tolist(),
    "dx": x.grad.flatten().tolist(), "dscale": norm.weight.grad.tolist(), "dshift": norm.bias.grad.tolist(),
    "running_mean": norm.running_mean.tolist(), "running_var": norm.running_var.tolist(),
}
print(json.dumps({
    "source": f"PyTorch {torch.__version__}",
    "generator": "losses.py",
    "tolerance": "1e-12: some tens of roundings of f64",
    "values": values,
}, indent=2))
