"""The live widgets of the published pages, operated in a real browser as a person would.

`make test` builds the book into _build/test before it runs these.
"""

import functools
import http.server
import json
import re
import threading
import time
from pathlib import Path

import pytest
import torch
from serve import POLICY

from gan_lib import theory, toy

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "test" / "_build" / "html"
LIVE = sorted(
    p.relative_to(SITE).as_posix() for p in SITE.glob("book/*.html") if 'data-live="' in p.read_text("utf-8")
)
PLAYGROUND = "book/playground.html"
THE = "document.querySelector('.gan-play').playground"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the book in silence, under a content security policy without eval, blobs or other sites."""

    def log_message(self, *args):
        pass

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()


@pytest.fixture(scope="module")
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def open_page(chromium, site):
    """Open a page of the book; what goes wrong in it is collected in `page.faults`.

    The policy holds where `strict` is asked for: Playwright's own waiting needs eval.
    """
    contexts = []

    def opened(name=PLAYGROUND, width=1280, height=900, before=lambda page: None, strict=False, **options):
        size = {"width": width, "height": height}
        contexts.append(chromium.new_context(viewport=size, bypass_csp=not strict, **options))
        page = contexts[-1].new_page()
        page.faults = []
        page.on("console", lambda message: message.type == "error" and page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("response", lambda answer: answer.status >= 400 and page.faults.append(answer.url))
        page.on("request", lambda asked: asked.url.startswith((site, "data:")) or page.faults.append(asked.url))
        before(page)
        page.goto(site + name)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def played(open_page):
    """The playground's page with its first widget alive."""

    def opened(fragment="", **options):
        page = open_page(PLAYGROUND + fragment, **options)
        page.wait_for_selector(".live[data-live-state=alive]")
        return page

    return opened


def first(page, selector):
    return page.locator(".gan-play").first.locator(selector).first


def button(page, name):
    return page.locator(".gan-play").first.get_by_role("button", name=name, exact=True)


def settings(page):
    return page.evaluate("document.querySelector('.gan-play').playground.settings")


def steps(page):
    return page.evaluate("document.querySelector('.gan-play').playground.game.steps")


def said(page):
    return first(page, ".gan-status").inner_text()


def wait_for_steps(page, more=5):
    page.wait_for_function(f"document.querySelector('.gan-play').playground.game.steps >= {steps(page) + more}")


def pixels(page):
    return page.evaluate("document.querySelector('.gan-plane').toDataURL()")


# --- Every page with a widget ----------------------------------------------------------------------------


