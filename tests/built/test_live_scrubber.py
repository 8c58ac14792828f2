"""The run scrubber in the published pages, operated in a real browser as a person would.

`make test` builds the book into _build/test before it runs these.
"""

import base64
import io
import json
import re
import time

import numpy as np
import pytest
from PIL import Image
from test_live import ROOT, SITE, open_page, site  # noqa: F401, the fixtures of every live page

from gan_lib.figures import running_mean
from gan_lib.widgets.scrubber import SMOOTH, RunScrubber, recorded_grids

RUN, MODERN = "book/run.html", "book/reading-the-run.html"
FOLDERS = {RUN: ROOT / "book/runs/report-celeba9k", MODERN: ROOT / "book/runs/faces"}
SCRUBBER = "document.querySelector('.gan-scrub').scrubber"
PIXELS = """
() => {
  const image = document.querySelector(".gan-frame img"), canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL().split(",")[1];
}
"""


@pytest.fixture
def scrubbed(open_page):  # noqa: F811
    """A page with its scrubber alive and in view."""

    def opened(name=RUN, **options):
        page = open_page(name, **options)
        page.locator(".live").first.scroll_into_view_if_needed()
        page.wait_for_selector(".live[data-live-state=alive]")
        page.locator(".gan-scrub").scroll_into_view_if_needed()
        return page

    return opened


def at_rest(page):
    """Wait for the faces, and give the step on view."""
    page.wait_for_selector(".gan-frame[aria-busy=false]")
    return page.evaluate(f"{SCRUBBER}.model.get('step')")


def faces(page):
    at_rest(page)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(page.evaluate(PIXELS)))).convert("RGB")).astype(int)


def assert_shows(page, step, name=RUN):
    """The step is on view: its recorded faces, pixel by pixel, its line, its place on the slider."""
    assert at_rest(page) == step
    recorded = RunScrubber(FOLDERS[name], step)
    grid = np.asarray(Image.open(recorded.grids[step]).convert("RGB")).astype(int)
    assert np.abs(faces(page) - grid).max() <= 2
    index = recorded.steps.index(step)
    assert page.locator(".gan-line").inner_text().split() == recorded.lines[index].split()
    slider = page.get_by_role("slider", name="Step")
    assert slider.input_value() == str(index) and slider.get_attribute("aria-valuetext").startswith(
        f"step {step:,}:"
    )
    assert f"after {step:,} steps" in page.locator(".gan-frame img").get_attribute("alt")


def button(page, name):
    return page.locator(".gan-scrub").get_by_role("button", name=name, exact=True)


def place_of(page, step):
    """Where on the screen a step lies on the upper curves."""
    box = page.locator(".gan-scrubbed").first.bounding_box()
    last = page.evaluate(f"{SCRUBBER}.model.get('curves').last")
    return box["x"] + 38 + (box["width"] - 46) * step / last, box["y"] + box["height"] / 2


def said(page):
    """The numbers over the curves: D's loss, G's loss, D's accuracy in per cent."""
    return [float(n) for n in re.findall(r"[\d.]+", " ".join(page.locator(".gan-value").all_inner_texts()))]


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", [RUN, MODERN])
def test_it_begins_at_the_end_with_the_recorded_faces_and_the_reports_line(scrubbed, name, width):
    page = scrubbed(name, width=width)
    assert_shows(page, max(recorded_grids(FOLDERS[name])), name)
    assert page.faults == []


def test_the_slider_goes_from_grid_to_grid_by_keys(scrubbed):
    page = scrubbed()
    page.get_by_role("slider", name="Step").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert_shows(page, 4600)
    page.keyboard.press("Home")
    assert_shows(page, 0)
    assert page.locator(".gan-line").inner_text().strip() == "before the first step" and "–" in page.inner_text(
        ".gan-value"
    )
    button(page, "Play").focus()
    page.keyboard.press("ArrowRight")
    assert_shows(page, 100)
    assert page.faults == []


