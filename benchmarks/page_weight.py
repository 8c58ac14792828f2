"""Weigh the pages of a built book, and time how long the first live widget takes to come alive.

    python benchmarks/page_weight.py [--site _build/html] [--turns 5] [PAGE …]

Every page is opened in a browser of its own with a cold cache, served compressed from this machine, and scrolled
to its end, so that pictures that load late are counted. Bytes are those transferred, headers included. The time
runs from the start of the navigation until a widget in the page says that it is alive; it is measured on a page
opened at that widget, with the least, the middle and the largest of the turns.
"""

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_tools"))

from browser import chromium_path, hear_traffic, wait_until_quiet  # noqa: E402
from serve import serving  # noqa: E402

WATCH = """
let follow = requestAnimationFrame(function toFirst() {
  document.querySelector('[data-live]')?.scrollIntoView();  // in every frame: a page still moves
  follow = requestAnimationFrame(toFirst);
});
new MutationObserver((_, watcher) => {
  if (!document.querySelector('[data-live-state=alive]')) return;
  cancelAnimationFrame(follow);
  window.aliveAfter = performance.now();  // milliseconds since the navigation started
  watcher.disconnect();
}).observe(document, { attributes: true, childList: true, subtree: true, attributeFilter: ['data-live-state'] });
"""
SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise(requestAnimationFrame);
    await new Promise((done) => setTimeout(done, 30));
  }
}"""


def transferred(page):
    """Give a dictionary that fills with the bytes that each address of a page has cost."""
    session, addresses, sizes = page.context.new_cdp_session(page), {}, {}
    session.send("Network.enable")
    hear_traffic(page, session)
    session.on("Network.responseReceived", lambda e: addresses.update({e["requestId"]: e["response"]["url"]}))

    def count(event):
        address = addresses.get(event["requestId"], "")
        if address.startswith("http"):
            sizes[address] = sizes.get(address, 0) + event["encodedDataLength"]

    session.on("Network.loadingFinished", count)
    return sizes


def weigh(browser, address):
    """Give the bytes that each file of one page costs, on a cold cache, scrolled to the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page = context.new_page()
    sizes = transferred(page)
    page.goto(address)
    page.evaluate(SCROLL)
    wait_until_quiet(page)
    context.close()
    return sizes


def time_to_alive(browser, address):
    """Give the milliseconds from the start of the navigation until the first widget is alive."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, wait_until="commit")
    page.locator("[data-live-state=alive]").first.wait_for()
    milliseconds = page.evaluate("window.aliveAfter")
    context.close()
    return milliseconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="all of the site when none is named")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--turns", type=int, default=5, help="openings timed for each page with a widget")
    parser.add_argument("--browser", default=chromium_path())
    parser.add_argument("--files", action="store_true", help="list the files of each page, the heaviest first")
    options = parser.parse_args()
    names = options.pages or sorted(
        p.relative_to(options.site).as_posix() for p in options.site.glob("book/**/*.html")
    )
    with serving(options.site) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        for name in names:
            sizes = weigh(browser, site + name)
            line = f"{name:36} {sum(sizes.values()) / 1e6:5.2f} MB in {len(sizes):2} files"
            if "data-live=" in (options.site / name).read_text("utf-8"):
                times = [time_to_alive(browser, site + name) for _ in range(options.turns)]
                line += f"   first widget alive after {statistics.median(times):4.0f} ms"
                line += f" ({min(times):.0f} to {max(times):.0f})"
            print(line, flush=True)
            if options.files:
                for address, size in sorted(sizes.items(), key=lambda item: -item[1]):
                    print(f"    {size / 1e3:7.1f} kB  {address.removeprefix(site).split('?')[0]}")


if __name__ == "__main__":
    main()