def test_only_pages_with_widgets_load_the_host():
    assert PLAYGROUND in LIVE
    for path in SITE.glob("book/**/*.html"):
        name = path.relative_to(SITE).as_posix()
        assert ("_static/live.js?v=" in path.read_text("utf-8")) == (name in LIVE), name


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", LIVE)
def test_every_widget_comes_alive_and_fits(open_page, name, width):
    page = open_page(name, width=width)
    places = page.locator(".live")
    for index in range(places.count()):
        places.nth(index).scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelectorAll('.live')[{index}].dataset.liveState === 'alive'")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        "[...document.querySelectorAll('.gan :is(button, select, input, canvas, p, label)')].filter(e => {"
        " const r = e.getBoundingClientRect(), w = e.closest('.gan').getBoundingClientRect();"
        " return r.width && (r.right > w.right + 1 || r.left < w.left - 1) }).map(e => e.outerHTML.slice(0, 80))"
    )
    assert outside == [] and page.faults == []


def test_widgets_need_no_exception_from_a_strict_policy(open_page):
    page = open_page(strict=True)
    page.wait_for_selector(".live[data-live-state=alive]")
    button(page, "Run").click()
    page.locator(".gan-counter", has_text="steps/s").first.wait_for()
    assert page.faults == []


LONG = ["bootstrap", "pydata-sphinx-theme", "tex-chtml-full"]
COME = f"[...document.scripts].map(({{ src }}) => src).filter((src) => /{'|'.join(LONG)}/.test(src))"


def assert_the_rest_comes(page):
    page.wait_for_function("window.bootstrap && window.MathJax?.startup?.promise")
    assert [name in src for name, src in zip(LONG, page.evaluate(COME), strict=True)] == [True] * 3


def test_long_scripts_come_when_the_widget_in_view_is_alive(open_page):
    page = open_page(before=lambda page: page.add_init_script("""
      new MutationObserver(() => {
        const later = document.querySelectorAll("[data-later]").length;
        if (document.querySelector("[data-live-state=alive]") && later === 3) window.waited = true;
      }).observe(document, { subtree: true, childList: true, attributes: true });
    """))  # fmt: skip
    assert_the_rest_comes(page)
    assert page.evaluate("window.waited") and page.faults == []


def test_long_scripts_do_not_wait_for_ever(open_page):
    held = []
    page = open_page(before=lambda page: page.route("**/widgets/playground.js*", lambda route: held.append(route)))
    assert_the_rest_comes(page)
    assert not page.locator("[data-live-state=alive]").count() and page.faults == []
    held[0].continue_()
    page.wait_for_selector("[data-live-state=alive]")


def test_without_modules_the_rest_of_the_page_works(open_page):
    page = open_page(before=lambda page: page.route("**/live.js*", lambda route: route.abort()))
    assert_the_rest_comes(page)
    page.locator("mjx-container").first.wait_for(state="attached")


def test_long_scripts_never_overtake_those_that_the_page_loads_itself(open_page):
    def late(route):
        time.sleep(1)
        route.continue_()

    page = open_page(before=lambda page: page.route("**/documentation_options.js*", late))
    assert_the_rest_comes(page)
    page.wait_for_timeout(500)
    assert page.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_its_colours_before_the_themes_scripts(open_page, scheme):
    blocked = dict(before=lambda page: page.route("**/scripts/*", lambda route: route.abort()))
    page = open_page(color_scheme=scheme, **blocked)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


def test_without_javascript_the_still_stands(open_page):
    page = open_page(java_script_enabled=False)
    still = page.locator(".live img").first
    assert still.is_visible() and "generated" in still.get_attribute("alt")


@pytest.mark.parametrize(
    "answer",
    [{"status": 404}, {"body": "throw new Error('a stone in the gearbox')", "content_type": "text/javascript"}]
    + [{"body": "export default { render() { throw new Error('a stone') } }", "content_type": "text/javascript"}],
    ids=["missing", "failing", "not drawing"],
)
def test_a_module_that_fails_leaves_the_still_and_says_so(open_page, answer):
    page = open_page(
        before=lambda page: page.route("**/widgets/playground.js*", lambda route: route.fulfill(**answer))
    )
    page.wait_for_selector(".live[data-live-state=failed]")
    place = page.locator(".live").first
    assert place.locator("img").is_visible()
    assert "something went wrong" in place.get_by_role("status").inner_text()
    assert place.locator(".gan").count() == 0


def test_on_paper_folded_cells_are_open(open_page):
    page = open_page("book/data.html")
    page.emulate_media(media="print")
    code = page.locator("details.hide pre").first
    assert code.evaluate("(code) => code.checkVisibility() && code.getBoundingClientRect().height > 20")


# --- The playground, operated ----------------------------------------------------------------------------


def test_it_starts_paused_and_runs_by_mouse_key_and_finger(played):
    page = played(has_touch=True)
    before = pixels(page)
    time.sleep(0.3)
    assert steps(page) == 0 and "Press Run" in said(page)
    button(page, "Run").click()
    page.locator(".gan-counter", has_text="steps/s").first.wait_for()
    label = first(page, ".gan-plane").get_attribute("aria-label")
    assert re.match(r"The plane after [\d,]+ steps; \d of 8 modes covered", label) and "Paused" not in label
    button(page, "Pause").click()
    reached, paused = steps(page), pixels(page)
    assert f"Paused after {reached} steps" in said(page).replace(",", "") and paused != before
    page.evaluate(f"{THE}.draw()")
    assert pixels(page) == paused
    time.sleep(0.3)
    assert steps(page) == reached
    first(page, ".gan-plane").focus()
    page.keyboard.press(" ")
    wait_for_steps(page)
    page.keyboard.press(" ")
    button(page, "Run").tap()
    wait_for_steps(page)
    button(page, "Pause").tap()
    button(page, "Restart").click()
    assert steps(page) == 0 and page.faults == []


def test_one_step_is_one_step(played):
    page = played()
    button(page, "Step").click()
    button(page, "Step").click()
    assert steps(page) == 2 and "Step 2: D's loss 0." in said(page)


def test_what_is_no_number_is_put_back(played):
    page = played("#playground?seed=7")
    button(page, "Step").click()
    seed = page.locator(".gan-play").first.get_by_label("Seed")
    seed.fill("")
    seed.press("Enter")
    assert seed.input_value() == "7" and settings(page)["seed"] == 7 and steps(page) == 1


def test_training_goes_on_where_any_of_it_is_in_view(played):
    page = played(width=375)
    button(page, "Run").click()
    first(page, ".gan-controls").evaluate("(settings) => settings.scrollIntoView()")
    page.wait_for_timeout(200)
    assert first(page, ".gan-plane").evaluate("(plane) => plane.getBoundingClientRect().bottom") < 0
    assert page.evaluate(f"{THE}.visible")
    wait_for_steps(page)


def test_what_changed_out_of_view_is_drawn_on_the_way_back(played):
    page = played()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{THE}.visible")
    before = pixels(page)
    page.evaluate(f"{THE}.change({{ data: 'moons' }})")
    assert pixels(page) == before
    first(page, ".gan-plane").scroll_into_view_if_needed()
    page.wait_for_function(f"{THE}.visible")
    assert pixels(page) != before


def test_who_comes_back_finds_the_game_going_on(played):
    page = played("#playground?data=moons")
    button(page, "Step").click()
    page.evaluate("location.hash = '#collapse-and-the-cure'")
    page.go_back()
    page.wait_for_timeout(200)
    assert page.evaluate("location.hash") == "#playground?data=moons" and steps(page) == 1
    page.evaluate("location.hash = '#playground?data=spiral'")
    page.wait_for_function(f"{THE}.settings.data === 'spiral'")
    assert steps(page) == 0


def test_a_new_address_brings_its_widget_to_life_and_into_view(open_page):
    page = open_page()
    for data in ("spiral", "grid"):
        page.evaluate("scrollTo(0, 0)")
        page.evaluate(f"location.hash = '#playground-3?data={data}'")
        page.wait_for_function(
            "(data) => { const place = document.querySelectorAll('.live')[2];"
            " const { top } = place.getBoundingClientRect(), el = place.querySelector('.gan-play');"
            " return el?.playground.settings.data === data && top >= 0 && top < innerHeight / 2 }",
            arg=data,
        )
    assert page.faults == []


def test_every_dot_of_the_plane_is_one_of_the_screen(played):
    page = played(width=1700)
    size = "(({ width, clientWidth }) => [width, clientWidth])(document.querySelector('.gan-plane'))"
    dots, wide = page.evaluate(size)
    assert dots == wide == round(first(page, ".gan-plane").bounding_box()["width"])
    zoomed = {"width": 1690, "height": 900, "deviceScaleFactor": 2, "mobile": False}  # the text is no narrower
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", zoomed)
    page.wait_for_function(f"{size}[0] > {dots}")
    assert page.evaluate(size) == [pytest.approx(2 * wide, abs=1), wide]


def test_what_is_chosen_can_be_told_where_the_system_chooses_the_colours(played):
    page = played(forced_colors="active")
    button(page, "Slow motion").click()
    button(page, "Next phase").click()
    colour = "(element) => getComputedStyle(element).backgroundColor"
    assert button(page, "Slow motion").evaluate(colour) != button(page, "Restart").evaluate(colour)
    assert first(page, ".gan-phases li").evaluate(colour) != first(page, ".gan-phases li + li").evaluate(colour)


def test_every_control_sets_what_it_says_and_the_address_keeps_it(played):
    page = played()
    for label, value in {
        "Real points": "spiral",
        "Objective": "relativistic",
        "Optimizer": "momentum",
        "Width": "8",
    }.items():
        page.locator(".gan-play").first.get_by_label(label, exact=True).select_option(value)
    sliders = first(page, ".gan-controls").locator("input[type=range]")
    for index in range(sliders.count()):
        sliders.nth(index).focus()
        page.keyboard.press("ArrowRight")
    page.locator(".gan-play").first.get_by_label("Seed").fill("7")
    page.keyboard.press("Enter")
    expected = {
        "data": "spiral", "objective": "relativistic", "optimizer": "momentum", "width": 8, "seed": 7, "r1": 0.01,
        "r2": 0.01, "dSteps": 2, "dLearningRate": 0.01, "gLearningRate": 0.01, "points": [],
    }  # fmt: skip
    assert settings(page) == expected
    page.wait_for_function("location.hash.includes('seed=7')")
    again = played(fragment=page.evaluate("location.hash"))
    assert settings(again) == expected and again.evaluate("scrollY") > 0
    again.evaluate("location.hash = '#playground?data=moons'")
    again.wait_for_function("document.querySelector('.gan-play').playground.settings.data === 'moons'")
    assert page.faults == again.faults == []


def test_a_page_opened_at_a_heading_stays_there(played):
    page = played(fragment="#collapse-and-the-cure")
    page.wait_for_timeout(500)  # an address is written when settings have rested for 300 ms
    assert page.evaluate("location.hash") == "#collapse-and-the-cure"


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("data=cat", "data is “cat”; it takes one of ring, grid"),
        ("r1=1e9", "r1 is “1e9”; it takes a number from 0 to 100."),
        ("seed=1.5", "seed is “1.5”; it takes a whole number from 0 to"),
        ("width=", "width is “”; it takes a whole number from 4 to 64."),
        ("__proto__=1&objective=constructor", "objective is “constructor”; it takes one of"),
        ("data=own&points=zz", "points is “zz”; it takes four digits"),
        ("points=" + "00" * 1000, "at most 400"),
        ("objective=<img src=x onerror=alert(1)>", "objective is “<img"),
    ],
)
def test_what_an_address_should_not_say_is_left_out_in_a_sentence(played, fragment, words):
    page = played(fragment=f"#playground?r2=0.3&{fragment}")
    assert "Not all of the address could be used" in said(page) and words in said(page)
    found = settings(page)
    assert (
        found["r2"] == 0.3
        and found["objective"] == "non-saturating"
        and found["width"] == 16
        and found["seed"] == 0
    )
    button(page, "Step").click()
    assert page.faults == []