def test_dragging_on_the_curves_scrubs(scrubbed):
    page = scrubbed()
    page.mouse.move(*place_of(page, 4000))
    page.mouse.down()
    page.mouse.move(*place_of(page, 2000), steps=5)
    page.mouse.move(*place_of(page, 780), steps=5)
    page.mouse.up()
    assert_shows(page, 791)
    page.mouse.click(*place_of(page, 3000), button="right")
    assert at_rest(page) == 791 and page.faults == []


def test_a_finger_on_the_curves_scrubs(scrubbed):
    page = scrubbed(has_touch=True, is_mobile=True, width=375)
    page.touchscreen.tap(*place_of(page, 2380))
    assert_shows(page, 2373)
    button(page, "Play").tap()
    page.wait_for_function(f"{SCRUBBER}.index > {page.evaluate(SCRUBBER + '.steps.indexOf(2400)')}")
    button(page, "Pause").tap()
    assert page.faults == []


def test_a_pointer_over_the_curves_reads_them_off(scrubbed):
    page, record = scrubbed(), RunScrubber(FOLDERS[RUN])
    at_end = said(page)
    for step in (1500, 3300):
        page.mouse.move(*place_of(page, step))
        shown = int(re.search(r"at step ([\d,]+)", page.inner_text(".gan-at"))[1].replace(",", ""))
        assert abs(shown - step) <= 20  # a pixel is some 20 steps
        columns = (record.metrics["d_loss"], record.metrics["g_loss"], 100 * record._accuracy)
        for value, values in zip(said(page), columns, strict=True):
            near = running_mean(values, SMOOTH)[shown - 36 : shown + 36]
            assert near.min() - 0.6 * (value > 10) - 0.01 <= value <= near.max() + 0.6 * (value > 10) + 0.01
        assert said(page) != at_end
    page.mouse.move(2, 2)
    assert said(page) == at_end and at_rest(page) == 4746


def test_play_goes_on_pauses_and_stops_at_the_end(scrubbed):
    page = scrubbed(MODERN)
    button(page, "Play").click()  # at the end: from the beginning again
    page.wait_for_function(f"{SCRUBBER}.index === 2")
    button(page, "Pause").click()
    step = at_rest(page)
    time.sleep(1.5)
    assert_shows(page, step, MODERN)
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert_shows(page, 4000, MODERN)
    button(page, "Play").click()
    button(page, "Play").wait_for()
    assert_shows(page, 5500, MODERN)
    assert page.faults == []


def test_what_nobody_sees_does_not_play(scrubbed):
    page = scrubbed()
    button(page, "Play").click()
    page.wait_for_function(f"{SCRUBBER}.index === 1")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"!{SCRUBBER}.visible")
    index = page.evaluate(f"{SCRUBBER}.index")
    time.sleep(1)
    assert page.evaluate(f"{SCRUBBER}.index") == index
    page.locator(".gan-scrub").scroll_into_view_if_needed()
    page.wait_for_function(f"{SCRUBBER}.index > {index}")


def test_who_asked_for_less_motion_gets_a_calmer_player(scrubbed):
    page = scrubbed(reduced_motion="reduce")
    assert page.evaluate(f"{SCRUBBER}.pace") == 1500
    assert page.evaluate(f"{SCRUBBER}.playing") is False


def test_grids_are_fetched_when_they_are_wanted(open_page):  # noqa: F811
    asked = []
    page = open_page(
        RUN, before=lambda page: page.on("request", lambda r: "/samples/" in r.url and asked.append(r.url))
    )
    page.wait_for_timeout(500)
    assert asked == []  # far from view
    page.locator(".live").first.scroll_into_view_if_needed()
    page.wait_for_selector(".live[data-live-state=alive]")
    assert len(asked) == 1 and re.search(r"/_static/runs/report-celeba9k/samples/004746\.webp\?v=\w{8}$", asked[0])
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowLeft")
    at_rest(page)
    page.wait_for_timeout(500)
    assert 2 <= len(asked) == len(set(asked)) <= 7


