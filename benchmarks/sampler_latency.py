"""Time from a move of the face sampler's slider to the new picture, in a built book in a browser.

    python benchmarks/sampler_latency.py [--site _build/html] [--moves 120]

The slider is moved by its own event, and the widget asked, between all other work of the page, whether the face
has been drawn. The first moves, while the browser still compiles, count too.
"""

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_tools"))

from browser import chromium_path  # noqa: E402
from serve import serving  # noqa: E402

MOVES = """async (moves) => {
  const sampler = document.querySelector(".gan-faces").sampler, times = [];
  const slider = document.querySelector(".gan-faces input[type=range]");
  const turn = () => new Promise((next) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => next();
    channel.port2.postMessage(0);
  });
  for (let move = 0; move < moves; move++) {
    const drawn = sampler.drawn, start = performance.now();
    slider.value = ((move % 40) - 20) / 10;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    while (sampler.drawn === drawn) await turn();
    times.push(performance.now() - start);
    await new Promise((next) => setTimeout(next, 60));
  }
  return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="a built book")
    parser.add_argument("--moves", type=int, default=120)
    parser.add_argument("--browser", default=chromium_path())
    options = parser.parse_args()
    with serving(options.site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=True).new_page()  # Playwright's own waiting needs eval
        page.goto(f"{address}book/counterfeiter-and-police.html")
        page.locator(".live").first.scroll_into_view_if_needed()
        page.wait_for_selector(".live[data-live-state=alive]")
        page.wait_for_timeout(2000)
        times = sorted(page.evaluate(MOVES, options.moves))
    late = times[int(0.95 * len(times))]
    middle, worst = statistics.median(times), times[-1]
    print(f"slider to picture: median {middle:.1f} ms, 95 % under {late:.1f}, worst {worst:.1f}")


if __name__ == "__main__":
    main()
