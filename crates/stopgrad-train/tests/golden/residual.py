"""The convolutional encoder by PyTorch 2.15, f64: python residual.py > residual.json

Two images of 3 × 6 × 5, stages of 4 and 6 channels, batch statistics; then Σ weight · representation and its gradients.
Numbers follow a formula, so that the test can make them itself; filters are written as row × pixel × channel × filter.
"""

import json

import torch
from torch import nn
from torch.nn.functional import relu

torch.set_default_dtype(torch.float64)


def values(count, step):
    return torch.tensor([((i * step) % 23 - 11.0) / 8.0 for i in range(count)])


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        return relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))) + self.downsample(x))


encoder = nn.Sequential(
    nn.Conv2d(3, 4, 3, 1, 1, bias=False),
    nn.BatchNorm2d(4),
    nn.ReLU(),
    Block(4, 4, 1),
    Block(4, 6, 2),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
)
for index, parameter in enumerate(encoder.parameters()):
    with torch.no_grad():
        if parameter.dim() == 4:
            outputs, inputs, side, _ = parameter.shape
            stored = values(parameter.numel(), 5 + index).reshape(side, side, inputs, outputs)
            parameter.copy_(stored.permute(3, 2, 0, 1))
        else:
            parameter.copy_(values(parameter.numel(), 5 + index))

x = values(180, 7).reshape(2, 3, 6, 5)
out = encoder(x)
(out * values(12, 3).reshape(2, 6)).sum().backward()


def stored(gradient):
    return (gradient.permute(2, 3, 1, 0) if gradient.dim() == 4 else gradient).flatten().tolist()


print(
    json.dumps(
        {
            "program": "tests/golden/residual.py",
            "torch": torch.__version__.split("+")[0],
            "out": out.flatten().tolist(),
            "gradients": [stored(p.grad) for p in encoder.parameters()],
            "running": [b.flatten().tolist() for n, b in encoder.named_buffers() if "running" in n],
        }
    )
)