def test_own_points_are_drawn_by_mouse_and_by_keyboard(played):
    page = played()
    page.locator(".gan-play").first.get_by_label("Real points", exact=True).select_option("own")
    button(page, "Run").click()
    assert "draw some real points" in said(page) and steps(page) == 0
    button(page, "Step").click()
    assert "nothing to learn yet" in said(page) and steps(page) == 0
    empty = pixels(page)
    page.locator(".gan-play").first.get_by_label("real points", exact=True).uncheck()
    assert pixels(page) == empty  # there were none
    plane = first(page, ".gan-plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + box["height"] / 4, steps=8)
    page.mouse.up()
    points = torch.tensor(settings(page)["points"])
    assert 5 <= len(points) <= 9 and (points[:, 1] - 1.5).abs().max() < 0.05
    assert points[0, 0].abs() < 0.05 and (points[-1, 0] - 1.5).abs() < 0.05
    plane.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    assert settings(page)["points"][-1] == [-0.15, -0.3]
    button(page, "Run").click()
    wait_for_steps(page)
    button(page, "Clear").click()
    assert settings(page)["points"] == [] and page.faults == []


def test_slow_motion_goes_through_the_phases_of_a_step(played):
    page = played()
    button(page, "Slow motion").click()
    sentences, pictures = [], []
    for phase in range(8):
        assert steps(page) == 0
        button(page, "Next phase").click()
        assert (
            first(page, ".gan-phases [aria-current=step]").inner_text()
            == first(page, f".gan-phases li:nth-child({phase + 1})").inner_text()
        )
        sentences.append(first(page, ".gan-phases p").inner_text())
        pictures.append(pixels(page))
    assert steps(page) == 1 and len(set(sentences)) == 8 and len(set(pictures)) >= 7
    assert re.search(r"wrong about \d+ of 256", sentences[2]) and "0." in sentences[4]
    button(page, "Next phase").click()
    button(page, "Slow motion").click()
    assert steps(page) == 2 and not first(page, ".gan-phases").is_visible()  # no half steps
    button(page, "Slow motion").click()
    button(page, "Next phase").click()
    button(page, "Restart").click()
    assert first(page, ".gan-phases").locator("[aria-current]").count() == 0
    assert first(page, ".gan-phases p").inner_text().startswith("Press Run")


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", ["Collapse", "Rotation", "D too strong", "Vanishing gradients"])
def test_a_failure_and_its_cure_are_a_click_each(played, name, width):
    page = played(width=width)
    button(page, name).click()
    assert button(page, name).get_attribute("aria-pressed") == "true"
    wait_for_steps(page)
    before = settings(page)
    cure = first(page, ".gan-cure")
    assert cure.inner_text().startswith("Cure:")
    cure.click()
    wait_for_steps(page)
    assert settings(page) != before and not cure.is_visible() and page.faults == []


def test_a_failure_is_chosen_as_long_as_its_settings_hold(played):
    page = played()
    button(page, "Collapse").click()
    rates = page.locator(".gan-play").first.get_by_role("slider", name=re.compile("Learning rate of"))
    rates.first.press("ArrowRight")  # D's, which the cure changes
    assert button(page, "Collapse").get_attribute("aria-pressed") == "true"
    rates.last.press("ArrowLeft")
    assert button(page, "Collapse").get_attribute("aria-pressed") == "false"
    assert not first(page, ".gan-preset-words").is_visible() and not first(page, ".gan-cure").is_visible()


def test_numbers_beyond_all_bounds_stop_the_run_with_a_sentence(played):
    page = played(
        "#playground?optimizer=sgd&objective=least-squares&d_learning_rate=1&g_learning_rate=1&r1=100&width=64"
    )
    button(page, "Run").click()
    page.wait_for_function("document.querySelector('.gan-status').textContent.startsWith('Stopped')")
    assert "lower a learning rate" in said(page)
    button(page, "Restart").click()
    assert steps(page) == 0


def test_it_follows_the_theme(played):
    page = played(color_scheme="light")
    light, ink = pixels(page), "getComputedStyle(document.querySelector('.gan')).color"
    colour = page.evaluate(ink)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"{ink} !== '{colour}'")
    page.wait_for_timeout(100)
    assert pixels(page) != light


