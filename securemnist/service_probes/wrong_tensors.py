"""Wrong tensors: shape, type and range are checked before the model computes."""

from __future__ import annotations

import json

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered
from securemnist.service_probes.reply import refused
from securemnist.service_probes.target import Target


def wrong_tensors(target: Target) -> list[ServiceCheck]:
    """Tensors that the metadata of the model rules out."""
    images = target.images[:1]
    channels, height, width = target.spec.shape
    size = target.spec.size
    large = 256 if target.input["datatype"] == "UINT8" else 1.5
    tensors: dict[str, dict[str, object]] = {
        "one number too few": {"data": [0] * (size - 1)},
        "one number too many": {"data": [0] * (size + 1)},
        "no numbers": {"data": []},
        "a text": {"data": "0" * size},
        "texts": {"data": ["0"] * size},
        "booleans": {"data": [True] * size},
        "nulls": {"data": [None] * size},
        "objects": {"data": [{}] * size},
        "uneven rows": {"data": [[0] * (size - 1), [0]]},
        "a value above the range": {"data": [large] + [0] * (size - 1)},
        "a value below the range": {"data": [-1] + [0] * (size - 1)},
        "another name": {"name": f"{target.input['name']}-other"},
        "a boolean in the shape": {"shape": [True, channels, height, width]},
        "a value of 1e38": {"data": [1e38] + [0] * (size - 1)},
        "no images": {"shape": [0, channels, height, width], "data": []},
        "a negative number of images": {"shape": [-1, channels, height, width]},
        "a billion images": {"shape": [10**9, channels, height, width]},
        "a shape without channels": {"shape": [1, height, width]},
        "a larger side": {"shape": [1, channels, height + 1, width], "data": [0] * (size + width)},
        "a fraction in the shape": {"shape": [1.5, channels, height, width]},
        "a text as shape": {"shape": "1"},
        "an unknown datatype": {"datatype": "COMPLEX128"},
        "BYTES": {"datatype": "BYTES"},
    }
    found = [
        refused(f"a tensor with {name}", target.post(target.body(images, **fields)))
        for name, fields in tensors.items()
    ]
    if target.input["datatype"] == "UINT8":
        fraction = target.body(images, data=[0.5] + [0] * (size - 1))
        found.append(refused("a tensor with a fraction", target.post(fraction)))
    tensor = json.loads(target.body(images))["inputs"][0]
    others = {"no inputs": [], "no tensor": [1], "no fields": [{}], "two tensors": [tensor, tensor]}
    for name, inputs in others.items():
        content = json.dumps({"inputs": inputs}).encode()
        found.append(refused(name, target.post(content)))
    return [*found, answered("a right tensor afterwards", target.infer(images))]
