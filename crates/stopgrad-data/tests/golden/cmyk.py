"""Writes cmyk.jpg and cmyk.tif: 16 × 16 pixels of one color in the four inks of a printer, as Pillow stores them.

python cmyk.py, with Pillow 13.0.0. The color is red 200, green 40, blue 90; without a color profile the inks are its complement.
"""

from PIL import Image

image = Image.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK")
image.save("cmyk.jpg", quality=100, subsampling=0)
image.save("cmyk.tif")
