"""The vision transformer by PyTorch 2.15, f64: python transformer.py > transformer.json

Two images of 3 × 4 × 6, patches of 2 × 2, tokens of 8 numbers, 2 heads, 2 blocks; then Σ weight · representation and its
gradients. Numbers follow a formula, so that the test can make them itself; matrices are written as inputs × outputs.
"""

import json

import torch
from torch import nn
from torch.nn.functional import gelu, softmax

torch.set_default_dtype(torch.float64)
WIDTH, HEADS, DEPTH, PATCH = 8, 2, 2, 2


def values(count, step):
    return torch.tensor([((i * step) % 23 - 11.0) / 16.0 for i in range(count)])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        seen = softmax(q @ k.transpose(-1, -2) / (d // HEADS) ** 0.5, -1) @ v
        x = x + self.proj(seen.transpose(1, 2).reshape(n, t, d))
        return x + self.fc2(gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.pos_embed = nn.Parameter(torch.zeros(6, WIDTH))
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.fc_norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2) + self.pos_embed
        return self.fc_norm(self.blocks(x).mean(1))


encoder = Vit()
# In the order in which our network counts them: PyTorch lists a module's own parameters first.
ordered = [*encoder.proj.parameters(), encoder.pos_embed, *encoder.blocks.parameters(), *encoder.fc_norm.parameters()]


def stored(tensor):
    """As our network keeps it: matrices and filters with their inputs first."""
    if tensor.shape == encoder.pos_embed.shape or tensor.dim() == 1:
        return tensor
    return tensor.reshape(tensor.shape[0], -1).T


for index, parameter in enumerate(ordered):
    with torch.no_grad():
        shape = stored(parameter).shape
        numbers = values(parameter.numel(), 5 + index).reshape(shape)
        plain = parameter.dim() == 1 or parameter is encoder.pos_embed
        parameter.copy_(numbers if plain else numbers.T.reshape(parameter.shape))

x = values(2 * 3 * 4 * 6, 7).reshape(2, 3, 4, 6)
out = encoder(x)
(out * values(2 * WIDTH, 3).reshape(2, WIDTH)).sum().backward()
print(
    json.dumps(
        {
            "program": "tests/golden/transformer.py",
            "torch": torch.__version__.split("+")[0],
            "out": out.flatten().tolist(),
            "gradients": [stored(p.grad).flatten().tolist() for p in ordered],
        }
    )
)
