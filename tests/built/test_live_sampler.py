"""The face sampler of the published pages, operated in a real browser; its faces are held against PyTorch's."""

import functools
import hashlib
import http.server
import io
import json
import re
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from serve import POLICY
from test_live import SITE, Handler, open_page, site  # noqa: F401 (fixtures)

from gan_lib import pretrained
from gan_lib.training import latents_from_seed
from gan_lib.weights import FOLDER
from gan_lib.widgets import FaceSampler

FIRST, WALKING = "book/counterfeiter-and-police.html", "book/walking.html"
THE = "document.querySelector('.gan-faces').sampler"
PIXELS = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def faces(open_page):  # noqa: F811
    """Chapter 1 with its sampler alive."""

    def opened(fragment="", name=FIRST, **options):
        page = open_page(name + fragment, **options)
        page.locator(".live").first.scroll_into_view_if_needed()
        page.wait_for_selector(".live[data-live-state=alive]")
        return page

    return opened


def widget(page):
    return page.locator(".gan-faces").first


def button(page, name):
    return widget(page).get_by_role("button", name=name, exact=True)


def settings(page):
    return page.evaluate(f"{THE}.settings")


def said(page):
    return widget(page).get_by_role("status").inner_text()


def finished(page):
    """Wait until all faces are drawn."""
    page.evaluate(f"(async () => {{ while ({THE}.drawing) await {THE}.drawing; }})()")


def picture(page, selector=".gan-face", index=0):
    """What a canvas shows: float32 (S, S, 3), 0 to 255."""
    finished(page)
    pixels = np.array(widget(page).locator(selector).nth(index).evaluate(PIXELS), np.float32)
    size = round((len(pixels) / 4) ** 0.5)
    return pixels.reshape(size, size, 4)[..., :3]


def expected(page, cells=()):
    """The large face, and some of the grid, as PyTorch draws them, set as the page: (1 + len(cells), S, S, 3)."""
    found = settings(page)
    state = page.evaluate(f"({{ names: {THE}.model.get('names'), arrows: {THE}.model.get('arrows') }})")
    directions = dict(zip(state["names"], torch.tensor(state["arrows"]), strict=True))
    sampler = FaceSampler(pretrained("faces"), directions=directions)
    for name in ("seed", "count", "face", "psi", "shifts"):
        setattr(sampler, name, found[name])
    with torch.no_grad():
        images = sampler.generator(torch.stack([sampler.latent, *sampler.latents[[*cells]]]))
    return ((images + 1) * 127.5).permute(0, 2, 3, 1).numpy()


def assert_drawn(page, every=False):
    """The large face, and the first and the last of the small ones or all, are PyTorch's within 2 grey levels."""
    last = settings(page)["count"] - 1
    cells = range(last + 1) if every else (0, last)
    large, *small = expected(page, cells)
    assert np.abs(picture(page) - large).max() < 2
    for index, right in zip(cells, small, strict=True):
        assert np.abs(picture(page, ".gan-grid canvas", index) - right).max() < 2
    assert large.std() > 20


# --- What it shows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FIRST, WALKING])
def test_it_opens_on_the_faces_of_pytorch(faces, name):
    page = faces(name=name)
    assert_drawn(page, every=True)
    state = settings(page)
    noise = latents_from_seed(state["seed"], 64, 128)
    if name == FIRST:  # nothing is moved: face i is the generator's for row i of the noise
        with torch.no_grad():
            face = pretrained("faces")(noise[state["face"]][None])[0].permute(1, 2, 0)
        assert np.abs(picture(page) - ((face + 1) * 127.5).numpy()).max() < 2
    assert page.faults == []


def test_a_slider_moves_the_face_by_key_and_by_mouse(faces):
    page = faces()
    before = picture(page)
    slider = widget(page).get_by_role("slider", name="Smiling")
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert settings(page)["shifts"]["Smiling"] == pytest.approx(1.2)
    box = widget(page).get_by_role("slider", name="Young").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 5, box["y"] + box["height"] / 2, steps=7)
    page.mouse.up()
    assert settings(page)["shifts"]["Young"] < -1
    assert np.abs(picture(page) - before).max() > 30
    assert_drawn(page)
    assert "+1.2 along Smiling" in widget(page).locator(".gan-face").get_attribute("aria-label")
    button(page, "All back").click()
    assert np.abs(picture(page) - before).max() == 0 and page.faults == []


