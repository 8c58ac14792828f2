"""The pages of the built book, as a browser without a network would find them.

`make test` builds the book into _build/test before it runs these.
"""

import json
import re
from copy import copy
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "_build" / "test" / "_build"
SITE = BUILD / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
CHAPTERS = [entry["file"] for part in TOC["parts"] if part["caption"] != "Reference" for entry in part["chapters"]]
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)
pytestmark = pytest.mark.xdist_group("pages")  # one process then reads every page, and once
LOADED = {"link": "href"} | dict.fromkeys(["script", "img", "iframe", "source", "video", "audio"], "src")


@cache
def page(name):
    return BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(name):
    return {tag[key] for key in ("id", "name") for tag in page(name).find_all(attrs={key: True})}


def broken(name, link):
    """Why a link of a page leads nowhere, or None if it does lead somewhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (SITE / name).parent / unquote(parts.path) if parts.path else SITE / name
    target = target.resolve()
    if not target.is_file():
        return "no such file"
    if parts.fragment and target.suffix == ".html":
        places = anchors(target.relative_to(SITE.resolve()).as_posix())
        return None if unquote(parts.fragment) in places else "no such place on the page"
    return None


def test_the_book_was_built():
    assert PAGES, "There is no book in _build/test: run `make test`, which builds it first."
    assert {f"{chapter}.html" for chapter in CHAPTERS} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_links_and_images_lead_somewhere(name):
    links = [tag[key] for key in ("href", "src") for tag in page(name).find_all(attrs={key: True})]
    links += [tag["content"].split("url=")[-1] for tag in page(name).find_all("meta", content=re.compile("url="))]
    assert links
    assert {link: why for link in links if (why := broken(name, link))} == {}


@pytest.mark.parametrize("name", PAGES)
def test_pages_load_nothing_from_elsewhere(name):
    loaded = [tag.get(key, "") for kind, key in LOADED.items() for tag in page(name).find_all(kind)]
    assert [url for url in loaded if urlsplit(url).netloc] == []
    inline = " ".join(tag.get_text() for tag in page(name).find_all(["script", "style"]))
    assert not re.search(r"""(import|fetch|url)\s*\(?\s*["']?(https?:)?//""", inline)


def test_style_sheets_load_nothing_from_elsewhere():
    sheets = list(SITE.rglob("*.css"))
    assert sheets
    elsewhere = re.compile(r"""(@import|url\()\s*["']?(https?:)?//""")
    assert [sheet.name for sheet in sheets if elsewhere.search(sheet.read_text(encoding="utf-8"))] == []


def test_style_sheets_ask_for_nothing_that_is_not_there():
    for path in SITE.rglob("*.css"):
        for found in re.findall(r"url\(\s*['\"]?(?!data:|#)([^'\")]+)", path.read_text("utf-8")):
            assert (path.parent / unquote(urlsplit(found).path)).is_file(), f"{path.name} asks for {found}"


def whereabouts(module, name):
    """The full name of a public thing: where it is defined, or, of plain data, only its own name."""
    thing = getattr(import_module(module), name)
    return f"{thing.__module__}.{name}" if hasattr(thing, "__qualname__") else name


@pytest.mark.parametrize("module", ["gan_lib", "gan_lib.widgets"])
def test_every_public_name_has_its_place_in_the_reference(module):
    places = {place for name in PAGES if name.startswith("book/api/") for place in anchors(name)}
    places |= {place.split(".")[-1] for place in places if place.split(".")[-1].isupper()}
    public = [name for name in import_module(module).__all__ if name[0] != "_"]
    assert not {whereabouts(module, name) for name in public} - places


def test_the_reference_shows_what_widgets_take():
    signatures = [tag.get_text() for name in PAGES if "/api/" in name for tag in page(name).select("dt.sig")]
    assert len(signatures) > 200 and not [text for text in signatures if "*args" in text]


@pytest.mark.parametrize("name", PAGES)
def test_images_have_alternative_text(name):
    images = page(name).select("article img")
    assert [image["src"][:80] for image in images if not image.get("alt", "").strip()] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
class TestChapter:
    def test_pictures_stand_in_figures_with_captions(self, chapter):
        pictures = page(f"{chapter}.html").select("div.cell_output img")
        assert pictures
        for picture in pictures:
            figure = picture.find_parent("figure")
            assert figure and figure.find("figcaption").get_text(strip=True), picture.get("alt")

    def test_nothing_failed_and_nothing_is_left_unparsed(self, chapter):
        article = copy(page(f"{chapter}.html").find("article"))
        assert not article.select(".traceback, .output.stderr, .system-message, .problematic")
        for code in article.select("pre, code, script"):
            code.extract()
        assert not re.search(r"\{(term|cite|glue|ref|numref|eq|doc)[:}]", article.get_text())

    def test_no_widget_waits_for_a_kernel(self, chapter):
        assert not page(f"{chapter}.html").select('script[type^="application/vnd.jupyter.widget"]')
        assert "require.min.js" not in str(page(f"{chapter}.html").head)

    def test_the_executed_notebook_can_be_downloaded(self, chapter):
        link = page(f"{chapter}.html").select_one(".btn-download-notebook-button")["href"]
        notebook = json.loads(((SITE / f"{chapter}.html").parent / link).resolve().read_text(encoding="utf-8"))
        assert any(cell.get("outputs") for cell in notebook["cells"])

    def test_search_finds_it(self, chapter):
        index = (SITE / "searchindex.js").read_text(encoding="utf-8")
        assert f'"{chapter}"' in index
