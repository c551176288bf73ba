"""Formats of model files by suffix: those that are read, and those that are not, with the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from securemnist.data import Samples
from securemnist.input_spec import InputSpec
from securemnist.models.formats import keras_network, onnx_network
from securemnist.results.weight_file import KERAS, ONNX

Loader = Callable[[Path, InputSpec, Samples | None], tuple[nn.Module, dict[str, str], int]]


# By suffix the name of a format, and the function that loads a file.
FORMATS: Mapping[str, tuple[str, Loader]] = {
    ".onnx": (ONNX, onnx_network.load),
    ".keras": (KERAS, keras_network.load),
}
# Files from torch.save, joblib and pickle, from TorchScript and torch.export; files of older Keras.
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib", ".tar")
_PROGRAMS = (".pt2", ".ts", ".torchscript", ".jit", ".ptl", ".pte")
_OLD_KERAS = (".h5", ".hdf5")
_TENSORFLOW = (".pb", ".tflite")
_REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        _PICKLES,
        "a pickle can run code and is never read, nor is TorchScript; import its weights by `securemnist "
        "import`, export it as ONNX, or pass a factory that loads them",
    ),
    **dict.fromkeys(
        _PROGRAMS,
        "a program of torch can run code and is never read; export the network as ONNX, or pass a "
        "factory that builds it",
    ),
    **dict.fromkeys(
        _OLD_KERAS,
        "HDF5 of older Keras can hold code and is never read; if you trust it, load it and save it with "
        "model.save('model.keras')",
    ),
    **dict.fromkeys(
        _TENSORFLOW,
        "graphs of TensorFlow are not read; export the network as ONNX, or save it with "
        "model.save('model.keras')",
    ),
    ".py": "code is named by its module and a factory, as my_package.nets:make_net",
}


def refusal(path: str) -> str | None:
    """Why a file of this name is not read, and the way out; None for another name."""
    return _REFUSED.get(Path(path).suffix.lower())
