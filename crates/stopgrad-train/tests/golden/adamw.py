"""Writes adamw.json: three AdamW steps of PyTorch in float64. Run: python adamw.py > adamw.json"""
import json

import torch

p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
optimizer = torch.optim.AdamW([p], lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
for g in [[0.5, -1.0], [0.1, 2.0], [-3.0, 0.0]]:
    p.grad = torch.tensor(g, dtype=torch.float64)
    optimizer.step()
print(json.dumps({
    "source": f"torch.optim.AdamW, PyTorch {torch.__version__}",
    "generator": "adamw.py",
    "tolerance": "1e-12: a dozen roundings of f64 each step",
    "values": p.tolist(),
}, indent=2))
