"""Keras models, built, saved and changed for tests."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from securemnist.models.architectures import ConvNetA
from securemnist.models.formats import keras_network
from securemnist.runtime.process_state import preserved


def keras() -> ModuleType:
    """Keras as the loader imports it."""
    with preserved():
        return keras_network._keras()


def small(**options: Any) -> Any:
    """A model with batch norm, a sum, pooling and dropout, for ten classes."""
    k = keras()
    layers = k.layers
    images = k.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=2, activation="relu")(images)
    x = layers.BatchNormalization()(x)
    x = layers.Add()([x, layers.Conv2D(4, 3, padding="same")(x)])
    x = layers.Flatten()(layers.Dropout(0.5)(layers.MaxPooling2D()(layers.ReLU()(x))))
    return k.Model(images, layers.Dense(10, **options)(x))


def network_a(net: ConvNetA) -> Any:
    """Network A with its weights, for images (n, H, W, C)."""
    k = keras()
    layers, mean, std = k.layers, float(net.normalize.mean), float(net.normalize.std)
    model = k.Sequential(
        [
            k.Input((28, 28, 1)),
            layers.Rescaling(1 / std, -mean / std),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu", name="fc1"),
            layers.Dense(10, name="fc2"),
        ]
    )
    for name in ("conv1", "conv2", "fc1", "fc2"):
        _copy_weights(getattr(net, name), model.get_layer(name), pixels=7 if name == "fc1" else 0)
    return model


def of_task(net: Any) -> Any:
    """A network of `tests.tasks` with its weights, for images (n, H, W, C) of 8x8 pixels."""
    k = keras()
    layers = k.layers
    first, second = (each for each in net.features if isinstance(each, nn.Conv2d))
    same = {"padding": "same", "activation": "relu"}
    model = k.Sequential(
        [
            k.Input((8, 8, first.in_channels)),
            layers.Conv2D(first.out_channels, 3, **same, name="first"),
            layers.MaxPooling2D(),
            layers.Conv2D(second.out_channels, 3, **same, name="second"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(net.head.out_features, name="head"),
        ]
    )
    _copy_weights(first, model.get_layer("first"))
    _copy_weights(second, model.get_layer("second"))
    _copy_weights(net.head, model.get_layer("head"), pixels=2)
    return model


def _copy_weights(source: Any, layer: Any, *, pixels: int = 0) -> None:
    """The weights of a layer of torch; behind `pixels` x `pixels` features they are reordered."""
    weight = source.weight.detach()
    if pixels:  # Keras flattens rows, columns, channels
        weight = weight.view(len(weight), -1, pixels, pixels).permute(0, 2, 3, 1).flatten(1)
    kernel = weight.permute(2, 3, 1, 0) if weight.dim() == 4 else weight.T
    layer.set_weights([kernel.numpy(), source.bias.detach().numpy()])


def saved(model: Any, path: Path) -> Path:
    """The archive of a model."""
    with preserved():
        warnings.simplefilter("ignore")  # Keras copies arrays in a form that NumPy will not have
        model.save(path)
    return path


def changed(path: Path, **members: bytes | Callable[[bytes], bytes] | None) -> Path:
    """The archive with other members, by name with `_` for `.`; None removes one."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for key, value in members.items():
        name = key.replace("_", ".")
        if value is None:
            del contents[name]
        else:
            contents[name] = value(contents[name]) if callable(value) else value
    write(path, contents)
    return path


def write(path: Path, contents: Mapping[str, bytes]) -> None:
    """An archive of these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def config(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    """A change of config.json, which gets it as a dictionary."""

    def edited(content: bytes) -> bytes:
        value = json.loads(content)
        change(value)
        return json.dumps(value).encode()

    return edited