def test_a_grid_that_is_missing_costs_a_sentence_and_no_more(scrubbed):
    page = scrubbed(
        before=lambda page: page.route("**/samples/000791.webp*", lambda route: route.fulfill(status=404))
    )
    page.mouse.click(*place_of(page, 791))
    assert at_rest(page) == 791
    assert page.locator(".gan-frame").get_by_role("status").inner_text() == (
        "The faces of step 791 could not be had. The curves need none."
    )
    assert "acc.:" in page.inner_text(".gan-line") and said(page)[0] > 0
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowRight")
    assert_shows(page, 800)
    page.unroute("**/samples/000791.webp*")
    page.keyboard.press("ArrowLeft")  # asked for once more
    assert_shows(page, 791)


def test_without_any_grid_it_lives(scrubbed):
    page = scrubbed(before=lambda page: page.route("**/samples/*", lambda route: route.abort()))
    assert "step 4,746 could not be had" in page.inner_text(".gan-frame")
    page.mouse.click(*place_of(page, 2000))
    assert at_rest(page) == 2000


def test_the_address_keeps_the_step(scrubbed):
    page = scrubbed()
    page.mouse.click(*place_of(page, 1582))
    page.wait_for_function("location.hash === '#scrubber?step=1582'")
    again = scrubbed(RUN + "#scrubber?step=1582")
    assert_shows(again, 1582)
    again.evaluate("location.hash = '#scrubber?step=790'")
    again.wait_for_function(f"{SCRUBBER}.model.get('step') === 791")
    assert again.faults == []


@pytest.mark.parametrize(
    "fragment", ["step=1.5", "step=0x10", "step=-1", "step=99999", "faces=2", "step=<img src=x>"]
)
def test_what_an_address_should_not_say_is_said_in_a_sentence(scrubbed, fragment):
    page = scrubbed(f"{RUN}#scrubber?{fragment}")
    problem = page.locator(".gan-problem").inner_text()
    assert "Not all of the address could be used. " in problem
    assert (
        "There is no setting “faces”." if fragment == "faces=2" else "a whole number from 0 to 4746."
    ) in problem
    assert_shows(page, 4746)
    assert page.faults == []


def test_it_works_under_a_strict_policy(open_page):  # noqa: F811
    page = open_page(f"{RUN}#scrubber?step=791", strict=True)  # the address brings it into view
    page.wait_for_selector(".live[data-live-state=alive]")
    button(page, "Play").click()
    page.locator(".gan-counter", has_text=re.compile("^(?!791 )")).wait_for()
    assert page.locator(".gan-frame img").count() == 1 and page.faults == []


def test_it_follows_the_theme_and_the_width(scrubbed):
    page = scrubbed(color_scheme="light")
    picture = "document.querySelector('.gan-scrubbed').toDataURL()"
    light = page.evaluate(picture)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"{picture} !== `{light}`")
    page.set_viewport_size({"width": 500, "height": 900})
    width = "document.querySelector('.gan-scrubbed').{} "
    page.wait_for_function(
        f"{width.format('width')} === Math.round({width.format('getBoundingClientRect().width')})"
    )


def test_every_control_has_a_name(scrubbed):
    page = scrubbed()
    assert page.get_by_role("slider", name="Step", exact=True).count() == 1
    assert page.locator(".gan-scrub [id]").count() == 0  # of several on a page each would have the same
    labels = [canvas.get_attribute("aria-label") for canvas in page.locator(".gan-scrubbed").all()]
    assert labels[0].startswith("Both losses over 4,746 steps; ") and "Accuracy of D over" in labels[1]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_page_brings_what_was_recorded(name):
    page = (SITE / name).read_text("utf-8")
    assert "data-files" not in page and str(ROOT) not in page
    state = json.loads(re.search(r'data-live="scrubber[^>]* data-state="([^"]*)"', page)[1].replace("&quot;", '"'))
    grids = recorded_grids(FOLDERS[name])
    assert state["steps"] == list(grids)
    for file, grid in zip(state["files"], grids.values(), strict=True):
        assert (SITE / "_static" / file.split("?")[0]).read_bytes() == grid.read_bytes()
