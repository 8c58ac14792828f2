"""Make the pictures of the built pages light: WebP instead of PNG, in about a third of the bytes.

Lines and letters stay exactly as they were drawn. Only a picture that is more than lines, one with faces in it,
is compressed with losses, and only where that spares a good part of the bytes. The notebooks keep their PNG.

A picture's place on the page has its size beforehand, so that nothing jumps when it arrives, and an inch of it is
never more than so many pixels: what was drawn small, for phones, is not blown up on a large screen.
"""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

WORTH_IT = 0.6  # of the lossless size: what a lossy picture may take at most
INCH = 120  # pixels of the page
PNG = re.compile(r"(_images/[\w.-]+)\.png")
BARE = re.compile(r'(<img\s(?![^>]*\b(?:width|height)=")[^>]*src="[^"]*)(_images/[\w.-]+\.\w+)"')


def webp(picture):
    """Give a picture as WebP bytes: exact ones, or much smaller ones that look the same."""
    kinds = ({"lossless": True, "quality": 50}, {"quality": 88, "use_sharp_yuv": True})
    files = [io.BytesIO() for _ in kinds]
    for file, options in zip(files, kinds, strict=True):
        picture.save(file, "WEBP", method=4, **options)
    exact, alike = (file.getvalue() for file in files)
    return alike if len(alike) < WORTH_IT * len(exact) else exact


def lighten(path):
    """Replace a PNG by a WebP of the same name, unless that would be larger."""
    with Image.open(path) as picture:
        picture = picture.convert("RGBA") if picture.mode == "P" else picture
        light = webp(picture)
    if len(light) < path.stat().st_size:
        path.with_suffix(".webp").write_bytes(light)
        path.unlink()


def place_of(path):
    """Give the width and height in pixels of the page, from the dots of a picture and how many make an inch."""
    with Image.open(path) as picture:
        dots = picture.info.get("dpi", (INCH, INCH))[0]
        return tuple(round(side * INCH / dots) for side in picture.size)


def lighten_all(site: Path, pages: list[Path]) -> None:
    """Replace the pictures of a built site, and name them and their sizes in its pages."""
    files = list(site.glob("_images/*.png"))
    places = {f"_images/{path.name}": place_of(path) for path in files}
    with ThreadPoolExecutor() as workers:
        list(workers.map(lighten, files))

    def sized(found):
        place = places.get(found[2])
        size = ' width="{}" height="{}"'.format(*place) if place else ""
        return f'<img{size}{found[1][4:]}{found[2]}"'

    def present(found):
        return f"{found[1]}.webp" if (site / f"{found[1]}.webp").exists() else found[0]

    for page in pages:
        text = BARE.sub(sized, page.read_text("utf-8"))
        page.write_text(PNG.sub(present, text), encoding="utf-8")
