"""Writes terms.json: variance and covariance terms of VICReg, and SIGReg, with their gradients by PyTorch's autograd in float64.

Run: python terms.py > terms.json
z: 7 x 4, ((i 5 mod 23) - 11) / 12 for i = 0, 1, ..., columns times 1, 3, 0.2, 1; directions: the normalized rows of ((i 3 mod 17) - 8).
"""
import json

import torch

torch.set_default_dtype(torch.float64)
N, D, K = 7, 4, 3


def cloud():
    z = torch.tensor([((i * 5) % 23 - 11) / 12 for i in range(N * D)]).reshape(N, D)
    return (z * torch.tensor([1.0, 3.0, 0.2, 1.0])).requires_grad_()


def variance(z):
    """Bardes, Ponce, LeCun 2022, eq. 1-2."""
    return torch.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def covariance(z):
    """The same, eq. 3-4."""
    c = torch.cov(z.T)
    return (c - torch.diag(torch.diag(c))).pow(2).sum() / D


def sigreg(z):
    """Balestriero, LeCun 2025, without the factor N: complex characteristic functions over [-3, 3], trapezoid rule of PyTorch."""
    a = torch.tensor([float((i * 3) % 17 - 8) for i in range(K * D)]).reshape(K, D)
    a = a / a.norm(dim=1, keepdim=True)
    t = torch.linspace(-3, 3, 33)
    empirical = torch.exp(1j * (z @ a.T).unsqueeze(-1) * t).mean(dim=0)
    normal = torch.exp(-t * t / 2)
    return torch.trapezoid((empirical - normal).abs().square() * normal, t, dim=-1).mean()


values = {}
for name, term in [("variance", variance), ("covariance", covariance), ("sigreg", sigreg)]:
    z = cloud()
    value = term(z)
    value.backward()
    values[name] = {"value": value.item(), "gradient": z.grad.flatten().tolist()}
print(json.dumps({
    "source": f"torch.var, torch.cov, torch.exp, torch.trapezoid, PyTorch {torch.__version__}",
    "generator": "terms.py",
    "tolerance": "1e-13: some tens of roundings of f64 of numbers below 2",
    "values": values,
}, indent=1))
