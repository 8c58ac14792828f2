"""Other processes that draw: NumPy's many small calls take turns for Python's lock, so threads draw no faster.

A helper is a Python of its own. It reads orders from its standard input, a line of JSON each, and writes pixels
and attributes to its standard output. It imports NumPy but not PyTorch, and is there in a fraction of a second.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

from .drawn import blank, render_here

PACKAGES = Path(__file__).resolve().parents[2]  # where a helper finds gan_lib


class Helper:
    """Another process that draws, started with its first order."""

    process = None

    def render(self, seed, start, images, attributes, overrides=None) -> bool:
        """As `render_here`; False when the process cannot be started or has ended."""
        order = json.dumps(
            (seed, start, len(images), images.shape[-1], overrides), default=lambda number: number.item()
        )
        with contextlib.suppress(OSError):
            self.process = self.process or self._started()
            self.process.stdin.write(order.encode() + b"\n")
            self.process.stdin.flush()
            read = self.process.stdout.readinto
            return all(read(memoryview(array).cast("B")) == array.nbytes for array in (images, attributes))
        return False

    def _started(self) -> subprocess.Popen:
        path = os.pathsep.join(filter(None, (str(PACKAGES), os.environ.get("PYTHONPATH"))))
        return subprocess.Popen(
            [sys.executable, "-c", f"import {__name__} as crew; crew.obey()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip

    def end(self) -> None:
        """End the process, if there is one."""
        if self.process:
            self.process.kill()
            self.process.communicate()


class Crew:
    """This process and some helpers, which end with the `with` block.

    Parameters
    ----------
    hands : int
        How many processes draw, this one among them.
    """

    def __init__(self, hands):
        self.helpers = [Helper() for _ in range(hands - 1)]
        self._free = queue.SimpleQueue()
        for one in (None, *self.helpers):  # None is this process
            self._free.put(one)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for helper in self.helpers:
            helper.end()

    def render(self, *order):
        """As `render_here`, by whoever is free; several threads may call it at a time.

        A helper that fails gets no more orders, and this one is done by somebody else.
        """
        one = self._free.get()
        if one is None:
            try:
                render_here(*order)
            finally:
                self._free.put(None)
        elif one.render(*order):
            self._free.put(one)
        else:
            self.render(*order)


def obey() -> None:
    """What a helper does until its standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever gave the orders decides
    for line in sys.stdin.buffer:
        seed, start, count, size, overrides = json.loads(line)
        for array in render_here(seed, start, *blank(count, size), overrides):
            sys.stdout.buffer.write(array.data)
        sys.stdout.buffer.flush()
