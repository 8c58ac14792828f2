"""Which Chromium the tests and the benchmarks drive."""

import shutil

# The first never had a window: it takes half the time of the others, which draw as if they had one.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """Where one is on this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)
