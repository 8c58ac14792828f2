"""Which Chromium the tests and the benchmarks drive, and when a page in it has come to rest."""

import shutil
import time

# The first never had a window: it takes half the time of the others, which draw as if they had one.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """Where one is on this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def hear_traffic(page, session):
    """Keep in `page.heard` when the page last fetched something, by its DevTools session."""
    page.heard = time.monotonic()
    for event in ("requestWillBeSent", "dataReceived", "loadingFinished", "loadingFailed"):
        session.on(f"Network.{event}", lambda e: setattr(page, "heard", time.monotonic()))


def wait_until_quiet(page):
    """Wait until nothing has been fetched for a while; Playwright's "networkidle" sometimes never comes."""
    while time.monotonic() - page.heard < 0.4:
        page.wait_for_timeout(100)
