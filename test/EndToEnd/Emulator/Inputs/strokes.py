#!/usr/bin/env python3
"""Writes N gray images of 32x32 bytes: strokes as of a pen, digits in all but meaning. The same bytes for the same N.

    strokes.py N FILE
"""
import math
import sys


class Random:
    """A linear congruential generator: no dependence on the version of Python."""

    def __init__(self, seed):
        self.state = seed

    def between(self, lo, hi):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return lo + (hi - lo) * (self.state >> 40) / 2**24


def image(random):
    pixels = [0.0] * (32 * 32)
    for _ in range(2):
        y, x, angle = random.between(8, 24), random.between(8, 24), random.between(0, 6.28)
        turn = random.between(-0.3, 0.3)
        for _ in range(24):
            y, x = y + math.sin(angle) * 0.8, x + math.cos(angle) * 0.8
            angle += turn
            if not (5 < y < 27 and 5 < x < 27):
                angle += 1.5
            for r in range(max(0, int(y) - 2), min(32, int(y) + 4)):
                for c in range(max(0, int(x) - 2), min(32, int(x) + 4)):
                    ink = 1.6 - math.hypot(r - y, c - x)
                    pixels[r * 32 + c] = max(pixels[r * 32 + c], min(1.0, max(0.0, ink)))
    return bytes(int(p * 255) for p in pixels)


if __name__ == "__main__":
    generator = Random(2007)
    with open(sys.argv[2], "wb") as out:
        out.write(b"".join(image(generator) for _ in range(int(sys.argv[1]))))
