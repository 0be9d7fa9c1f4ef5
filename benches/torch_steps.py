"""Training steps of PyTorch: the peer of `stopgrad-train`'s bench `steps`.

Usage: python torch_steps.py {byol|linear|resnet|vit|resnet18|vit_tiny|gemm} SECONDS [fused] [channels_last]
Prints the milliseconds of every step after three warm-up steps, one a line; `gemm` GFLOP/s of a 1024³ product. Two threads, float32.
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


def byol_step(student, teacher, predictor, optimizer, x, y):
    """One step on the views x and y: symmetrised cosine loss, then the teacher."""

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

    return step


if kind == "gemm":
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        print(2 * 1024**3 / (time.perf_counter() - start) * 1e-9)
    sys.exit()
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
    step = byol_step(student, teacher, predictor, optimizer, x, y)
elif kind == "resnet":

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or inputs != outputs:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x):
            kept = x if self.downsample is None else self.downsample(x)
            return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + kept)

    blocks, width = [], 32
    for outputs, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
        blocks += [Block(width, outputs, stride), Block(outputs, outputs, 1)]
        width = outputs
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10),
    )
    x, y = torch.randn(64, 3, 32, 32), torch.arange(64) % 10
    if "channels_last" in sys.argv[3:]:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, **fused)

    def step():
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
elif kind == "vit":
    WIDTH, DEPTH, HEADS, PATCH = 192, 6, 3, 4

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
            self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            n, t, d = x.shape
            q, k, v = self.qkv(self.norm1(x)).reshape(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d)
            x = x + self.proj(seen)
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    class Vit(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)
            self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 64, WIDTH))
            self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
            self.fc_norm = nn.LayerNorm(WIDTH, eps=1e-6)

        def forward(self, x):
            x = self.proj(x).flatten(2).transpose(1, 2) + self.pos_embed
            return self.fc_norm(self.blocks(x).mean(1))

    def head(a, b, c, last):
        layers = [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU(inplace=True), nn.Linear(b, c, bias=not last)]
        return nn.Sequential(*layers, *([nn.BatchNorm1d(c)] if last else []))

    student = nn.Sequential(Vit(), head(192, 256, 256, True))
    predictor = head(256, 128, 256, False)
    parameters = [*student.parameters(), *predictor.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2, **fused)
    x, y = torch.randn(64, 3, 32, 32), torch.randn(64, 3, 32, 32)

    def step():
        zx, zy = student(x), student(y)
        near = F.cosine_similarity(predictor(zx), zy.detach()).mean() + F.cosine_similarity(predictor(zy), zx.detach()).mean()
        loss = 1 - 0.5 * near
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
elif kind in ("resnet18", "vit_tiny"):
    if kind == "resnet18":
        import torchvision

        encoder = torchvision.models.resnet18()
        encoder.conv1, encoder.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
        encoder.fc, width = nn.Identity(), 512
    else:
        import timm

        encoder, width = timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=4, num_classes=0), 192

    def head(a):
        return nn.Sequential(nn.Linear(a, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Linear(512, 256))

    student, predictor = nn.Sequential(encoder, head(width)), head(256)
    teacher = copy.deepcopy(student).requires_grad_(False)
    parameters = [*student.parameters(), *predictor.parameters()]
    x, y = torch.randn(64, 3, 32, 32), torch.randn(64, 3, 32, 32)
    if "channels_last" in sys.argv[3:]:
        student, teacher = (net.to(memory_format=torch.channels_last) for net in (student, teacher))
        x, y = (view.to(memory_format=torch.channels_last) for view in (x, y))
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2, **fused)
    step = byol_step(student, teacher, predictor, optimizer, x, y)
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
