"""The named encoders by torchvision 0.29 and timm 1.0, f64: python encoders.py > encoders.json

Representations of two images with running statistics, as lengths, products and first numbers; of one of each kind also
all gradients and, with batch statistics, what the running ones become. Numbers follow formula.py.
"""

import json

import timm
import torch
import torchvision
from formula import fill, images, projected, rounded

torch.set_default_dtype(torch.float64)
FIRST = 8


def resnet(name, stem):
    model = getattr(torchvision.models, name)()
    if stem == "cifar":
        model.conv1, model.maxpool = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False), torch.nn.Identity()
    model.fc = torch.nn.Identity()
    return model


def vit(size, side, patch, pool):
    options = {"class_token": False, "global_pool": "avg"} if pool == "mean" else {}
    return timm.create_model(
        f"vit_{size}_patch16_224", img_size=side, patch_size=patch, num_classes=0, **options
    )


def told(out):
    return [projected("features", row) + row[:FIRST].tolist() for row in out]


cases = []
for name, stem, side in [
    ("resnet18", "imagenet", (48, 40)),
    ("resnet18", "cifar", (16, 12)),
    ("resnet34", "imagenet", (48, 40)),
    ("resnet34", "cifar", (16, 12)),
    ("resnet50", "imagenet", (48, 40)),
    ("resnet50", "cifar", (16, 12)),
]:
    model = resnet(name, stem)
    fill(model)
    x = images("images", (2, 3, *side))
    case = {"encoder": name, "stem": stem, "image": [3, *side], "running": told(model.eval()(x))}
    if (name, stem) in [("resnet18", "imagenet"), ("resnet50", "cifar")]:
        out = model.train()(x)
        out.backward(images("upstream", out.shape))
        case["batch"] = told(out)
        case["gradients"] = {n: projected(n, p.grad) for n, p in model.named_parameters()}
        case["buffers"] = {n: projected(n, b) for n, b in model.named_buffers() if b.dim() == 1}
    cases.append(case)
for size, side, patch, pool in [
    ("tiny", (32, 24), 8, "token"),
    ("tiny", (16, 12), 4, "mean"),
    ("small", (32, 24), 8, "mean"),
    ("small", (16, 16), 4, "token"),
    ("base", (32, 32), 16, "token"),
]:
    model = vit(size, side, patch, pool)
    fill(model)
    x = images("images", (2, 3, *side))
    out = model.eval()(x)
    case = {"encoder": f"vit_{size}", "patch": patch, "pool": pool, "image": [3, *side], "running": told(out)}
    if size == "tiny":
        out.backward(images("upstream", out.shape))
        case["gradients"] = {n: projected(n, p.grad) for n, p in model.named_parameters()}
    cases.append(case)

versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__}
told = {"program": "tests/golden/encoders.py", "versions": {k: v.split("+")[0] for k, v in versions.items()}}
print(json.dumps(rounded(told | {"cases": cases})))
