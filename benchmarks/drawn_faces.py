"""Drawn faces a second at each size, on one thread and on all cores: `python benchmarks/drawn_faces.py`.

The best of five times is what the machine can do; the median says how busy it was with other things meanwhile.
"""

import os
import statistics
import time

from gan_lib.data.drawn import render


def rates(count: int, size: int, processes: int, times: int = 5) -> list[float]:
    """Faces a second, each time that so many are drawn."""
    render(count=count // 10, size=size, processes=processes)  # warm up
    measured = []
    for _ in range(times):
        start = time.perf_counter()
        render(count=count, size=size, processes=processes)
        measured.append(count / (time.perf_counter() - start))
    return measured


if __name__ == "__main__":
    cores = os.cpu_count()
    print(f"{cores} cores")
    for size, count in ((32, 16_384), (64, 8_192), (128, 2_048)):
        for processes in sorted({1, cores}):
            faces = rates(count, size, processes)
            print(f"{size:3d} x {size:3d}, {processes:2d} processes: best {max(faces):7,.0f} faces/s, "
                  f"median {statistics.median(faces):7,.0f}")  # fmt: skip
