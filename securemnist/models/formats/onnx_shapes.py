"""Shapes in an ONNX file: of the images that it takes, and of all activations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from securemnist.errors import first_line
from securemnist.input_spec import InputSpec
from securemnist.models.formats.image_layout import layout_of
from securemnist.models.formats.refusal import AGAIN, FACTORY, MAX_VALUES, refused

# Operators with further outputs, which a classifier does not read.
_FURTHER_OUTPUTS = ("BatchNormalization", "Dropout", "LayerNormalization", "MaxPool")
# Half a unit in the last place, relative.
_FLOAT32, _FLOAT16 = 2.0**-24, 2.0**-11
# Samples of a batch that may all have activations of the largest size.
_FULL_BATCH = 8


class Images(NamedTuple):
    """The input's name, the shape (C, H, W), whether the file wants (H, W, C), its batch size or 0."""

    name: str
    shape: tuple[int, int, int]
    channels_last: bool
    batch: int


def real_inputs(graph: Any) -> list[Any]:
    """The inputs of a graph without those that are weights with a default value."""
    weights = {tensor.name for tensor in graph.initializer}
    return [each for each in graph.input if each.name not in weights]


def images(path: Path, model: Any, spec: InputSpec, onnx: Any) -> Images:
    """The images that a model takes; sizes that it leaves open are those of `spec`.

    WeightsError unless it has one input of float32 in four dimensions. A shape of other sizes is kept,
    because the model contract says what does not fit.
    """
    inputs = real_inputs(model.graph)
    kinds = [each.type.tensor_type for each in inputs]
    if [kind.elem_type for kind in kinds] != [onnx.TensorProto.FLOAT]:
        types = [onnx.TensorProto.DataType.Name(kind.elem_type) for kind in kinds]
        found = f"{len(types)} of type {', '.join(types) or 'none'}"
        raise refused(path, "one input of float32 images", found, AGAIN)
    batch, *sizes = [
        dim.dim_value if dim.HasField("dim_value") else 0 for dim in kinds[0].shape.dim
    ] or [0]
    if len(sizes) != 3 or min(batch, *sizes) < 0 or batch > 64:
        found = f"{len(sizes) + 1} with a batch of {batch}"
        raise refused(path, "four dimensions, and a batch of at most 64", found, AGAIN)
    shape, channels_last = layout_of(path, sizes, spec)
    return Images(inputs[0].name, shape, channels_last, batch)


def check(path: Path, model: Any, images: Images, onnx: Any) -> float:
    """WeightsError for an activation of unknown size, or of more than `MAX_VALUES` a sample.

    The result is the relative rounding error of activations: that of float16 where some are float16.
    """
    graph = _inferred(path, model, images, onnx).graph
    known = {value.name: value for value in (*graph.value_info, *graph.output)}
    samples, kinds = min(max(images.batch, 1), _FULL_BATCH), set()
    for node in graph.node:
        names = node.output[:1] if node.op_type in _FURTHER_OUTPUTS else filter(None, node.output)
        for name in names:
            dims = known[name].type.tensor_type.shape.dim if name in known else None
            if dims is None or not all(dim.HasField("dim_value") for dim in dims):
                raise refused(
                    path, "shapes that follow from the file", f"none for {node.op_type}", FACTORY
                )
            kinds.add(known[name].type.tensor_type.elem_type)
            size, limit = math.prod(dim.dim_value for dim in dims), MAX_VALUES * samples
            if not 0 <= size <= limit:  # a negative size is an overflow
                found = f"{size:,} after {node.op_type}"
                raise refused(path, f"at most {limit:,} values in a batch", found, FACTORY)
    return _FLOAT16 if onnx.TensorProto.FLOAT16 in kinds else _FLOAT32


def _inferred(path: Path, model: Any, images: Images, onnx: Any) -> Any:
    """The model with the shapes of all activations for images of this shape."""
    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    channels, height, width = images.shape
    last = (height, width, channels)
    sizes = (images.batch or 1, *(last if images.channels_last else images.shape))
    dims = real_inputs(sized.graph)[0].type.tensor_type.shape.dim
    for dim, size in zip(dims, sizes, strict=True):
        dim.dim_value = size
    del sized.graph.value_info[:]
    for output in sized.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        return onnx.shape_inference.infer_shapes(sized, strict_mode=True, data_prop=True)
    except Exception as error:  # onnx's InferenceError, and protobuf's
        raise refused(path, "operators whose shapes fit", first_line(error), AGAIN) from error
