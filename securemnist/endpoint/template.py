"""The template of a request: JSON with nodes that are replaced by images, and nothing else.

`{"$image": {...}}` is one image, `{"$images": {...}}` a list of several; `{"$shape": "NCHW"}` is the
shape of the images, `{"$count": true}` their number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from securemnist._util.parsing import json_value
from securemnist.endpoint.pixels import Pixels
from securemnist.errors import ParseError

_AXES = {"NCHW": (0, 1, 2, 3), "NHWC": (0, 2, 3, 1)}
_FLAT = "NF"  # the number of images, and the values of each
_NODES = ("$image", "$images", "$shape", "$count")


@dataclass(frozen=True)
class Template:
    """A checked template: its JSON value, the form of its images, and whether it takes several."""

    value: Any
    pixels: Pixels
    several: bool

    @classmethod
    def parse(cls, text: str) -> Template:
        """The template of a text; ParseError unless it has exactly one node of images."""
        value = json_value(text.encode())
        nodes = list(_image_nodes(value))
        if len(nodes) != 1:
            raise ParseError(f'{len(nodes)} nodes of images, not one {{"$image": ...}}')
        name, settings = nodes[0]
        try:
            pixels = Pixels.model_validate(settings)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ParseError(f"{name} with {where or 'settings'}: {first['msg']:.200}") from error
        if pixels.joined and name == "$image":
            raise ParseError('`joined` beside one image; write {"$images": ...}')
        return cls(value, pixels, name == "$images")

    def body(self, numbers: np.ndarray) -> bytes:
        """The request, as JSON, for images `numbers` (n, C, H, W) of `Pixels.numbers`."""
        values = self.pixels.encoded(numbers)
        filled = _filled(self.value, values, numbers.shape, joined=self.pixels.joined)
        return json.dumps(filled, separators=(",", ":"), allow_nan=False).encode()


def _image_nodes(value: Any) -> list[tuple[str, Any]]:
    """Every node of images with its settings; ParseError for an unknown node."""
    if isinstance(value, list):
        return [node for item in value for node in _image_nodes(item)]
    if not isinstance(value, dict):
        return []
    marked = [name for name in value if name.startswith("$")]
    if not marked:
        return [node for item in value.values() for node in _image_nodes(item)]
    name = marked[0]
    if len(value) > 1 or name not in _NODES:
        raise ParseError(f"a node {name!r:.40}, which is none of {', '.join(_NODES)} alone")
    if name == "$shape" and value[name] not in (*_AXES, _FLAT):
        raise ParseError(
            f"a shape {value[name]!r:.40}, which is none of {', '.join(_AXES)}, {_FLAT}"
        )
    return [(name, value[name])] if name in ("$image", "$images") else []


def _filled(value: Any, images: list[Any], shape: tuple[int, ...], *, joined: bool) -> Any:
    if isinstance(value, list):
        return [_filled(item, images, shape, joined=joined) for item in value]
    if not isinstance(value, dict):
        return value
    if "$image" in value:
        return images[0]
    if "$images" in value:
        return [number for image in images for number in image] if joined else images
    if "$shape" in value:
        if value["$shape"] == _FLAT:
            return [shape[0], int(np.prod(shape[1:]))]
        return [shape[axis] for axis in _AXES[value["$shape"]]]
    if "$count" in value:
        return shape[0]
    return {key: _filled(item, images, shape, joined=joined) for key, item in value.items()}
