"""One competitor of data_peer.py: microseconds a view, or an image decoded, by torchvision and Pillow on one thread.

augment FOLDER SIDE PRESET SECONDS | decode FOLDER SIDE SECONDS, as crates/stopgrad-data/benches/views.rs, on the same files.
"""
import pathlib
import statistics
import sys
import time

import numpy
import torch
from PIL import Image, ImageFilter, ImageOps
from torchvision import transforms as T

torch.set_num_threads(1)


def files(folder):
    found = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file() and not path.name.startswith("."))
    return found[:: -(-len(found) // 512)]


def picture(path, side):
    whole = Image.open(path).convert("RGB")
    if whole.size == (side, side):
        return whole
    least = min(whole.size)
    left, top = (whole.width - least) // 2, (whole.height - least) // 2
    return whole.resize((side, side), Image.BILINEAR, box=(left, top, left + least, top + least))


class Blur:
    """SimSiam's blur: Pillow's, of random radius."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(0.1 + 1.9 * torch.rand(1).item()))


def solarize(image):
    return ImageOps.solarize(image, 128)


def recipe(side, least, saturation, more):
    jitter = T.ColorJitter(0.4, 0.4, saturation, 0.1)
    normalize = T.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))
    first = [T.RandomResizedCrop(side, scale=(least, 1)), T.RandomHorizontalFlip(), T.RandomApply([jitter], 0.8)]
    return T.Compose([*first, T.RandomGrayscale(0.2), *more, T.ToTensor(), normalize])


def views(preset, side):
    solarized = T.RandomApply([T.Lambda(solarize)], 0.2)
    if preset == "simsiam":
        return [recipe(side, 0.2, 0.4, [])] * 2
    if preset == "cifar-byol":
        return [recipe(side, 0.08, 0.2, []), recipe(side, 0.08, 0.2, [solarized])]
    blurs = [[Blur()], [T.RandomApply([Blur()], 0.1), solarized]]
    return [recipe(side, 0.08, 0.2, more) for more in blurs]


def timed(seconds, count, work):
    found, at, start = [], 0, time.perf_counter()
    while time.perf_counter() - start < seconds or not found:
        repetition, done = time.perf_counter(), 0
        while time.perf_counter() - repetition < 0.1:
            for _ in range(32):
                work(at)
                at = (at + 1) % count
            done += 32
        found.append((time.perf_counter() - repetition) / done * 1e6)
    print(f"{statistics.median(found):.3f}")


def main():
    what, folder, side, *rest = sys.argv[1:]
    paths, side, seconds = files(folder), int(side), float(rest[-1])
    if what == "decode":
        return timed(seconds, len(paths), lambda at: numpy.asarray(picture(paths[at], side)))
    pictures = [picture(path, side) for path in paths]
    x, y = views(rest[0], side)
    return timed(seconds, 2 * len(pictures), lambda at: (y if at % 2 else x)(pictures[at // 2]))


if __name__ == "__main__":
    main()