def test_the_small_faces_wait_until_the_slider_rests(faces):
    page = faces()
    finished(page)
    always = "{ get: () => performance.now(), set() {}, configurable: true }"
    page.evaluate(f"Object.defineProperty({THE}, 'slidAt', {always})")
    drawn, count = page.evaluate(f"{THE}.drawn"), settings(page)["count"]
    widget(page).get_by_role("slider", name="Smiling").press("ArrowRight")
    page.wait_for_function(f"{THE}.drawn > {drawn}")
    page.wait_for_timeout(300)
    assert page.evaluate(f"{THE}.stale.size") == count
    page.evaluate(f"Object.defineProperty({THE}, 'slidAt', {{ get: () => 0 }})")
    assert_drawn(page)
    assert page.evaluate(f"{THE}.stale.size") == 0


AT_ONCE = """(sampler) => { // what Python has changed, as one message brings it
  sampler.writing = true;
  sampler.model.set("seed", 8);
  sampler.model.set("face", 2);
  sampler.writing = false;
  sampler.followModel();
}"""


def test_truncation_number_and_seed_do_what_they_say(faces):
    page = faces()
    psi = widget(page).get_by_role("slider", name="Truncation")
    psi.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    widget(page).get_by_role("slider", name="Faces").focus()
    for _ in range(13):
        page.keyboard.press("ArrowLeft")
    widget(page).get_by_label("Seed", exact=True).fill("1234567")
    page.keyboard.press("Enter")
    found = settings(page)
    assert (found["psi"], found["count"], found["seed"]) == (0.6, 3, 1234567)
    assert widget(page).get_by_role("radio").count() == 3
    assert_drawn(page)
    button(page, "New faces").click()
    assert (
        settings(page)["seed"] == 1234568
        and widget(page).get_by_label("Seed", exact=True).input_value() == "1234568"
    )
    assert_drawn(page)
    widget(page).get_by_label("Seed", exact=True).fill("-5")
    page.keyboard.press("Enter")
    assert settings(page)["seed"] == 0
    page.evaluate(f"({AT_ONCE})({THE})")
    assert (settings(page)["seed"], settings(page)["face"]) == (8, 2)
    assert_drawn(page)
    assert page.faults == []


def test_a_face_is_picked_by_mouse_key_and_finger(faces):
    page = faces(has_touch=True)
    cells = widget(page).get_by_role("radio")
    cells.nth(9).click()
    assert settings(page)["face"] == 9 and "Face 9 of seed" in widget(page).locator(".gan-caption").inner_text()
    assert np.abs(picture(page) - picture(page, ".gan-grid canvas", 9)).max() == 0
    page.keyboard.press("ArrowRight")
    assert settings(page)["face"] == 10 and page.evaluate("document.activeElement.ariaLabel") == "Face 10"
    page.keyboard.press("ArrowUp")
    above = settings(page)["face"]
    tops = [cells.nth(i).bounding_box() for i in (10, above)]
    assert tops[0]["x"] == pytest.approx(tops[1]["x"], abs=1) and tops[0]["y"] > tops[1]["y"]
    page.keyboard.press("End")
    assert settings(page)["face"] == 15
    cells.nth(2).tap()
    assert settings(page)["face"] == 2 and widget(page).get_by_role("radio", checked=True).count() == 1
    assert_drawn(page)
    assert page.faults == []


def test_every_control_has_a_name(faces):
    page = faces()
    for role in ("button", "radio", "slider", "spinbutton"):
        controls = widget(page).get_by_role(role).all()
        assert controls
        for control in controls:
            assert control.get_attribute("aria-label") or control.evaluate(
                "e => e.labels?.[0]?.textContent.trim() || e.textContent.trim()"
            )


# --- Walking ---------------------------------------------------------------------------------------------


def test_a_walk_goes_along_the_arc_and_rests_where_it_is_stopped(faces):
    page = faces()
    button(page, "Walk").click()
    page.wait_for_function(f"{THE}.settings.face % 1 > 0.3")
    button(page, "Stop").click()
    face = settings(page)["face"]
    assert face % 1 > 0.2 and face == round(face, 2)
    assert "% of the way from face" in widget(page).locator(".gan-caption").inner_text()
    assert_drawn(page)
    page.wait_for_timeout(300)
    assert settings(page)["face"] == face and page.faults == []


TWICE = """(sampler) => {
  const { step } = sampler;
  sampler.times = [];
  sampler.step = (passed) => {
    const drawn = step.call(sampler, passed), count = sampler.times.push(document.timeline.currentTime);
    if (count === 3) for (const walking of [false, true]) sampler.setWalking(walking);
    return drawn;
  };
}"""


