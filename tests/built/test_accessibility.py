"""Every page of the built book, examined by axe-core in both themes: no serious fault, no critical one.

In the dark theme only what a theme can change is examined, the contrast. Contrast is measured once for every look
of text on a page (its colour, size, weight and what lies behind it), and of a page's formulas the first three are
examined: a page has thousands of words and a dozen looks.
"""

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from serve import serving

SITE = Path(__file__).parents[2] / "_build" / "test" / "_build" / "html"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)
PAGES.remove("index.html") if "index.html" in PAGES else None  # it only leads to the first page
READY = """async () => {
  while (document.querySelector('[data-later], script[src*=mathjax]') && !window.MathJax?.startup?.promise)
    await new Promise((done) => setTimeout(done, 20));
  await window.MathJax?.startup?.promise;
  for (const place of document.querySelectorAll('[data-live]')) {
    place.scrollIntoView();
    while (!['alive', 'failed'].includes(place.dataset.liveState))
      await new Promise((done) => setTimeout(done, 20));
  }
}"""
MARK = """() => {
  const looks = new Set(), clear = ['rgba(0, 0, 0, 0)', 'none', '1'];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const el = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !el.checkVisibility()) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(el), look = [color, fontSize, fontWeight];
    for (let up = el; up; up = up.parentElement) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(up);
      look.push(...[backgroundColor, backgroundImage, opacity].filter((value) => !clear.includes(value)));
    }
    if (looks.size < looks.add(look.join()).size) el.dataset.look = looks.size;
  }
  document.querySelectorAll('mjx-container').forEach((formula, i) => { if (i > 2) formula.dataset.again = i; });
}"""
EXAMINE = """async ([where, options]) => {  // all that axe-core finds is megabytes: only faults leave the page
  const { passes, violations } = await axe.run(where, { resultTypes: ['violations'], ...options });
  return { passed: passes.length, violations };
}"""
CONTRAST = {"include": [["[data-look]"]]}, {"runOnly": ["color-contrast"]}
THE_REST = {"exclude": [["[data-again]"]]}, {"rules": {"color-contrast": {"enabled": False}}}


@pytest.fixture(scope="module")
def opened(chromium):
    """Open pages of the book in one of the themes, one after the other in the same tab."""
    with serving(SITE) as site:
        contexts = {
            theme: chromium.new_context(
                viewport={"width": 1280, "height": 900},
                color_scheme=theme,
                bypass_csp=True,
                reduced_motion="reduce",
            )
            for theme in ("light", "dark")
        }
        tabs = {theme: context.new_page() for theme, context in contexts.items()}

        def opened(name, theme):
            tabs[theme].goto(site + name)
            assert tabs[theme].evaluate("document.documentElement.dataset.theme") == theme
            tabs[theme].evaluate(READY)
            tabs[theme].evaluate(MARK)
            tabs[theme].evaluate(AXE_SCRIPT)
            return tabs[theme]

        yield opened
        for context in contexts.values():
            context.close()


def faults(page, what):
    """Give the serious and critical violations on a page: rule, element and what to do about it."""
    found = page.evaluate(EXAMINE, what)
    assert found["passed"]
    return [
        f"{violation['id']}: {node['html'][:150]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
        if node["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_everyone_can_use_the_page(opened, name):
    page = opened(name, "light")
    assert faults(page, CONTRAST) + faults(page, THE_REST) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_page_can_be_read_in_the_dark(opened, name):
    assert faults(opened(name, "dark"), CONTRAST) == []


def test_a_fault_would_be_found(opened):
    page = opened("book/index.html", "light")
    page.evaluate("document.querySelector('article p[data-look]').style.color = '#bbbbbb'")
    page.evaluate("document.querySelector('article img').removeAttribute('alt')")
    assert [fault.split(":")[0] for fault in faults(page, CONTRAST)] == ["color-contrast"]
    assert [fault.split(":")[0] for fault in faults(page, THE_REST)] == ["image-alt"]
