"""The chapters keep the rules of the book: what a reader, a runner and an editor can rely on."""

import re
import statistics
from pathlib import Path

import jupytext
import pytest
import yaml

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PARTS = [part for part in TOC["parts"] if part["caption"] != "Reference"]
CHAPTERS = [Path(entry["file"]).name for part in PARTS for entry in part["chapters"]]
FRONT_MATTER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def toc_files(entries):
    for entry in entries:
        yield entry["file"]
        yield from toc_files(entry.get("sections", []))


def cells_of(chapter):
    return jupytext.read(BOOK / f"{chapter}.md", fmt="md:myst").cells


def code_cells(chapter):
    return [cell for cell in cells_of(chapter) if cell.cell_type == "code"]


def figure_of(cell):
    return cell.metadata.get("mystnb", {}).get("figure")


def test_the_book_has_its_thirteen_chapters_and_no_page_is_left_out():
    assert len(CHAPTERS) == 13
    listed = {TOC["root"], *(file for part in TOC["parts"] for file in toc_files(part["chapters"]))}
    pages = [*BOOK.glob("*.md"), *BOOK.glob("api/*.md")]
    assert listed == {page.relative_to(ROOT).with_suffix("").as_posix() for page in pages}


def test_no_notebook_with_outputs_is_kept():
    assert not list(BOOK.rglob("*.ipynb"))


def test_no_two_figures_share_a_name():
    figures = [figure_of(cell) for chapter in CHAPTERS for cell in code_cells(chapter) if figure_of(cell)]
    names = [figure["name"] for figure in figures]
    assert sorted(names) == sorted(set(names))


# A live widget brings its own alternative text.
BRINGS_ITS_OWN = re.compile(r"(ConvolutionExplorer|FaceSampler|Playground|RunScrubber|SmallGames|Upsampling)\(")


@pytest.mark.parametrize("chapter", CHAPTERS)
class TestChapter:
    def test_front_matter_is_the_common_one(self, chapter):
        assert (BOOK / f"{chapter}.md").read_text(encoding="utf-8").startswith(FRONT_MATTER + "\n# ")

    def test_has_one_title(self, chapter):
        text = "\n".join(cell.source for cell in cells_of(chapter) if cell.cell_type == "markdown")
        assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1

    def test_opens_with_a_picture(self, chapter):
        title, first = cells_of(chapter)[:2]
        assert title.source.count("\n") == 0
        assert first.cell_type == "code" and figure_of(first)

    def test_cells_are_short(self, chapter):
        lengths = [len(cell.source.splitlines()) for cell in code_cells(chapter)]
        assert statistics.median(lengths) <= 8
        assert max(lengths) <= 25

    def test_stands_on_the_library_and_leaves_the_path_alone(self, chapter):
        source = "\n".join(cell.source for cell in code_cells(chapter))
        assert re.search(r"^(from|import) gan_lib\b", source, flags=re.MULTILINE)
        assert "sys.path" not in source
        assert not re.search(r"rcParams\.update|plt\.style|matplotlib\.use|%matplotlib", source)

    def test_every_figure_is_described(self, chapter):
        cells = [cell for cell in code_cells(chapter) if figure_of(cell)]
        assert cells
        for cell in cells:
            assert figure_of(cell)["caption"].strip() and figure_of(cell)["name"].startswith("fig-")
            if not BRINGS_ITS_OWN.search(cell.source):
                assert len(cell.metadata["mystnb"]["image"]["alt"].split()) >= 5

    def test_ends_with_exercises_whose_solutions_fold_out(self, chapter):
        cells = cells_of(chapter)
        start = max(i for i, cell in enumerate(cells) if "## Exercises" in cell.source)
        solutions = [cell for cell in cells[start:] if cell.cell_type == "code"]
        assert len(solutions) >= 2
        for cell in solutions:
            assert "hide-cell" in cell.metadata["tags"]
            assert cell.metadata["mystnb"]["code_prompt_show"] == "Show solution"

    def test_every_output_is_checked_unless_it_is_a_time_or_a_widget(self, chapter):
        tags = [tag for cell in code_cells(chapter) for tag in cell.metadata.get("tags", [])]
        assert not {"nbval-skip", "raises-exception", "skip-execution"} & set(tags)
        assert tags.count("nbval-ignore-output") <= len(code_cells(chapter)) / 3
