"""Numbers that a test can make itself, so that goldens need not hold weights: a hash of (name, index)."""

import numpy as np
import torch


def uniform(name, count):
    """`count` numbers in [-1, 1), multiples of 2⁻²³: FNV-1a of the name, mixed with the index as in MurmurHash3."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0


def tensor(name, shape):
    """A parameter or buffer of this name in PyTorch's shape, as f64 of f32."""
    u, shape = uniform(name, int(np.prod(shape))), tuple(shape)
    if len(shape) == 4:
        values = u * np.sqrt(6.0 / np.prod(shape[1:]))
    elif len(shape) == 3:
        values = u * 0.5
    elif len(shape) == 2:
        values = u * np.sqrt(3.0 / shape[1])
    elif name.endswith("running_var"):
        values = 1.0 + 0.5 * u
    elif name.endswith("weight"):
        values = 1.0 + 0.25 * u
    else:
        values = 0.125 * u
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def fill(module, prefix=""):
    """Gives every parameter and running statistic of a module its numbers."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(tensor(prefix + name, value.shape))


def images(name, shape):
    return torch.from_numpy(2.0 * uniform(name, int(np.prod(shape))).reshape(shape))


def projected(name, value):
    """What is compared of a tensor: its length, and its product with other numbers of this name."""
    flat = value.detach().flatten()
    return [float(flat.norm()), float(flat @ torch.from_numpy(uniform(name + "/check", flat.numel())))]


def rounded(value):
    """The same with ten digits: a file half as long."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value
