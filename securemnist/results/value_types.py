"""Types of single values in stored results: what pydantic accepts for each.

Numbers are strict: a bool or a text is no number. JSON integers are accepted for floats.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    TypeAdapter,
    WithJsonSchema,
)

from securemnist.errors import FAILED, UNDECIDED
from securemnist.input_spec import FEWEST_CLASSES, MOST_CHANNELS, MOST_CLASSES
from securemnist.results import families
from securemnist.results.families import Family
from securemnist.results.per_image import CODE, NOT_ATTEMPTED, PLACE, SMALL, decode, encode
from securemnist.results.verdicts import LARGEST, Verdict

# Pixels a side of a stored picture; larger images are reduced.
PICTURE_SIDE = 64
LARGEST_EPSILON = 1_000.0
_MOST = 10**9
_BASE64 = WithJsonSchema({"type": "string", "contentEncoding": "base64"})


def _exit_code(code: int) -> int:
    if code not in (0, FAILED, UNDECIDED):
        raise ValueError(f"expected an exit code of 0, {FAILED} or {UNDECIDED}, got {code}")
    return code


def _pixels(text: Any) -> bytes:
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        content = b""
    if not 0 < len(content) <= MOST_CHANNELS * PICTURE_SIDE**2:
        raise ValueError("expected the pixels of a picture in base64, got something else")
    return content


def _family(value: Any) -> Family:
    if isinstance(value, Family | str):
        return families.read(value)
    return families.own(TypeAdapter(Family).validate_python(value))


# SHA-256 in hexadecimal digits.
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Flag = Annotated[bool, Strict()]
Integer = Annotated[int, Strict()]
# A value, bound or threshold: sums and quotients of such numbers stay finite.
Number = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST)]
Finite = Annotated[float, Strict()]
Nonnegative = Annotated[float, Strict(), Field(ge=0, le=_MOST)]
# Of L-infinity at most 1, of L2 at most the root of the number of values.
Epsilon = Annotated[float, Strict(), Field(ge=0, le=LARGEST_EPSILON)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
Count = Annotated[int, Strict(), Field(ge=0, le=_MOST)]
Class = Annotated[int, Strict(), Field(ge=0, lt=MOST_CLASSES)]
StoredVerdict = Annotated[
    Verdict, PlainSerializer(str), WithJsonSchema({"enum": [str(v) for v in Verdict]})
]
# The name of a bundled family, the whole table of a user's own.
StoredFamily = Annotated[
    Family,
    PlainValidator(_family),
    PlainSerializer(Family.to_json),
    WithJsonSchema({"anyOf": [{"type": "string"}, TypeAdapter(Family).json_schema()]}),
]
_EXIT_CODES = WithJsonSchema({"enum": [0, FAILED, UNDECIDED]})
ExitCode = Annotated[int, Strict(), AfterValidator(_exit_code), _EXIT_CODES]

Side = Annotated[int, Strict(), Field(ge=1, le=PICTURE_SIDE)]
Channels = Annotated[int, Strict(), Field(ge=1, le=MOST_CHANNELS)]
# By class; None for a class without samples.
Shares = Annotated[list[Share | None], Field(min_length=FEWEST_CLASSES, max_length=MOST_CLASSES)]

# From the smallest to the largest of some numbers, at even shares of them.
QUANTILES = 21
Quantiles = Annotated[list[Finite], Field(min_length=QUANTILES, max_length=QUANTILES)]

# Int64 (n,); base64 in JSON.
Classes = Annotated[
    np.ndarray, PlainValidator(lambda text: decode(text)), PlainSerializer(encode), _BASE64
]
Codes = Annotated[
    np.ndarray,
    PlainValidator(lambda text: decode(text, low=NOT_ATTEMPTED, high=np.iinfo(CODE).max)),
    PlainSerializer(encode),
    _BASE64,
]
Places = Annotated[
    np.ndarray,
    PlainValidator(lambda text: decode(text, PLACE, high=np.iinfo(PLACE).max)),
    PlainSerializer(lambda places: encode(places, PLACE)),
    _BASE64,
]
# Sets of up to eight things as numbers of one byte: bit k is set where the k-th is in the set.
Sets = Annotated[
    np.ndarray,
    PlainValidator(lambda text: decode(text, SMALL, high=np.iinfo(SMALL).max)),
    PlainSerializer(lambda sets: encode(sets, SMALL)),
    _BASE64,
]
# Values of one picture, uint8, row by row, channels last; base64 in JSON.
Pixels = Annotated[
    bytes,
    PlainValidator(_pixels),
    PlainSerializer(lambda pixels: base64.b64encode(pixels).decode("ascii")),
    _BASE64,
]
