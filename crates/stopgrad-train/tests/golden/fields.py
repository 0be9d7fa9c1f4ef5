"""Objectives, fields and optimizers by PyTorch 2.15, torchvision's blocks and timm's transformer, f64: python fields.py > fields.json

A ResNet-18 of base width 4 with projector and predictor with batch norms, and a small vision transformer. Gradients of every
loss, one direction or both, under joint descent, stop-gradient and a teacher with other weights; then ten steps of each
optimizer with a teacher that follows. Numbers follow formula.py; of each tensor its length and a product are told.
"""

import copy
import json

import timm
import torch
import torch.nn.functional as F
from formula import fill, images, projected, rounded
from torch import nn
from torchvision.models.resnet import BasicBlock

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
BATCH, DECAY, MOMENTUM = 8, 0.01, 0.9


class Small(nn.Sequential):
    """torchvision's ResNet-18 with its stem for small images at another width: its class has no such option."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.relu, inputs = nn.ReLU(), width
        for stage in range(4):
            outputs, stride = width << stage, 1 if stage == 0 else 2
            shortcut = None
            if stride != 1 or inputs != outputs:
                shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            blocks = [BasicBlock(inputs, outputs, stride, shortcut), BasicBlock(outputs, outputs)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.pool, self.flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()


def head(inputs, hidden, outputs, norm):
    if not norm:
        return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    return nn.Sequential(
        nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def resnet():
    return {"encoder": Small(4), "projector": head(32, 12, 6, True), "predictor": head(6, 8, 6, True)}, (3, 16, 12)


def transformer():
    encoder = timm.models.VisionTransformer(
        img_size=(8, 12), patch_size=4, embed_dim=12, depth=2, num_heads=3, num_classes=0
    )
    return {"encoder": encoder, "projector": head(12, 10, 6, False), "predictor": head(6, 8, 6, False)}, (3, 8, 12)


class Net(nn.Module):
    def __init__(self, parts, prefix=""):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        fill(self, prefix)
        self.train()

    def embed(self, x):
        return self.projector(self.encoder(x))


def loss_between(loss, p, t):
    if loss == "half_squared":
        return 0.5 * ((p - t) ** 2).sum(1).mean()
    if loss == "cosine":
        return (1 - F.cosine_similarity(p, t, dim=1)).mean()
    return F.smooth_l1_loss(p, t, reduction="none", beta=1.0).sum(1).mean()


def objective(loss, symmetrized, field, student, teacher, x, y):
    def one(zx, target):
        return loss_between(loss, student.predictor(zx), target)

    zx = student.embed(x)
    zy = student.embed(y) if symmetrized or field != "ema" else None
    tx, ty = zx, zy
    if field == "sg":
        tx, ty = zx.detach(), zy.detach()
    if field == "ema":
        with torch.no_grad():
            tx = teacher.embed(x) if symmetrized else None
            ty = teacher.embed(y)
    return 0.5 * (one(zx, ty) + one(zy, tx)) if symmetrized else one(zx, ty)


def views(shape, step):
    x, own = images(f"x{step}", (BATCH, *shape)), images(f"y{step}", (BATCH, *shape))
    return x.float().double(), (0.75 * x + 0.25 * own).float().double()


class Lars(torch.optim.Optimizer):
    """You, Gitman, Ginsburg 2017, without rate and decay of their own for vectors, as lightly's and solo-learn's."""

    def __init__(self, parameters, lr, momentum, weight_decay, trust):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, trust=trust))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                g = p.grad
                if p.dim() > 1:
                    decay = group["weight_decay"]
                    scale = group["trust"] * p.norm() / (g.norm() + decay * p.norm())
                    g = scale * (g + decay * p)
                velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
                velocity.mul_(group["momentum"]).add_(g)
                p.sub_(group["lr"] * velocity)


# Small rates: at three times as much ten steps of PyTorch in f32 and in f64 already end a hundredth apart, a ReLU here or there.
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.003, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, lr=3e-4, weight_decay=0.05),
    "lars": lambda p: Lars(p, lr=0.01, momentum=0.9, weight_decay=0.05, trust=0.02),
}

gradients, trained = [], []
for kind, make in [("resnet18", resnet), ("vit", transformer)]:
    parts, shape = make()
    student = Net(parts)
    teacher = Net(copy.deepcopy(parts), "teacher/")
    x, y = views(shape, 0)
    for loss in ["half_squared", "cosine", "smooth_l1"]:
        for symmetrized in [False, True]:
            for field in ["joint", "sg", "ema"]:
                pair = copy.deepcopy(student), copy.deepcopy(teacher)
                value = objective(loss, symmetrized, field, *pair, x, y)
                value.backward()
                told = {n: projected(n, p.grad)[1] for n, p in pair[0].named_parameters()}
                case = {"encoder": kind, "loss": loss, "symmetrized": symmetrized, "field": field}
                gradients.append(case | {"value": value.item(), "gradients": told})
    for name, optimizer in OPTIMIZERS.items():
        ours, its = copy.deepcopy(student), copy.deepcopy(student)
        moved = optimizer(list(ours.parameters()))
        for step in range(10):
            value = objective("cosine", True, "ema", ours, its, *views(shape, step))
            moved.zero_grad()
            # λ/2 (|θ|² + |ψ|²) for plain descent, which has no decay of its own here.
            decay = sum((p**2).sum() for p in ours.parameters()) if name == "sgd" else 0.0
            (value + 0.5 * DECAY * decay).backward()
            moved.step()
            with torch.no_grad():
                mine = ours.state_dict()
                for n, old in its.state_dict().items():
                    if not n.startswith("predictor") and not n.endswith("num_batches_tracked"):
                        old.lerp_(mine[n], 1 - MOMENTUM)
        state = {n: projected(n, v) for n, v in ours.state_dict().items() if not n.endswith("num_batches_tracked")}
        following = {n: projected(n, v)[1] for n, v in its.named_parameters() if not n.startswith("predictor")}
        trained.append({"encoder": kind, "optimizer": name, "loss": value.item(), "state": state, "teacher": following})

versions = {"torch": torch.__version__.split("+")[0], "timm": timm.__version__}
told = {"program": "tests/golden/fields.py", "versions": versions}
print(json.dumps(rounded(told | {"gradients": gradients, "trained": trained})))