def test_who_stops_and_walks_on_at_once_walks_no_faster(faces):
    page = faces()
    page.evaluate(f"({TWICE})({THE})")
    button(page, "Walk").click()
    page.wait_for_function(f"{THE}.times.length > 15")
    times = page.evaluate(f"{THE}.times")[6:]
    assert len(set(times)) == len(times)
    assert button(page, "Stop").get_attribute("aria-pressed") is None  # its words say it
    page.evaluate(f"{THE}.change({{ count: 1 }})")
    button(page, "Walk").click()
    assert said(page) == "There is only one face; a walk needs two." and not page.evaluate(f"{THE}.walking")


def test_a_walk_goes_over_the_last_face_to_the_first(faces):
    page = faces("#sampler?count=3&face=2.9")
    button(page, "Walk").click()
    page.wait_for_function(f"{THE}.settings.face < 1")
    assert page.faults == []


def test_a_walk_pauses_out_of_view(faces):
    page = faces()
    button(page, "Walk").click()
    page.wait_for_function(f"{THE}.drawn > 5")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"!{THE}.visible")
    page.wait_for_timeout(100)
    finished(page)
    drawn = page.evaluate(f"{THE}.drawn")
    page.wait_for_timeout(400)
    assert page.evaluate(f"{THE}.drawn") == drawn
    widget(page).locator(".gan-face").scroll_into_view_if_needed()
    page.wait_for_function(f"{THE}.drawn > {drawn + 3}")


def test_who_wants_no_motion_gets_steps(faces):
    page = faces(reduced_motion="reduce")
    face = settings(page)["face"]
    button(page, "Walk").click()
    page.wait_for_function(f"{THE}.settings.face > {face}")
    assert settings(page)["face"] == face + 0.25
    page.wait_for_function(f"{THE}.settings.face > {face + 0.25}")
    assert settings(page)["face"] == face + 0.5


# --- Addresses and files ---------------------------------------------------------------------------------


def test_the_address_finds_the_face_again(faces):
    page = faces()
    widget(page).get_by_label("Seed", exact=True).fill("99")
    page.keyboard.press("Enter")
    widget(page).get_by_role("radio").nth(4).click()
    widget(page).get_by_role("slider", name="Bangs").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("location.hash.includes('move.Bangs')")
    again = faces(page.evaluate("location.hash"))
    assert settings(again) == settings(page) and settings(again)["seed"] == 99
    assert np.abs(picture(again) - picture(page)).max() == 0
    assert again.evaluate("scrollY") > 0
    again.evaluate("location.hash = '#sampler?seed=3&psi=0.5'")
    again.wait_for_function(f"{THE}.settings.seed === 3")
    assert settings(again)["shifts"]["Bangs"] == 0
    assert_drawn(again)
    assert page.faults == again.faults == []


def test_a_new_address_stops_a_walk_and_stays(faces):
    page = faces()
    button(page, "Walk").click()
    page.wait_for_function(f"{THE}.settings.face % 1 > 0.05")
    page.evaluate("location.hash = '#sampler?seed=9'")
    page.wait_for_function(f"{THE}.settings.seed === 9")
    page.wait_for_timeout(500)  # an address is written when settings have rested for 300 ms
    assert page.evaluate("location.hash") == "#sampler?seed=9"
    assert page.evaluate(f"{THE}.model.get('seed')") == 9 and page.faults == []


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("seed=two", "seed is “two”; it takes a whole number"),
        ("face=99", "face is “99”; it takes a number from 0 to 64."),
        ("move.Smiling=1e9", "move.Smiling is “1e9”; it takes a number from -3 to 3."),
        ("__proto__=1", "There is no setting “__proto__”."),
        ("<img src=x onerror=alert(1)>", "There is no setting “<img"),
    ],
)
def test_what_an_address_should_not_say_is_left_out_in_a_sentence(faces, fragment, words):
    page = faces(f"#sampler?psi=0.5&{fragment}")
    assert "Not all of the address could be used" in said(page) and words in said(page)
    assert settings(page)["psi"] == 0.5 and settings(page)["seed"] == 5
    assert_drawn(page)
    assert page.faults == []


