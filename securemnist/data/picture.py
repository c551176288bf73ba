"""Picture: one encoded image from outside, decoded to bytes of one or three channels.

PNG, JPEG and BMP only. Conversions: EXIF rotation is applied, palettes become RGB, opaque alpha channels
are dropped, black and white becomes grey. Colour profiles and gamma are ignored.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from securemnist._util.files import read_or_raise
from securemnist.errors import DataError, first_line

MAX_BYTES = 32 << 20
MAX_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG", "BMP")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH = 24  # the place of the bits a sample in a PNG file
_MODES = {"1": "L", "L": "L", "LA": "LA", "P": "RGBA", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"}
# A scan goes over all pixels again and takes a few bytes of a progressive JPEG file. Encoders write about
# ten; previews in EXIF data have their own.
_MOST_SCANS = 100
_JPEG, _SCAN = b"\xff\xd8", b"\xff\xda"
# EXIF data and comments, of which Pillow copies all for each segment; photographs have some hundred.
_MOST_SEGMENTS = 20_000
_SEGMENTS = [bytes((0xFF, code)) for code in (*range(0xE0, 0xF0), 0xFE)]
_MOST_OF_JPEG = {"scans": (_MOST_SCANS, [_SCAN]), "segments": (_MOST_SEGMENTS, _SEGMENTS)}
# A colour profile or a text, of which Pillow unpacks up to 1 MiB for each; pictures have a few.
_MOST_OF_PNG = {"packed profiles and texts": (100, [b"iCCP", b"iTXt", b"zTXt"])}
_ADVICE = "save it as 8-bit grey or RGB, or remove it"
_COPY_AGAIN = "copy it again from its source, or remove it"


def read(path: Path, size: tuple[int, int] | None) -> torch.Tensor:
    """The picture in a file, as from `decoded`."""
    content = read_or_raise(path, MAX_BYTES, "a picture", DataError, _ADVICE)
    return decoded(content, str(path), size)


def decoded(
    content: bytes, where: str, size: tuple[int, int] | None, most_pixels: int = MAX_PIXELS
) -> torch.Tensor:
    """An encoded picture as uint8 (1, C, H, W), resized to (height, width) if `size` is given.

    DataError for more than `most_pixels`, another format, a truncated or animated picture, transparency,
    CMYK and 16 bits. Also for a JPEG file of many scans or segments, and a PNG file of many packed texts.
    """
    if len(content) > MAX_BYTES:
        raise DataError(f"{where}: expected at most {MAX_BYTES >> 20} MiB, got more; {_ADVICE}")
    if content.startswith(_PNG) and content[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10":
        raise DataError(
            f"{where}: expected 8 bits a channel, got 16; scale it to 0 to 255, or write floats in "
            "[0, 1] with numpy.savez"
        )
    _refuse_costly(content, where)
    try:
        with _strict(), Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > most_pixels:
                raise DataError(
                    f"{where}: expected at most {most_pixels:,} pixels, got {width}x{height}; {_ADVICE}"
                )
            if getattr(image, "n_frames", 1) != 1:
                raise DataError(f"{where}: expected one picture, got several frames; {_ADVICE}")
            return converted(ImageOps.exif_transpose(image), where, size)
    except DataError:
        raise
    except UnidentifiedImageError as error:  # its text has the address of the buffer
        raise DataError(
            f"{where}: expected a PNG, JPEG or BMP picture, got "
            + (f"another file; {_ADVICE}" if content else f"an empty file; {_COPY_AGAIN}")
        ) from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for damaged files
        raise DataError(
            f"{where}: expected a whole PNG, JPEG or BMP picture, got a damaged one "
            f"({first_line(error):.120}); {_COPY_AGAIN}"
        ) from error
    except Exception as error:  # decoders raise errors of many classes for damaged files
        raise DataError(
            f"{where}: expected a whole PNG, JPEG or BMP picture, got {type(error).__name__} "
            f"({first_line(error):.120}); {_ADVICE}"
        ) from error


def _refuse_costly(content: bytes, where: str) -> None:
    """DataError for a file of few bytes that takes minutes: a JPEG or PNG file of many such parts."""
    most = _MOST_OF_JPEG if content.startswith(_JPEG) else _MOST_OF_PNG
    if not content.startswith((_JPEG, _PNG)):
        return
    for what, (limit, marks) in most.items():
        if (found := sum(map(content.count, marks))) > limit:
            raise DataError(
                f"{where}: expected a picture of at most {limit:,} {what}, got {found:,}; {_ADVICE}"
            )


def converted(image: Any, where: str, size: tuple[int, int] | None) -> torch.Tensor:
    """A decoded PIL image as uint8 (1, C, H, W); DataError for transparency and other modes."""
    mode = _MODES.get(image.mode)
    if mode is None:
        raise DataError(
            f"{where}: expected an 8-bit grey or RGB picture, got mode {image.mode}; {_ADVICE}"
        )
    if "transparency" in image.info and mode in ("L", "RGB"):
        mode = "LA" if mode == "L" else "RGBA"
    image = image.convert(mode)
    if mode in ("LA", "RGBA"):
        if image.getchannel("A").getextrema()[0] < 255:
            raise DataError(
                f"{where}: expected an opaque picture, got transparent pixels; put it on a background"
            )
        image = image.convert(mode[:-1])
    if size is not None and image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    return pixels[None, None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)[None]


@contextlib.contextmanager
def _strict() -> Iterator[None]:
    """Pillow refuses truncated pictures and turns its warnings into errors."""
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
