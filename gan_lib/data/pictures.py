"""One file, whatever people have, to one picture: uint8 of shape (height, width, 3)."""

import io
import struct

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

try:
    import simplejpeg
except ImportError:  # optional: Pillow reads the same, in 1.6 times the time
    simplejpeg = None

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
PIXEL_LIMIT = 80_000_000  # of one photo: 240 MB of memory
BROKEN = (SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError, struct.error)  # of Pillow
BACKGROUND = (255, 255, 255)  # behind what is transparent


class Unusable(Exception):
    """Why a file is skipped, in a few words."""


def decode(data: bytes, pixel_limit: int = PIXEL_LIMIT) -> np.ndarray:
    """Decode an image; a plain JPEG the fast way, without a look at its EXIF."""
    if simplejpeg is not None and data[:2] == b"\xff\xd8":
        try:
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            if height * width <= pixel_limit:
                return simplejpeg.decode_jpeg(data)
        except ValueError:
            pass  # Pillow reads more kinds, and says what is wrong
    return open_picture(io.BytesIO(data), pixel_limit=pixel_limit)


def open_picture(file, at_least: int | None = None, pixel_limit: int = PIXEL_LIMIT) -> np.ndarray:
    """Read an image file of any mode with Pillow, turned as its EXIF says; of an animation, the first frame.

    Parameters
    ----------
    file : path or file
    at_least : int, default None
        A JPEG may be decoded at a half, a quarter or an eighth of its size, with no side below this.
    pixel_limit : int, default 80 million
        Of width times height, known before anything is decoded.

    Returns
    -------
    picture : uint8 array of shape (height, width, 3)
        What is transparent lies on white.

    Raises
    ------
    Unusable
        If it is no image, truncated, broken, beyond the pixel limit, or may not be read.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > pixel_limit:
                raise Unusable(f"beyond the pixel limit: {image.width}×{image.height}")
            if at_least:
                image.draft(None, (at_least, at_least))
            return np.asarray(_rgb(ImageOps.exif_transpose(image)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unusable("beyond the pixel limit") from error
    except UnidentifiedImageError as error:
        raise Unusable("not an image (of JPEG, PNG, WebP, BMP, GIF)") from error
    except (PermissionError, FileNotFoundError) as error:
        raise Unusable(error.strerror.lower()) from error
    except (OSError, *BROKEN) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the file
        raise Unusable("truncated" if "truncated" in str(error) else f"broken: {error}") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey
        image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image).convert("RGB")
    return image.convert("RGB")


def check_side(side: int, size: int) -> None:
    """A square that would be enlarged more than twice is too small."""
    if 2 * side < size:
        raise Unusable(f"too small: a square of {side} pixels a side, and {size} need at least {size // 2}")