def test_a_face_is_saved_as_it_is_shown(faces):
    page = faces("#sampler?seed=8&face=3&move.Smiling=2")
    right = expected(page)[0]
    with page.expect_download() as waiting:
        button(page, "Save PNG").click()
    assert waiting.value.suggested_filename == "face-8-3.png"
    saved = np.asarray(Image.open(io.BytesIO(waiting.value.path().read_bytes())).convert("RGB"), np.float32)
    assert saved.shape == (64, 64, 3) and np.abs(saved - right).max() < 2
    assert "Saved as face-8-3.png" in said(page)


# --- The weights -----------------------------------------------------------------------------------------


def test_the_book_carries_the_weights_its_pages_need_and_no_others():
    files = [*(SITE / "_static" / "weights").iterdir()]
    contents = (FOLDER / "faces.safetensors").read_bytes()
    assert [file.name for file in files] == [f"faces.{hashlib.sha256(contents).hexdigest()[:8]}.safetensors"]
    assert files[0].read_bytes() == contents


WEIGHTS = (FOLDER / "faces.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "the weights of the generator are not there (404)"),
        ({"body": WEIGHTS[:-5]}, f"{len(WEIGHTS) - 5} bytes came where {len(WEIGHTS)} were expected"),
        ({"body": WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])}, "are not those that belong to this page"),
    ],
    ids=["missing", "cut off", "changed"],
)
def test_without_good_weights_the_still_stays_and_a_sentence_says_why(open_page, answer, words):  # noqa: F811
    page = open_page(FIRST, before=lambda page: page.route("**/weights/*", lambda route: route.fulfill(**answer)))
    place = page.locator(".live").first
    place.scroll_into_view_if_needed()
    page.wait_for_selector(".live[data-live-state=failed]")
    assert words in place.get_by_role("status").inner_text()
    assert place.locator("img").is_visible() and place.locator(".gan").count() == 0


def test_weights_that_are_on_their_way_are_announced_under_the_still(open_page):  # noqa: F811
    waiting = []
    page = open_page(
        FIRST, before=lambda page: page.route("**/faceworker.js*", lambda route: waiting.append(route))
    )
    place = page.locator(".live").first
    place.scroll_into_view_if_needed()
    page.wait_for_selector(".live[data-live-state=starting]")
    page.evaluate(  # everything that is said under the still from now on
        "window.heard = []; new MutationObserver(() => heard.push(document.querySelector('.live').innerText))"
        ".observe(document.querySelector('.live'), { childList: true, subtree: true, characterData: true })"
    )
    while not waiting:
        page.wait_for_timeout(20)
    waiting[0].continue_()
    page.wait_for_selector(".live[data-live-state=alive]")
    assert any(re.search(r"on its way: \d+ % of 3\.2 MB", words) for words in page.evaluate("heard"))
    assert "on its way" not in place.inner_text()


def test_the_weights_are_fetched_once_for_the_whole_book(chromium):
    asked = []

    class Counting(Handler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context(bypass_csp=True)
    try:
        for name in (FIRST, WALKING):
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}")
            assert sum("/weights/" in path for path in asked) == (name == WALKING)  # not before it comes into view
            page.locator(".live").first.scroll_into_view_if_needed()
            page.wait_for_selector(".live[data-live-state=alive]")
    finally:
        context.close()
        server.shutdown()
    assert sum("/weights/" in path for path in asked) == 1


# --- Policies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [False, True], ids=["no exception", "WebAssembly allowed"])
def test_it_works_under_a_strict_policy_and_fast_where_webassembly_is_allowed(chromium, allowed):
    class Strict(Handler):
        def send_header(self, name, value):
            if name == "Content-Security-Policy":
                value = POLICY if allowed else POLICY.replace(" 'wasm-unsafe-eval'", "")
            super().send_header(name, value)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Strict, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/{FIRST}")
        page.locator(".live").first.scroll_into_view_if_needed()
        page.wait_for_selector(".live[data-live-state=alive]", timeout=60_000)
        assert page.evaluate(f"{THE}.painter.fast") is allowed
        assert np.abs(picture(page) - expected(page)[0]).max() < 2
    finally:
        context.close()
        server.shutdown()


def test_what_the_page_was_built_with_is_what_it_fetches():
    found = re.search(r'data-live="sampler\.js\?v=\w+" data-state="([^"]*)"', (SITE / FIRST).read_text("utf-8"))
    state = json.loads(found[1].replace("&quot;", '"'))
    assert (SITE / "_static" / "weights" / state["weights"]["file"]).stat().st_size == state["weights"]["size"]
    assert (SITE / "_static" / "widgets" / state["worker"].split("?")[0]).exists()
    assert state["seed"] == 5 and all(len(arrow) == 128 for arrow in state["arrows"])
