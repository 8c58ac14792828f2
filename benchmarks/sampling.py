"""How long the report's generator takes for one face and for sixty-four.

python benchmarks/sampling.py
"""

import os
import statistics
import time

from gan_lib import ReportGenerator, latents_from_seed, sample
from gan_lib.memory import keep_freed_memory


def milliseconds(generator, count, repeats=50):
    """Median time of drawing `count` faces."""
    latents, times = latents_from_seed(0, count, generator.latent_size), []
    for _ in range(5 + repeats):
        start = time.perf_counter()
        sample(generator, latents)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[5:])


if __name__ == "__main__":
    keep_freed_memory()
    generator = ReportGenerator().eval()
    for count in (1, 64):
        print(
            f"{milliseconds(generator, count):6.1f} ms for {count} face{'s' * (count > 1)}, {os.cpu_count()} cores"
        )
