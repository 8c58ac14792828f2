"""How the heads and scripts of the book's pages are made."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pages
import pictures
import pytest
from bs4 import BeautifulSoup
from docutils.core import publish_doctree
from PIL import Image

ROOT = Path(__file__).parents[1]
SENTENCE = "One sentence of some length, which is long enough to say something."
PAGE = """<html><head>
<script data-cfasync="false">
  document.documentElement.dataset.theme = "auto";
</script>
<noscript></noscript>
<!-- So that users can add custom icons -->
<script defer src="../_static/scripts/fontawesome.js"></script>
<script src="../_static/documentation_options.js?v=1"></script>
<script>window.MathJax = {}</script>
<script>window.MathJax = {}</script>
<script>DOCUMENTATION_OPTIONS.pagename = 'a';</script>
<script src="../_static/doctools.js"></script>
<script type="module" async src="../_static/live.js"></script>
<script src="../_static/searchtools.js"></script>
<script src="../searchindex.js"></script>
</head><body><button onclick="window.print()">print</button></body></html>
"""


def test_a_settled_page_has_no_inline_script_and_nothing_that_holds_it_up():
    kept = {}

    def file_script(body):
        name = f"_static/inline/{len(kept)}.js"
        kept[name] = body
        return name

    page = BeautifulSoup(pages.settled(PAGE, "book/a.html", file_script), "html.parser")
    scripts = page.find_all("script")
    assert [script["src"].split("/")[-1].split("?")[0] for script in scripts] == [
        "0.js", "documentation_options.js", "1.js", "doctools.js", "live.js",
    ]  # fmt: skip
    assert scripts[2]["src"] == "../_static/inline/1.js"
    assert "prefers-color-scheme" in kept["_static/inline/0.js"]
    assert kept["_static/inline/1.js"] == "window.MathJax = {}"
    assert not scripts[0].has_attr("defer") and all(script.has_attr("defer") for script in scripts[1:4])
    assert page.button["data-press"] == "window.print" and not page.button.has_attr("onclick")
    again = pages.settled(str(page), "book/a.html", file_script)
    assert BeautifulSoup(again, "html.parser") == page


def test_long_scripts_wait_for_live_widgets_and_run_at_once_without():
    formulas = '<script defer="defer" src="../_static/vendor/mathjax/tex-chtml-full.js?v=1"></script>'
    long = ["bootstrap", "pydata-sphinx-theme"]
    theme = "".join(f'<script src="../_static/scripts/{name}.js?v=1"></script>' for name in long)
    soon = '<link rel="preload" as="script" href="../_static/scripts/bootstrap.js?v=1" />'
    formula, widget, end = '<span class="math">x</span>', '<div data-live="a.js"></div>', f"{theme}</body>"
    neither, plain, live = (
        pages.settled(soon + formulas + rest + end, "book/a.html", str)
        for rest in (widget, formula, widget + formula)
    )
    assert plain == soon + formulas + formula + end.replace("<script", "<script defer")
    for page, names in ((neither, long), (live, [*long, "tex-chtml-full"])):
        links = BeautifulSoup(page, "html.parser").find_all("link", attrs={"data-later": True})
        assert [name for name, link in zip(names, links, strict=True) if name in link["href"]] == names
        assert "<script" not in page and page.count("bootstrap") == 1


def test_search_keeps_its_scripts():
    assert "searchindex.js" in pages.settled(PAGE, "search.html", lambda body: "x.js")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Short enough.", "Short enough."),
        (f"{SENTENCE} {SENTENCE}", SENTENCE),
        ("word " * 30, "word word word word word word word word word word word word word word word word…"),
    ],
)
def test_descriptions_end_after_a_sentence_or_a_word(text, short):
    found = pages.shortened(text, 80)
    assert len(found) <= 80
    assert found == short or (short.endswith("…") and re.fullmatch(r"(word )+word…", found))


def test_the_first_paragraph_is_one_of_the_text():
    before = ".. figure:: a.png\n\n   A caption.\n\n.. note::\n\n   A note.\n\n- An item."
    source = f"Title\n=====\n\n{before}\n\nThe *text*\nbegins."
    assert pages.first_paragraph(publish_doctree(source)) == "The text begins."


def test_what_a_page_says_of_itself_cannot_break_out_of_its_head():
    tags = pages.head_tags('A "title"', "<b>&", "Site", "preview.jpg")
    assert BeautifulSoup(tags, "html.parser").find("meta", property="og:description")["content"] == "<b>&"
    assert "og:url" not in tags


def test_lines_stay_exact_and_pictures_become_small(tmp_path):
    lines = Image.new("RGB", (300, 200), "white")
    lines.paste((20, 90, 160), (50, 50, 250, 52))
    noise = Image.effect_noise((300, 200), 60).convert("RGB").resize((600, 400), Image.Resampling.BICUBIC)
    for name, picture in {"lines": lines, "noise": noise}.items():
        picture.save(tmp_path / f"{name}.png")
        size = (tmp_path / f"{name}.png").stat().st_size
        pictures.lighten(tmp_path / f"{name}.png")
        assert not (tmp_path / f"{name}.png").exists() and (tmp_path / f"{name}.webp").stat().st_size < size
    assert Image.open(tmp_path / "lines.webp").convert("RGB").tobytes() == lines.tobytes()
    assert Image.open(tmp_path / "noise.webp").convert("RGB").tobytes() != noise.tobytes()


def test_pictures_have_their_place_on_the_page_beforehand(tmp_path):
    (tmp_path / "_images").mkdir()
    for name, dots in (("drawn", {"dpi": (160, 160)}), ("plain", {})):
        Image.new("RGB", (320, 160), "white").save(tmp_path / "_images" / f"{name}.png", **dots)
    page = tmp_path / "page.html"
    images = [f'<img alt="a" src="../_images/{name}.png" />' for name in ("drawn", "plain")]
    page.write_text(
        "".join([*images, '<img width="5" src="../_images/plain.png"><img src="../_static/logo.svg">'])
    )
    pictures.lighten_all(tmp_path, [page])
    places = [
        (image.get("width"), image.get("height")) for image in BeautifulSoup(page.read_text(), "html.parser")
    ]
    assert places == [("240", "120"), ("320", "160"), ("5", None), (None, None)]
    assert page.read_text().count(".webp") == 3


@pytest.mark.parametrize("address", ["", "https://example.org/faces"])
def test_a_site_that_knows_its_address_says_it(tmp_path, address):
    (tmp_path / "book").mkdir()
    for name in ("_static", "_tools"):
        shutil.copytree(ROOT / "book" / name, tmp_path / "book" / name)
    (tmp_path / "book" / "references.bib").write_text("")
    (tmp_path / "book" / "index.md").write_text("# A book\n\nThis is what the book is about.\n")
    (tmp_path / "book" / "one.md").write_text("# One\n\nThis is what the chapter is about.\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n  - file: book/one\n")
    shutil.copyfile(ROOT / "_config.yml", tmp_path / "_config.yml")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(tmp_path)]
    built = subprocess.run(command, env=os.environ | {"BOOK_URL": address}, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    site = tmp_path / "_build" / "html"
    for name, page in {"book/one.html": "one", "book/index.html": "index", "index.html": "index"}.items():
        head = BeautifulSoup((site / name).read_text("utf-8"), "html.parser").head
        say = {tag.get("property"): tag["content"] for tag in head.find_all("meta", property=True)}
        canonical = head.find("link", rel="canonical")
        if address:
            assert canonical["href"] == say["og:url"] == f"{address}/book/{page}.html"
            assert say["og:image"] == f"{address}/_static/preview.jpg"
        else:
            assert (
                canonical is None
                and "og:url" not in say
                and (site / name).parent.joinpath(say["og:image"]).exists()
            )
    assert (site / "sitemap.xml").exists() == bool(address)
    if address:
        assert f"<loc>{address}/book/one.html</loc>" in (site / "sitemap.xml").read_text()
