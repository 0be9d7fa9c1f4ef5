"""Photographs as an array for pictures of views: python photographs.py FOLDER SIDE NAME… > photographs.npy

The middle square of FOLDER/NAME.jpg, scaled to SIDE x SIDE, for each NAME; n x SIDE x SIDE x 3 bytes. Needs Pillow and NumPy.
"""
import io
import sys

import numpy
from PIL import Image, ImageOps

folder, side, *names = sys.argv[1:]
size = (int(side), int(side))
images = [ImageOps.fit(Image.open(f"{folder}/{name}.jpg").convert("RGB"), size, Image.LANCZOS) for name in names]
file = io.BytesIO()
numpy.save(file, numpy.stack([numpy.asarray(image) for image in images]))
sys.stdout.buffer.write(file.getvalue())
