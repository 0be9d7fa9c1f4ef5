"""Makes color.json: python -P color.py > color.json (-P: random.py beside it is not the standard one), with torchvision.

Colors are changed by torchvision's functions on floats; a blur sees an image that was continued by its border beforehand, so
that torchvision's mirrored border is never seen.
"""
import json

import torch
import torchvision
from torchvision.transforms import functional as F

SIDE = 12
# A pattern with every kind of hue, gray and saturated pixels among them; written with 6 digits and used as written.
at = torch.arange(3 * SIDE * SIDE, dtype=torch.float64)
image = ((torch.sin(at * 0.37) + torch.cos(at * at * 0.011)) / 3 + 0.5).clamp(0, 1).reshape(3, SIDE, SIDE)
image[:, 0, :4] = 0.5
image[:, 1, :3] = torch.eye(3, dtype=torch.float64)
image = torch.tensor([round(value, 6) for value in image.flatten().tolist()], dtype=torch.float64).reshape(3, SIDE, SIDE)


def blurred(sigma, side):
    frame = side // 2 + 1
    wide = F.pad(image, frame, padding_mode="edge")
    return F.center_crop(F.gaussian_blur(wide, side, sigma), [SIDE, SIDE])


cases = {
    "brightness 1.3": F.adjust_brightness(image, 1.3),
    "contrast 0.7": F.adjust_contrast(image, 0.7),
    "contrast 1.4": F.adjust_contrast(image, 1.4),
    "saturation 0.6": F.adjust_saturation(image, 0.6),
    "saturation 1.4": F.adjust_saturation(image, 1.4),
    "hue 0.1": F.adjust_hue(image, 0.1),
    "hue -0.37": F.adjust_hue(image, -0.37),
    "solarize 0.5": F.solarize(image, 0.5),
    "blur 0.8": blurred(0.8, 3),
}
print(json.dumps({
    "source": f"torchvision {torchvision.__version__.split('+')[0]}, PyTorch {torch.__version__.split('+')[0]}",
    "generator": "color.py",
    "tolerance": [3e-4, "torchvision weighs red by 0.2989 in the luminance, Pillow and we by 0.299: 1e-4, times a factor; "
                  "the rest is f32 rounding"],
    "values": {
        "side": SIDE,
        "image": image.flatten().tolist(),
        "cases": {name: [round(v, 6) for v in case.flatten().tolist()] for name, case in cases.items()},
    },
}))
