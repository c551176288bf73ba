"""A network in torch from a Keras 3 archive, by Keras on its torch backend."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, final

import torch
from torch import nn

from securemnist._util.hashing import sha256_of_value
from securemnist.data import Samples
from securemnist.errors import UsageError, first_line
from securemnist.input_spec import InputSpec
from securemnist.models.formats import extras, keras_file
from securemnist.models.formats.image_layout import layout_of
from securemnist.models.formats.refusal import FACTORY, MAX_BYTES, MAX_VALUES, refused
from securemnist.models.input_layers import ChannelsLast
from securemnist.runtime.process_state import preserved
from securemnist.types import Images

_RANDOM_STATE = "seed_generator_state"


@final
class KerasNetwork(nn.Module):
    """Images (n, C, H, W) through a Keras model; `config` is the digest of its layers."""

    def __init__(self, network: Any, channels_last: bool, config: str, keras: ModuleType) -> None:
        super().__init__()
        self.layout = ChannelsLast() if channels_last else nn.Identity()
        self.network, self.config = network, config
        self._on = keras.device
        _forget_random_states(network)

    def forward(self, x: Images) -> Any:
        # Keras moves its inputs to a device of its own choice otherwise.
        with self._on(str(x.device)):
            return self.network(self.layout(x), training=False)

    def extra_repr(self) -> str:
        return f"config={self.config}"


def _forget_random_states(network: nn.Module) -> None:
    """Remove the states of Dropout's generators: their names count up, which would change the digest."""
    for module in network.modules():
        if isinstance(module, nn.ParameterDict):
            for name in [key for key in module if key.endswith(_RANDOM_STATE)]:
                del module[name]


def load(
    path: Path, spec: InputSpec, _samples: Samples | None = None
) -> tuple[nn.Module, dict[str, str], int]:
    """The network of the archive at `path`, the SHA-256 of the file by name, and its bytes.

    `spec` gives the sizes that the file leaves open. UsageError or WeightsError in one sentence.
    """
    with preserved():
        warnings.simplefilter("ignore")  # of Keras and its dependencies
        keras, h5py = _keras(), extras.module("h5py", "keras")
        file = keras_file.read(path)
        with keras.device("meta"):  # variables without memory
            _check_sizes(path, _built(path, file, keras))
        model = _built(path, file, keras)
        sizes = _input_sizes(path, model)
        _, channels_last = layout_of(path, sizes, spec)
        _load_weights(path, model, file.weights, h5py)
        digest = sha256_of_value(file.config)[:16]
        network = KerasNetwork(model, channels_last, digest, keras).eval()
        return network, file.digests, file.size


def _keras() -> ModuleType:
    """Keras with its torch backend, imported without reading or writing its folder in the home."""
    with tempfile.TemporaryDirectory() as folder:
        if "keras" not in sys.modules:
            os.environ |= {"KERAS_BACKEND": "torch", "KERAS_HOME": folder}
        keras = extras.module("keras", "keras")
    backend = keras.config.backend()
    if backend != "torch":
        raise UsageError(
            f"expected Keras with its torch backend, got {backend}; set KERAS_BACKEND=torch"
        )
    return keras


def _built(path: Path, file: keras_file.KerasFile, keras: ModuleType) -> Any:
    try:
        # A copy, because Keras changes what it reads.
        config = json.loads(json.dumps(file.config))
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except Exception as error:  # Keras raises what its layers raise
        raise refused(path, "layers that Keras builds", first_line(error), FACTORY) from error


def _check_sizes(path: Path, model: Any) -> None:
    """WeightsError for more weights or activations than the limits."""
    size = sum(variable.value.nbytes for variable in model.variables)
    if size > MAX_BYTES:
        raise refused(path, f"at most {MAX_BYTES} bytes of weights", str(size), "use a smaller one")
    for layer in model.layers:
        shapes = [getattr(layer, "output", None)]
        for output in torch.utils._pytree.tree_leaves(shapes):
            known = [each for each in getattr(output, "shape", ()) if each is not None]
            if torch.Size(known).numel() > MAX_VALUES:
                found = f"{torch.Size(known).numel():,} after {layer.name:.40}"
                raise refused(path, f"at most {MAX_VALUES:,} values a sample", found, FACTORY)


def _input_sizes(path: Path, model: Any) -> Sequence[int]:
    """The input's three sizes, 0 for an open one."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [list(each.shape) for each in inputs]
        raise refused(path, "one input of images in four dimensions", f"{shapes}", FACTORY)
    return [size or 0 for size in inputs[0].shape[1:]]


def _load_weights(path: Path, model: Any, weights: Mapping[str, Any], h5py: ModuleType) -> None:
    """The checked arrays put into the layers, by a new file of them, since Keras reads HDF5 itself."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.weights.h5"
        try:
            with h5py.File(file, "w") as opened:
                for name, array in weights.items():
                    opened[name] = array
            model.load_weights(file)
        except Exception as error:  # Keras raises what h5py and torch raise
            raise refused(
                path, "weights of its layers", first_line(error), "save it again"
            ) from error
