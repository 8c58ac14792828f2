"""The explorers of convolution and of upsampling in the published pages, operated as a person would.

`make test` builds the book into _build/test before it runs these.
"""

import json
import re

import pytest
import torch
from test_live import SITE, open_page, site  # noqa: F401, the fixtures of every live page
from torch.testing import assert_close

from gan_lib.data import drawn_faces
from gan_lib.widgets.convolution import PRESETS, filter_stages, shown
from gan_lib.widgets.upsampling import named_kernel, picture, ways, white_becomes

CONVOLUTION, UPSAMPLING = "book/convolution.html", "book/upsampling.html"
EXPLORER = "document.querySelector('.gan').explorer"
DOTS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { size: [canvas.height, canvas.width], dots: [...data] };
}"""


@pytest.fixture
def explored(open_page):  # noqa: F811
    """A page with its explorer alive and in view."""

    def opened(name=CONVOLUTION, fragment="", **options):
        page = open_page(name + fragment, **options)
        page.locator(".live").first.scroll_into_view_if_needed()
        page.wait_for_selector(".live[data-live-state=alive]")
        return page

    return opened


@pytest.fixture
def held(explored):
    """The same with a clock that stands still, to be moved by hand: `page.clock.run_for(milliseconds)`."""

    def opened(name=CONVOLUTION, **options):
        page = explored(name, before=lambda page: page.clock.install(time=0), **options)
        page.clock.pause_at(1000)
        return page

    return opened


def button(page, name):
    return page.locator(".gan").get_by_role("button", name=name, exact=True)


def said(page, index=0):
    return page.locator(".gan").get_by_role("status").nth(index).inner_text()


def setting(page, name):
    return page.evaluate(f"{EXPLORER}.model.get('{name}')")


def canvas(page, title):
    """The picture under a title."""
    return page.locator(".gan-picture", has=page.get_by_text(title, exact=True)).locator("canvas")


def pixels(page, title):
    """Red, green, blue and opacity, from 0 to 255: a tensor (height, width, 4)."""
    found = canvas(page, title).evaluate(DOTS)
    return torch.tensor(found["dots"]).view(*found["size"], 4)


def grey(image):
    """An image of values in [0, 1] as a canvas shows it."""
    return 255 * image.clamp(0, 1)


def middle_of(page, title, row, column):
    """Where on the screen a pixel of a picture is."""
    place = canvas(page, title)
    place.scroll_into_view_if_needed()
    box, (height, width) = place.bounding_box(), place.evaluate("(c) => [c.height, c.width]")
    return box["x"] + (column + 0.5) * box["width"] / width, box["y"] + (row + 0.5) * box["height"] / height


def numbers(page, label):
    """The numbers that a grid shows."""
    words = page.get_by_role("img", name=re.compile(f"^{label}:")).get_attribute("aria-label").split(": ")[1]
    return torch.tensor([[float(v.replace("−", "-")) for v in row.split()] for row in words.split("; ")])


def write_kernel(page, rows):
    for i, row in enumerate(rows, 1):
        for j, value in enumerate(row, 1):
            page.get_by_label(f"Kernel, row {i}, column {j}", exact=True).fill(str(value))


def face(number):
    return torch.tensor(drawn_faces(1, start=58 + number).images[0]) / 255


def assert_stages_on_view(page, image, kernel, relu, pool):
    stages = filter_stages(image, kernel, relu, pool)
    titles = {"convolution": "Convolution", "ReLU": "ReLU", "pooling": "Pooling"}
    for name, response in stages.items():
        found, expected = pixels(page, titles[name]), 255 * torch.tensor(shown(response, kernel))
        assert (found[..., :3] - expected).abs().max() <= 0.51 and (found[..., 3] == 255).all(), name
    computed = page.evaluate(f"Object.values({EXPLORER}.results).map((r) => r.planes.map((plane) => [...plane]))")
    for planes, response in zip(computed, stages.values(), strict=True):
        assert_close(torch.tensor(planes), response.flatten(1), atol=1e-5, rtol=0)
    for name in titles.keys() - stages.keys():
        assert not canvas(page, titles[name]).is_visible()


# --- Convolution -----------------------------------------------------------------------------------------


def test_presets_faces_and_stages_show_what_pytorch_computes(explored):
    page = explored()
    relu, pool = page.get_by_label("ReLU", exact=True), page.get_by_label("Pooling", exact=True)
    for number, (name, kernel) in enumerate(PRESETS.items()):
        button(page, name).click()
        assert button(page, name).get_attribute("aria-pressed") == "true"
        button(page, f"Face {number}").click()
        relu.set_checked(number % 2 == 0)
        pool.set_checked(number % 3 == 0)
        assert_stages_on_view(page, face(number), kernel, number % 2 == 0, number % 3 == 0)
    assert page.faults == []


def test_an_edited_kernel_is_computed_with_and_the_address_keeps_it(explored):
    page, kernel = explored(), [[0, -1.5, 0], [0.25, 1, -0.25], [2, 0, -1]]
    write_kernel(page, kernel)
    assert setting(page, "kernel") == kernel
    assert_stages_on_view(page, face(0), kernel, True, True)
    button(page, "5×5").click()  # a ring of zeros changes nothing
    wide = setting(page, "kernel")
    assert len(wide) == 5 and [row[1:4] for row in wide[1:4]] == kernel
    assert_stages_on_view(page, face(0), kernel, True, True)
    page.get_by_label("Kernel, row 3, column 5", exact=True).fill("0.5")
    wide[2][4] = 0.5
    page.get_by_label("ReLU", exact=True).uncheck()
    assert_stages_on_view(page, face(0), wide, False, True)
    page.wait_for_function("location.hash.includes('relu=0')")
    again = explored(fragment=page.evaluate("location.hash"))
    assert setting(again, "kernel") == wide and setting(again, "relu") is False
    assert_stages_on_view(again, face(0), wide, False, True)
    button(again, "Reset").click()
    assert_stages_on_view(again, face(0), PRESETS["edges"], True, True)
    again.wait_for_function("location.hash === ''")
    assert page.faults == again.faults == []


def test_what_is_half_typed_changes_nothing(explored):
    page = explored()
    cell = page.get_by_label("Kernel, row 2, column 2", exact=True)
    for text in ("", "99999"):
        cell.fill(text)
        assert setting(page, "kernel") == [list(row) for row in PRESETS["edges"]]
    cell.blur()
    assert cell.input_value() == "8"
    cell.fill("0.0625")
    assert cell.evaluate("(cell) => cell.checkValidity()")
    cell.fill("8")
    cell.focus()
    page.keyboard.press("ArrowUp")
    assert setting(page, "kernel")[1][1] == 9


def test_the_window_follows_mouse_and_keys_and_its_products_add_up(explored):
    page = explored()
    assert setting(page, "at") == [46, 26]
    page.mouse.move(*middle_of(page, "Convolution", 20, 40))
    assert "Row 20, column 40" in said(page) and setting(page, "at") == [46, 26]
    page.mouse.move(5, 5)
    assert "Row 46, column 26" in said(page)
    page.mouse.move(*middle_of(page, "Face", 10, 12))
    page.mouse.down()
    page.mouse.move(*middle_of(page, "Face", 12, 20), steps=3)
    page.mouse.up()
    page.mouse.move(5, 5)
    assert setting(page, "at") == [12, 20]
    page.mouse.click(*middle_of(page, "Face", 3, 3), button="right")
    assert setting(page, "at") == [12, 20]
    moved = "(it) => { const { results } = it; it.keep([9, 9]); it.keep([12, 20]); return it.results === results }"
    assert page.evaluate(f"({moved})({EXPLORER})")  # nothing was computed anew
    canvas(page, "Face").focus()
    for key in ("ArrowUp", "ArrowLeft", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert setting(page, "at") == [27, 19]
    for colour, name in enumerate(("red", "green", "blue")):
        button(page, name).click()
        window = face(0)[colour, 26:29, 18:21]
        products = window * torch.tensor(PRESETS["edges"])
        assert_close(numbers(page, "Pixels under the window"), window, atol=0.0051, rtol=0)
        assert_close(numbers(page, "Products"), products, atol=0.0051, rtol=0)
        total = float(page.locator(".gan-sum").inner_text().replace("−", "-"))
        assert abs(total - products.sum()) <= 0.00051 and f"{name}: {total:.3f}".replace("-", "−") in said(page)
    page.mouse.click(*middle_of(page, "Pooling", 3, 30))
    assert setting(page, "at") == [6, 60] and page.faults == []


def test_the_window_is_put_and_dragged_by_finger(explored):
    page = explored(width=375, has_touch=True)
    page.touchscreen.tap(*middle_of(page, "ReLU", 30, 10))
    row, column = setting(page, "at")
    assert abs(row - 30) <= 1 and abs(column - 10) <= 1
    touch = page.context.new_cdp_session(page)

    def finger(kind, *place):
        points = [dict(zip("xy", middle_of(page, "Face", *place), strict=True))] if place else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", 20, 20)
    for step in range(1, 6):
        finger("touchMove", 20 + 4 * step, 20 + step)
    finger("touchEnd")
    row, column = setting(page, "at")
    assert abs(row - 40) <= 1 and abs(column - 25) <= 1
    button(page, "emboss").tap()
    assert_stages_on_view(page, face(0), PRESETS["emboss"], True, True)
    assert page.faults == []


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_sliding_fills_the_results_behind_the_window_to_the_end(held, motion):
    page = held(reduced_motion=motion)
    button(page, "Slide").click()
    page.clock.run_for(4000)
    reached = page.evaluate(f"{EXPLORER}.slid")
    opacity = pixels(page, "Convolution")[..., 3].flatten()
    assert 100 < reached < 4096 and (reached % 64 == 0 or motion == "no-preference")
    assert (opacity[:reached] == 255).all() and (opacity[reached:] == 0).all()
    pooled = (pixels(page, "Pooling")[..., 3] == 255).sum().item()
    assert pooled == reached // 128 * 32 + (reached % 64 // 2 if reached // 64 % 2 else 0)
    assert f"Row {reached // 64}, column {reached % 64}" in said(page)
    page.clock.run_for(20_000)
    assert button(page, "Slide").is_visible() and "Row 46, column 26" in said(page)
    assert_stages_on_view(page, face(0), PRESETS["edges"], True, True)
    assert page.faults == []


def test_sliding_can_be_stopped(held):
    page = held()
    button(page, "Slide").click()
    page.clock.run_for(1000)
    assert "Row 0, column 1" in said(page)
    button(page, "Stop").click()
    page.clock.run_for(1000)
    assert "Row 46, column 26" in said(page)
    assert_stages_on_view(page, face(0), PRESETS["edges"], True, True)


def test_an_address_is_checked_before_use(explored):
    page = explored(fragment="#convolution?face=3&kernel=1_2&at=99-1&hat=1")
    assert setting(page, "face") == 3 and setting(page, "at") == [46, 26]
    words = said(page)
    assert "Not all of the address could be used" in words and "There is no setting “hat”." in words
    assert "kernel is “1_2”; it takes 9 or 25 numbers" in words and "at is “99-1”; it takes row and" in words
    page.evaluate("location.hash = '#convolution?face=4'")
    page.wait_for_function(f"{EXPLORER}.model.get('face') === 4")
    assert page.faults == []


# --- Upsampling ------------------------------------------------------------------------------------------


def assert_ways_on_view(page, image, kernel, stride):
    expected = ways(image, torch.as_tensor(kernel, dtype=torch.float32), stride)
    for way, title in {
        "nearest": "Nearest",
        "transposed": "Transposed",
        "resize": "Copy, convolve",
        "subpixel": "Sub-pixel",
    }.items():
        computed = torch.tensor(page.evaluate(f"{EXPLORER}.ways.{way}"), dtype=torch.float32)
        assert_close(computed, expected[way], atol=1e-5, rtol=0)
        found = pixels(page, title)
        assert (found[..., 0] - grey(expected[way])).abs().max() <= 0.51 and (found[..., 3] == 255).all()


def test_all_four_ways_show_what_pytorch_computes(explored):
    page = explored(UPSAMPLING)
    assert_ways_on_view(page, picture("face"), named_kernel("equal", 5), 2)
    names = {"flat": "flat grey", "one": "one pixel", "slope": "slope", "face": "face"}
    for turn, (name, words) in enumerate(names.items()):
        button(page, words).click()
        for size in (2, 3, 4, 5):
            button(page, f"{size}×{size}").click()
            stride = 3 - (turn + size) % 2
            button(page, f"×{stride}").click()
            assert_ways_on_view(page, picture(name), named_kernel("equal", size), stride)
    button(page, "tent").click()
    assert_ways_on_view(page, picture("face"), named_kernel("tent", 5), 3)
    button(page, "random").click()
    kernel = setting(page, "kernel")
    assert torch.tensor(kernel).std() > 0
    assert_ways_on_view(page, picture("face"), kernel, 3)
    assert page.faults == []


def test_an_edited_kernel_goes_into_all_of_it(explored):
    page, kernel = explored(UPSAMPLING), [[0.5, 0, -1], [0, 1, 0.25], [2, -0.125, 0]]
    button(page, "3×3").click()
    write_kernel(page, kernel)
    button(page, "flat grey").click()
    assert_ways_on_view(page, picture("flat"), kernel, 2)
    assert_close(
        numbers(page, "White becomes"),
        white_becomes(torch.tensor(kernel), 2).repeat(3, 3),
        atol=0.0051,
        rtol=0,
    )
    assert numbers(page, "Coats of paint").tolist() == [[1, 2] * 3, [2, 4] * 3] * 3
    page.wait_for_function("location.hash.includes('picture=flat')")
    again = explored(UPSAMPLING, page.evaluate("location.hash"))
    assert setting(again, "kernel") == kernel
    assert_ways_on_view(again, picture("flat"), kernel, 2)
    button(again, "Reset").click()
    assert_ways_on_view(again, picture("face"), named_kernel("equal", 5), 2)
    assert page.faults == again.faults == []


def test_the_phases_light_up_one_by_one(held):
    page = held(UPSAMPLING)
    order = torch.tensor([[2 * (i % 2) + j % 2 for j in range(24)] for i in range(24)])
    button(page, "One by one").click()
    whole = grey(ways(picture("face"), named_kernel("equal", 5))["subpixel"])
    for phase in range(4):
        woven = pixels(page, "Woven")
        lit = woven[..., 3] == 255
        assert lit.equal(order == phase) and (woven[..., 3] > 0).equal(order <= phase)
        assert (woven[..., 0] - whole)[lit].abs().max() <= 0.51
        assert (pixels(page, "Convolved")[..., 0].flatten() - whole[lit]).abs().max() <= 0.51
        assert f"{phase + 1} of 4 woven" in said(page, 1)
        page.clock.run_for(1200)
    assert "All are woven" in said(page, 1) and (pixels(page, "Woven")[..., 3] == 255).all()
    assert button(page, "One by one").is_visible() and page.faults == []


def test_taps_that_fall_together_light_up_together_and_add_up(explored):
    page = explored(UPSAMPLING)
    kernel = [[i + j / 10 for j in range(5)] for i in range(5)]
    write_kernel(page, kernel)
    for name, rows, columns in (
        ("even, even", [2, 2, 1], [2, 2, 1]),
        ("even, odd", [2, 2, 1], [1, 2, 2]),
        ("odd, even", [1, 2, 2], [2, 2, 1]),
        ("odd, odd", [1, 2, 2], [1, 2, 2]),
    ):
        button(page, name).click()
        taps = torch.tensor(kernel)
        expected = torch.stack(
            [torch.stack([part.sum() for part in rows_.split(columns, 1)]) for rows_ in taps.split(rows)]
        )
        assert_close(numbers(page, "Sums of the taps that fall together"), expected, atol=0.0051, rtol=0)
        sums = page.get_by_role("img", name=re.compile("^Sums")).locator("span")
        for place in (0, 4, 8):
            sums.nth(place).hover()
            lit = page.get_by_role("img", name=re.compile("^Taps")).locator(".gan-lit:not(.gan-outside)")
            assert lit.count() == rows[place // 3] * columns[place % 3]
            assert abs(sum(map(float, lit.all_inner_texts())) - expected.flatten()[place]) < 0.001
    assert page.faults == []


def test_a_pixel_is_chosen_by_mouse_finger_and_keys_and_brings_its_phase(explored):
    page = explored(UPSAMPLING, has_touch=True)
    results = ways(picture("face"), named_kernel("equal", 5))

    def values():
        return [float(v.replace("−", "-")) for v in re.findall(r"−?\d\.\d{3}(?=[;.])", said(page))]

    page.mouse.click(*middle_of(page, "Transposed", 7, 12))
    assert "Row 7, column 12" in said(page) and setting(page, "phase") == 2
    assert_close(values(), [result[7, 12].item() for result in results.values()], atol=0.00051, rtol=0)
    page.mouse.move(*middle_of(page, "Sub-pixel", 3, 3))
    assert "Row 3, column 3" in said(page) and setting(page, "phase") == 2
    page.touchscreen.tap(*middle_of(page, "Copy, convolve", 8, 9))
    assert "Row 8, column 9" in said(page) and setting(page, "phase") == 1
    canvas(page, "Nearest").focus()
    page.keyboard.press("ArrowDown")
    assert "Row 9, column 9" in said(page) and setting(page, "phase") == 3
    assert button(page, "odd, odd").get_attribute("aria-pressed") == "true" and page.faults == []


def test_an_address_of_upsampling_is_checked_before_use(explored):
    page = explored(UPSAMPLING, "#upsampling?stride=3&phase=8&picture=cat")
    assert "picture is “cat”; it takes one of face, flat, one, slope." in said(page)
    assert setting(page, "stride") == 3 and "9 of 9 woven" in said(page, 1)
    page.evaluate("location.hash = '#upsampling?phase=8'")  # a phase that stride 2 does not have
    page.wait_for_function(f"{EXPLORER}.model.get('stride') === 2")
    assert "4 of 4 woven" in said(page, 1) and page.faults == []


# --- Both ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [CONVOLUTION, UPSAMPLING])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_can_be_read_on_their_colours(explored, name, theme):
    page = explored(name, color_scheme=theme)
    worst = page.evaluate(
        """() => {
          const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const bytes = (...layers) => {
            for (const colour of layers) {
              probe.fillStyle = colour;
              probe.fillRect(0, 0, 1, 1);
            }
            return [...probe.getImageData(0, 0, 1, 1).data];
          };
          const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const cells = [...document.querySelectorAll(".gan-cell:not(.gan-outside)")];
          return Math.min(...cells.map((cell) => {
            const { color, backgroundColor } = getComputedStyle(cell);
            const below = getComputedStyle(document.body).backgroundColor;
            const [a, b] = [light(bytes(color)), light(bytes(below, backgroundColor))].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
          }));
        }"""
    )
    assert worst >= 4.5


@pytest.mark.parametrize("name", [CONVOLUTION, UPSAMPLING])
def test_every_control_has_a_name_and_the_still_stands_without_javascript(explored, open_page, name):  # noqa: F811
    page = explored(name)
    for role in ("button", "checkbox", "spinbutton", "img"):
        for control in page.locator(".gan").get_by_role(role).all():
            assert control.get_attribute("aria-label") or control.evaluate(
                "e => e.labels?.[0]?.textContent.trim() || e.textContent.trim()"
            )
    still = open_page(name, java_script_enabled=False).locator(".live img").first
    assert still.is_visible() and len(still.get_attribute("alt").split()) > 10


@pytest.mark.parametrize("name", [CONVOLUTION, UPSAMPLING])
def test_the_policy_of_the_pages_is_enough(open_page, name):  # noqa: F811
    page = open_page(name, strict=True)
    page.locator(".live").first.scroll_into_view_if_needed()
    page.wait_for_selector(".live[data-live-state=alive]")
    page.get_by_label("Kernel, row 1, column 1", exact=True).fill("0.5")
    assert page.faults == []


def test_the_state_in_the_page_is_small():
    for name in (CONVOLUTION, UPSAMPLING):
        text = re.search(r'data-state="([^"]*)"', (SITE / name).read_text("utf-8"))[1].replace("&quot;", '"')
        assert len(text) < 100_000 and "kernel" in json.loads(text)
