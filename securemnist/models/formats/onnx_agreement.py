"""Agreement of a converted network with onnxruntime, which runs the ONNX file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from securemnist.data import Samples
from securemnist.errors import ModelError, first_line
from securemnist.models.formats.onnx_file import OnnxFile
from securemnist.models.formats.refusal import AGAIN, FACTORY
from securemnist.models.mismatch import accepts
from securemnist.types import Images

# Images on which both have to agree, and the largest difference of outputs: of outputs above 1, this
# share of the largest one. Float16 needs more: so many times its rounding error.
IMAGES, TOLERANCE, ROUNDINGS = 64, 1e-4, 32
BATCH = 8


def check(
    path: Path, network: nn.Module, file: OnnxFile, runtime: Any, samples: Samples | None = None
) -> None:
    """ModelError unless torch's outputs are those of onnxruntime, each on 64 images.

    The images are noise of rising contrast, and `samples` of the data that have the file's shape.
    """
    tried = [_noise(file)]
    if samples is not None and tuple(samples.pixels.shape[1:]) == file.images.shape:
        tried.append(samples.spread(IMAGES).images())
    for x in tried:
        exported = file.images.batch or 1
        runs = _by_torch(path, network, x, exported), _by_onnxruntime(path, file, x, runtime)
        for output, other in zip(*runs, strict=True):
            _compare(path, output, other, max(TOLERANCE, ROUNDINGS * file.rounding))


def _noise(file: OnnxFile) -> Images:
    rng = torch.Generator().manual_seed(0)
    contrast = torch.linspace(0, 1, IMAGES).view(-1, 1, 1, 1)
    return torch.rand(IMAGES, *file.images.shape, generator=rng) * contrast + 0.5 * (1 - contrast)


@torch.no_grad()
def _by_torch(path: Path, network: nn.Module, x: Images, size: int) -> list[torch.Tensor]:
    """The outputs of the converted network; `size`: images that the file was exported for."""
    try:
        parts: list[Any] = [network(part) for part in x.split(BATCH)]
        return _joined([part if isinstance(part, list) else [part] for part in parts])
    except Exception as error:  # a converted graph raises what its operations raise
        raised = f"it raised {type(error).__name__} ({first_line(error):.120})"
        if accepts(network, x[:size]):
            expected, advice = "any number of images", "export it with a dynamic batch size"
        else:
            expected, advice = "images of its shape, converted by onnx2pytorch", FACTORY
        raise ModelError(
            f"{path}: expected a network for {expected}, {raised}; {advice}"
        ) from error


def _joined(parts: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    return [torch.cat(column) for column in zip(*parts, strict=True)]


def _compare(path: Path, output: torch.Tensor, other: torch.Tensor, tolerance: float) -> None:
    if output.shape != other.shape:
        raise ModelError(
            f"{path}: expected outputs {tuple(other.shape)} as from onnxruntime, got "
            f"{tuple(output.shape)}; export it with a dynamic batch size"
        )
    if not torch.isfinite(other).all():
        raise ModelError(f"{path}: expected finite outputs, got NaN or inf; fix the weights")
    difference = float((output.double() - other.double()).abs().max())
    limit = tolerance * max(1.0, float(other.double().abs().max()))
    if not difference <= limit:  # NaN is no agreement
        raise ModelError(
            f"{path}: expected outputs within {limit:.2g} of onnxruntime's, got a difference of "
            f"{difference:.2g}; {FACTORY}"
        )


def _by_onnxruntime(path: Path, file: OnnxFile, x: Images, runtime: Any) -> list[torch.Tensor]:
    """The outputs of the file itself, in batches of the size that it was exported with."""
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    size = file.images.batch or BATCH
    batches = -(-len(x) // size)
    # The last batch is filled up with images from the start.
    padded = x[torch.arange(batches * size) % len(x)]
    inputs = (padded.permute(0, 2, 3, 1) if file.images.channels_last else padded).contiguous()
    try:
        session = runtime.InferenceSession(
            file.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        parts = [
            [torch.from_numpy(each) for each in session.run(None, {file.images.name: part.numpy()})]
            for part in inputs.split(size)
        ]
    except Exception as error:  # onnxruntime has an exception for each kind of failure
        raise ModelError(
            f"{path}: expected a model that onnxruntime runs, got {first_line(error):.160}; {AGAIN}"
        ) from error
    return [each[: len(x)] for each in _joined(parts)]
