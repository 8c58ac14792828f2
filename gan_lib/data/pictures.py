"""One file, whatever people have, to one picture: uint8 of shape (height, width, 3)."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

try:
    import simplejpeg
except ImportError:  # optional: Pillow reads the same, more slowly
    simplejpeg = None

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
PIXEL_LIMIT = 80_000_000  # of one file: 240 MB of memory
BACKGROUND = (255, 255, 255)  # behind what is transparent


class Unusable(Exception):
    """Why a file is skipped, in a few words."""


def decode(data: bytes) -> np.ndarray:
    """Decode an image; a plain JPEG in the fast way."""
    if simplejpeg is not None and data[:2] == b"\xff\xd8":
        try:
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            if height * width <= PIXEL_LIMIT:
                return simplejpeg.decode_jpeg(data)
        except ValueError:
            pass  # Pillow reads more kinds, and says what is wrong
    return open_picture(io.BytesIO(data))


def open_picture(file, at_least: int | None = None) -> np.ndarray:
    """Read an image file with Pillow: any mode, turned as its EXIF says, the first frame.

    Parameters
    ----------
    file : path or file
    at_least : int, default None
        A JPEG may be read at a half, a quarter or an eighth of its size as long as its sides are not below this.

    Raises
    ------
    Unusable
        If it is no image, broken, or beyond the pixel limit.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > PIXEL_LIMIT:
                raise Unusable(f"beyond the pixel limit: {image.width}×{image.height}")
            if at_least:
                image.draft(None, (at_least, at_least))
            return np.asarray(_rgb(ImageOps.exif_transpose(image)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unusable("beyond the pixel limit") from error
    except UnidentifiedImageError as error:
        raise Unusable("not an image that can be read (JPEG, PNG, WebP, BMP, GIF)") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unusable("truncated" if "truncated" in str(error) else f"broken: {error}") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey
        image = Image.fromarray((np.asarray(image).astype(np.float32) / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image).convert("RGB")
    return image.convert("RGB")