def test_every_control_has_a_name(played):
    page = played()
    widget = page.locator(".gan-play").first
    for role in ("button", "combobox", "slider", "spinbutton", "checkbox"):
        for control in widget.get_by_role(role).all():
            assert control.get_attribute("aria-label") or control.evaluate(
                "e => e.labels?.[0]?.textContent.trim() || e.textContent.trim()"
            )
    assert "after 0 steps" in first(page, ".gan-plane").get_attribute("aria-label")


# --- The small games -------------------------------------------------------------------------------------


def test_the_start_is_dragged_and_the_path_follows(open_page):
    page = open_page("book/why-it-is-hard.html")
    page.locator(".live").first.scroll_into_view_if_needed()
    page.wait_for_selector(".live[data-live-state=alive]")
    widget, path = page.locator(".gan-games"), "document.querySelector('.gan-games').games.path"
    box = widget.locator(".gan-plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4, steps=4)
    page.mouse.up()
    start = page.evaluate(f"{path}[0]")
    assert abs(start[0]) < 0.02 and abs(start[1] - 1) < 0.02
    widget.locator(".gan-plane").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{path}[0]") == [round(start[0] + 0.1, 2), start[1]]
    page.mouse.click(box["x"] + 9, box["y"] + 9, button="right")
    page.mouse.move(box["x"] - 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 90, steps=3)
    page.mouse.up()
    assert page.evaluate(f"{path}[0]") == [round(start[0] + 0.1, 2), start[1]]
    widget.get_by_label("Game").select_option("bilinear")
    assert widget.get_by_label("R1").count() == 0 or not widget.get_by_label("R1").is_visible()
    for turns, verdict in {
        "simultaneous": "runs away",
        "alternating": "goes round",
        "extragradient": "comes home",
    }.items():
        widget.get_by_label("Who moves when").select_option(turns)
        assert f"it {verdict}" in widget.get_by_role("status").inner_text()
        expected = theory.trajectory(theory.bilinear(), tuple(page.evaluate(f"{path}[0]")), 0.2, 100, turns)
        torch.testing.assert_close(torch.tensor(page.evaluate(path), dtype=torch.float64), expected)
    page.evaluate("document.querySelector('.gan-games').games.set({ turns: 'simultaneous', rate: 0.01 })")
    assert "leaves 1.00005 of the distance (|λ|): it runs away." in widget.get_by_role("status").inner_text()
    assert page.faults == []


# --- What it computes ------------------------------------------------------------------------------------

PLAY = """
async ({ settings, weights, batches }) => {
  const module = document.querySelector("[data-live]").dataset.live;
  const { Game } = await import(new URL(`../_static/widgets/${module}`, location));
  const game = new Game({ ...settings, seed: 0, data: "ring" });
  game.generator.weights.set(weights.generator);
  game.discriminator.weights.set(weights.discriminator);
  let next = 0;
  game.noise = () => {
    game.real.set(batches[next].real);
    game.latents.set(batches[next++].noise);
  };
  for (let i = 0; i < batches.length; i++) game.step();
  return [...game.generator.weights, ...game.discriminator.weights];
}
"""


@pytest.fixture
def double_precision():
    """JavaScript computes in float64; in float32 a sum beside a kink of the network may fall on its other side."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_200_steps_in_the_page_are_those_of_pytorch(played, double_precision):
    page, ring = played(), toy.ring(8, spread=0.1)
    source, batches = torch.Generator().manual_seed(2), []
    for _ in range(200):
        real = ring.sample(128, source)
        noise = torch.randn(128, 2, generator=source)
        batches.append({"real": real.flatten().tolist(), "noise": noise.flatten().tolist()})
    pair = toy.players(width=16, seed=1)
    flat = [torch.cat([weight.detach().flatten() for weight in net.parameters()]) for net in pair]
    found = page.evaluate(
        PLAY,
        {
            "settings": {"objective": "non-saturating", "optimizer": "adam", "r1": 0.1, "r2": 0.1, "dSteps": 1,
                         "dLearningRate": 1e-3, "gLearningRate": 1e-3, "width": 16},
            "weights": dict(zip(("generator", "discriminator"), (f.tolist() for f in flat), strict=True)),
            "batches": batches,
        },
    )  # fmt: skip
    for _ in toy.train_toy(*pair, ring, steps=200, batch_size=128, learning_rate=1e-3, r1=0.1, r2=0.1, seed=2):
        pass
    trained = torch.cat([weight.detach().flatten() for net in pair for weight in net.parameters()])
    assert (trained - torch.cat(flat)).abs().max() > 0.05
    assert trained.dtype == torch.float64 and (torch.tensor(found) - trained).abs().max() < 1e-5


def test_the_module_is_the_one_the_page_was_built_with():
    from gan_lib.widgets import modules

    address = re.search(r'data-live="(playground\.js)\?v=(\w+)"', (SITE / PLAYGROUND).read_text("utf-8"))
    served = (SITE / "_static" / "widgets" / address[1]).read_text("utf-8")
    assert modules.fingerprint(served) == address[2]
    state = json.loads(
        re.search(r'data-state="([^"]*)"', (SITE / PLAYGROUND).read_text("utf-8"))[1].replace("&quot;", '"')
    )
    assert state["objective"] == "non-saturating" and "running" not in state
