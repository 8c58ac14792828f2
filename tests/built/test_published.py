"""What the published pages promise: who they are, that they are light and clean, and that nothing goes stale."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
import vendored
from browser import hear_traffic, wait_until_quiet
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import TimeoutError as Waited
from serve import POLICY, serving

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "test" / "_build" / "html"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)
NOTEBOOKS = sorted(SITE.glob("_sources/book/*.ipynb"))
LIGHT = 1_200_000  # bytes that a chapter may cost on a cold cache
WITNESS = "addEventListener('securitypolicyviolation', (e) => console.error(e.violatedDirective, e.blockedURI))"


@cache
def page(name):
    return BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")


def meta(name, key):
    found = page(name).find("meta", attrs={"name": key}) or page(name).find("meta", property=key)
    return found["content"] if found else None


# --- What a page says of itself --------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_title_description_and_preview(name):
    title = page(name).title.get_text()
    assert title.endswith("Faces from Noise") and title.count("Faces from Noise") == 1
    assert 30 <= len(meta(name, "description")) <= 200
    assert meta(name, "og:description") == meta(name, "description")
    assert meta(name, "og:title") and meta(name, "twitter:card") == "summary_large_image"
    picture = (SITE / name).parent / meta(name, "og:image")
    assert Image.open(picture).size == (1200, 630)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_not_tell_where_it_was_built(name):
    assert str(ROOT) not in (SITE / name).read_text("utf-8")


def test_no_two_pages_describe_themselves_alike():
    descriptions = [
        meta(name, "description") for name in PAGES if name != "index.html"
    ]  # which leads to the first
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize("name", PAGES)
def test_without_an_address_a_page_claims_none(name):
    assert not page(name).find("link", rel="canonical") and not meta(name, "og:url")
    assert not (SITE / "sitemap.xml").exists()


# --- What others have made -------------------------------------------------------------------------------


def test_every_file_is_the_books_own_or_listed_with_its_licence():
    assert vendored.unaccounted(SITE / "_static") == []
    text = " ".join(page("book/colophon.html").find("table").get_text(" ").split())
    for part, version, count, size in vendored.rows(SITE / "_static"):
        assert count and f"{part.name} {version}".strip() in text and part.licence in text
        assert part.within or f"{size / 1000:,.0f} kB" in text
        licence = (SITE / "_static" / "licences" / part.licence_name).read_text("utf-8")
        assert re.search("Copyright|Apache License", licence, flags=re.IGNORECASE) and len(licence) > 500


def test_every_icon_is_drawn():
    drawn = set(re.findall(r"^\.(fa-[\w-]+) ", (ROOT / "book/_static/icons.css").read_text(), flags=re.MULTILINE))
    icons = {kind for name in PAGES for tag in page(name).select(".fas, .fa-solid") for kind in tag["class"]}
    assert icons - {"fas", "fa-solid", "fa-lg", "theme-switch"} <= drawn


# --- Pages in a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site():
    with serving(SITE) as address:
        yield address


@pytest.fixture(scope="module")
def tab(chromium, site):
    """A tab under the policy that keeps a page's `faults` and `bytes`; `tab.forget()` empties the cache."""
    context = chromium.new_context()
    tab = context.new_page()
    tab.add_init_script(WITNESS)
    tab.faults, tab.bytes = [], {}
    tab.on("console", lambda message: message.type == "error" and tab.faults.append(message.text))
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    tab.on("response", lambda answer: answer.status >= 400 and tab.faults.append(f"{answer.status} {answer.url}"))
    tab.on("request", lambda asked: asked.url.startswith((site, "data:", "blob:")) or tab.faults.append(asked.url))
    session = context.new_cdp_session(tab)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda e: tab.bytes.update({e["requestId"]: e["encodedDataLength"]}))
    hear_traffic(tab, session)
    tab.forget = lambda: session.send("Network.clearBrowserCache")
    yield tab
    context.close()


SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += 2 * innerHeight) {
    scrollTo(0, y);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }
  while (document.querySelector('[data-later], script[src*=mathjax]') && !window.MathJax?.startup?.promise)
    await new Promise((done) => setTimeout(done, 20));
  await window.MathJax?.startup?.promise;
  while ([...document.querySelectorAll('[data-live]')].some((e) => e.dataset.liveState === 'starting'))
    await new Promise((done) => setTimeout(done, 20));
}"""


@pytest.mark.parametrize("name", [name for name in PAGES if name != "index.html"])
def test_a_page_is_clean_at_both_widths_under_the_policy_and_light(tab, site, name):
    for width in (1280, 375):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.faults.clear()
        tab.bytes.clear()
        tab.forget()
        answer = tab.goto(site + name)
        assert answer.headers["content-security-policy"] == POLICY
        tab.evaluate(SCROLL)
        wait_until_quiet(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.faults == []
        assert tab.evaluate("!document.querySelector('.math:not(:has(mjx-container))')")  # every formula is set
        if "data-live=" not in str(page(name)):
            assert sum(tab.bytes.values()) <= LIGHT


def test_the_contents_follow_the_reader(tab, site):
    tab.set_viewport_size({"width": 1280, "height": 700})
    tab.goto(site + "book/api/training.html")
    tab.evaluate("document.querySelector('#the-doctor').scrollIntoView()")
    here = tab.locator(".bd-sidebar-secondary a.active", has_text="The doctor")
    here.wait_for()
    tab.wait_for_timeout(200)
    box = here.bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 700


def test_what_breaks_the_policy_is_noticed(tab, site):
    tab.goto(site + "book/index.html")
    tab.faults.clear()
    tab.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'alert(1)' }))"
    )
    tab.evaluate("document.body.append(Object.assign(new Image(), { src: 'https://example.org/a.png' }))")
    tab.wait_for_timeout(200)
    said = " ".join(tab.faults)
    assert "script-src" in said and "example.org" in said


def test_buttons_and_search_work_under_the_policy(tab, site):
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.goto(site + "book/minimax.html")
    tab.faults.clear()
    tab.locator(".dropdown-download-buttons > button").click()
    with tab.expect_download() as download:
        tab.locator(".btn-download-notebook-button").click()
    assert download.value.suggested_filename == "minimax.ipynb"
    tab.locator("[data-press=toggleFullScreen]").click()
    tab.locator("html:fullscreen").wait_for()
    tab.keyboard.press("Escape")
    tab.goto(site + "search.html?q=checkerboard")
    tab.locator("#search-results li a[href*=upsampling]").first.wait_for()
    assert tab.faults == []


def test_an_animation_that_never_runs_is_noticed(chromium, site):
    """The tests of the playground wait for steps that it counts: without frames there are none."""
    context = chromium.new_context(bypass_csp=True)
    tab = context.new_page()
    module = (SITE / "_static/widgets/playground.js").read_text("utf-8")
    tab.route("**/widgets/playground.js*", lambda route: route.fulfill(
        content_type="text/javascript",
        body=module.replace("requestAnimationFrame(", "void ("),
    ))  # fmt: skip
    tab.goto(site + "book/playground.html")
    tab.locator("[data-live-state=alive]").first.wait_for()
    tab.get_by_role("button", name="Run", exact=True).first.click()
    with pytest.raises(Waited):
        tab.wait_for_function("document.querySelector('.gan-play').playground.game.steps > 0", timeout=1500)
    context.close()


def test_icons_are_seen_in_high_contrast(chromium, site):
    context = chromium.new_context(forced_colors="active")
    tab = context.new_page()
    tab.goto(site + "book/index.html")
    icon = tab.locator(".fa-download").first
    ink, paper = icon.evaluate(
        "(e) => [getComputedStyle(e, '::before').backgroundColor, getComputedStyle(document.body).backgroundColor]"
    )
    assert ink != paper
    context.close()


# --- Notebooks to take away ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_to_download_is_executed_and_brings_what_it_reads(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert sum(bool(cell["outputs"]) for cell in cells) >= len(cells) / 3
    named = set(re.findall(r"""["']([\w./-]+)""", "\n".join(sources)))  # up to the first brace of an f-string
    beside = {name for name in named if re.search(r"\w[./]", name) and (ROOT / "book" / name).exists()}
    assert all(name.startswith("runs/") for name in beside)
    assert not beside or sources[0].endswith('copy_records("runs")')
