#!/usr/bin/env python3
"""Writes a folder of many small PNG files made from CIFAR-10 binary files, to time how a folder is indexed.

    python benches/many_images.py CIFAR_FOLDER OUT [COUNT=100000]

CIFAR_FOLDER holds train.bin and test.bin (or data_batch_1.bin …). Copy k of an image is shifted by k columns, around the edge, so that
no two files are equal. Classes are folders. Needs Python alone.
"""

import pathlib
import struct
import sys
import zlib

SIDE, PLANE, RECORD = 32, 1024, 3073


def png(planes, shift):
    """One image as PNG: rows of red, green, blue, each behind a filter byte of 0."""
    rows = bytearray()
    for row in range(SIDE):
        rows.append(0)
        for column in range(SIDE):
            at = row * SIDE + (column + shift) % SIDE
            rows += bytes((planes[at], planes[PLANE + at], planes[2 * PLANE + at]))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b"")


def main():
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    records = b"".join(path.read_bytes() for path in sorted(source.glob("*.bin")))
    images = len(records) // RECORD
    for label in range(10):
        (out / str(label)).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        record = records[index % images * RECORD : (index % images + 1) * RECORD]
        (out / str(record[0]) / f"{index:06}.png").write_bytes(png(record[1:], index // images))
    print(f"{count} files in {out}")


if __name__ == "__main__":
    main()
