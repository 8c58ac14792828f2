"""Make the pictures of the built pages light: WebP instead of PNG, in about a third of the bytes.

Lines and letters stay exactly as they were drawn. Only a picture that is more than lines, one with faces in it,
is compressed with losses, and only where that spares a good part of the bytes. The notebooks keep their PNG.
"""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

WORTH_IT = 0.6  # of the lossless size: what a lossy picture may take at most
PNG = re.compile(r"(_images/[\w-]+)\.png")


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


def lighten_all(site: Path, pages: list[Path]) -> None:
    """Replace the pictures of a built site, and their names in its pages."""
    with ThreadPoolExecutor() as workers:
        list(workers.map(lighten, site.glob("_images/*.png")))

    def present(found):
        return f"{found[1]}.webp" if (site / f"{found[1]}.webp").exists() else found[0]

    for page in pages:
        page.write_text(PNG.sub(present, page.read_text("utf-8")), encoding="utf-8")
