"""Drawn faces a second on all cores, at each size: `python benchmarks/drawn_faces.py`."""

import os
import time

from gan_lib.data.drawn import render

for size, count in ((32, 20_000), (64, 10_000), (128, 2_500)):
    render(count=count // 10, size=size)  # warm up
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        render(count=count, size=size)
        seconds.append(time.perf_counter() - start)
    print(f"{size:3d} x {size:3d}: {count / min(seconds):8,.0f} faces/s on {os.cpu_count()} cores")
