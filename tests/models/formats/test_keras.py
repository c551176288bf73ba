"""Keras 3 archives as models."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
import torch

from securemnist._util.hashing import sha256
from securemnist.certificates import certify
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import triage
from securemnist.input_spec import InputSpec
from securemnist.models.formats import extras
from securemnist.models.loading import resolve
from securemnist.models.probabilities import LogProbabilities
from securemnist.results.weight_file import WeightFile
from tests.error_form import one_sentence
from tests.models.formats import keras_models

X = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_archive_computes_what_keras_computes(tmp_path: Path) -> None:
    """An archive has the outputs of the Keras model, gradients of the images, and certificates."""
    model = keras_models.small()
    found = resolve(str(keras_models.saved(model, tmp_path / "net.keras")))
    x = X.clone().requires_grad_(True)
    logits = found.model(x)
    expected = model(X.permute(0, 2, 3, 1), training=False)
    torch.testing.assert_close(logits, expected)
    assert torch.autograd.grad(logits.sum(), x)[0].abs().max() > 0
    assert certify(found.model, X, logits.argmax(1), eps=1e-6).proved.all()


def test_augmentation_and_layers_of_one_dimension(tmp_path: Path) -> None:
    """Layers that augment images change no prediction, and rows of pixels have layers of their own."""
    k = keras_models.keras()
    layers = k.layers
    augmentation = [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.1),
        layers.RandomZoom(0.1),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomContrast(0.1),
        layers.RandomBrightness(0.1, value_range=(0, 1)),
    ]
    rows = [
        layers.Reshape((28, 28)),
        layers.Conv1D(6, 3, activation="relu"),
        layers.MaxPooling1D(2),
        layers.AveragePooling1D(2),
        layers.SpatialDropout1D(0.1),
        layers.EinsumDense("abc,cd->abd", output_shape=(None, 5)),
    ]
    means = [layers.GlobalAveragePooling1D(), layers.Dense(10)]
    model = k.Sequential([k.Input((28, 28, 1)), *augmentation, *rows, *means])
    path = keras_models.saved(model, tmp_path / "net.keras")
    assert triage(path)[0].outcome is Outcome.CLEAN
    expected = model(X.permute(0, 2, 3, 1), training=False)
    torch.testing.assert_close(resolve(str(path)).model(X), expected)


def test_trained_model_is_read_without_its_optimizer(tmp_path: Path) -> None:
    """A model that was compiled and trained before it was saved answers as in Keras."""
    model = keras_models.small()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    images = X.permute(0, 2, 3, 1)
    model.fit(images.numpy(), torch.arange(4).numpy(), verbose=0)
    found = resolve(str(keras_models.saved(model, tmp_path / "net.keras")))
    torch.testing.assert_close(found.model(X), model(images, training=False))


def test_subject_of_an_archive(tmp_path: Path) -> None:
    """The subject has the file's name and SHA-256, frozen weights, and a digest of the weights."""
    path = keras_models.saved(keras_models.small(), tmp_path / "net.keras")
    found = resolve(str(path))
    assert (found.name, found.architecture) == ("net", "Keras")
    assert found.recipe == {"sha256 of net.keras": sha256(path.read_bytes())}
    assert found.weight_file == WeightFile(format="Keras", size=path.stat().st_size)
    assert not any(p.requires_grad for p in found.model.parameters())
    assert resolve(str(path)).digest == found.digest
    other = resolve(str(keras_models.saved(keras_models.small(), tmp_path / "other.keras")))
    assert other.digest != found.digest


def test_triage_of_a_saved_model_is_clean(tmp_path: Path) -> None:
    """What Keras writes is clean for `securemnist scan`, compiled, too."""
    model = keras_models.small()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    judged, _ = triage(keras_models.saved(model, tmp_path / "net.keras"))
    assert judged.outcome is Outcome.CLEAN, judged.reasons


def test_softmax_is_attacked_by_its_logarithm(tmp_path: Path, mnist: DataSet) -> None:
    """A model that ends in softmax fits the contract, and attacks get the logarithm."""
    model = keras_models.small(activation="softmax")
    context = Context(resolve(str(keras_models.saved(model, tmp_path / "net.keras"))), mnist)
    assert isinstance(context.target, LogProbabilities)


def test_channels_first_and_colour(tmp_path: Path) -> None:
    """A model for images (n, C, H, W) gets them as they are, and a colour one in its order."""
    keras = keras_models.keras()
    colour = InputSpec(3, 8, 10, 2)
    for shape in ((3, 8, 10), (8, 10, 3)):
        layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)]
        model = keras.Sequential(layers)
        path = keras_models.saved(model, tmp_path / "net.keras")
        x = torch.rand(2, 3, 8, 10)
        inputs = x if shape[0] == 3 else x.permute(0, 2, 3, 1)
        assert torch.equal(resolve(str(path), input_spec=colour).model(x), model(inputs))


LOAD = """
import os, random, sys
before = dict(os.environ), random.getstate()
from securemnist.models.loading import resolve
found = resolve(sys.argv[1])
assert (dict(os.environ), random.getstate()) == before
import keras
print(keras.config.backend(), sorted(os.listdir(os.environ["HOME"])))
"""


def test_home_and_environment_stay(tmp_path: Path) -> None:
    """Loading an archive writes nothing into the home folder, and sets no variable for good."""
    path = keras_models.saved(keras_models.small(), tmp_path / "net.keras")
    home = tmp_path / "home"
    home.mkdir()
    done = run(LOAD, path, HOME=str(home))
    assert done.stdout.strip() == "torch []", done.stderr


OTHER = """
import sys, types
keras = types.ModuleType("keras")
keras.config = types.SimpleNamespace(backend=lambda: "jax")
sys.modules["keras"] = keras
from securemnist.errors import UsageError
from securemnist.models.loading import resolve
try:
    resolve(sys.argv[1])
except UsageError as error:
    print(error)
"""


def test_other_backend_refused(tmp_path: Path) -> None:
    """Keras that was imported with another backend is refused."""
    done = run(OTHER, tmp_path / "net.keras")
    assert "got jax; set KERAS_BACKEND=torch" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "extra"),
    [("onnx", "onnx"), ("onnx2pytorch", "onnx"), ("onnxruntime", "onnx"), ("keras", "keras")],
)
def test_missing_extra(
    name: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an optional package one sentence has the command that installs it."""
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError) as caught:
        resolve(str(tmp_path / f"net.{extra}"))
    assert f"pip install 'securemnist[{extra}]'" in one_sentence(caught.value)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("onnx2pytorch.py", "got onnx2pytorch.py of the project; give that another name"),
        ("onnx2pytorch/__init__.py", "got __init__.py of the project"),
        ("onnx2pytorch/weights.txt", "got a folder without modules; pip install"),
    ],
)
def test_module_of_the_project_instead_of_a_package(
    place: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file or folder of the project that was imported as an optional package is named."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("")
    monkeypatch.chdir(tmp_path)
    # As in a process that imported it by itself, before this package.
    monkeypatch.setitem(sys.modules, "onnx2pytorch", None)  # restored at the end
    del sys.modules["onnx2pytorch"]
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.import_module("onnx2pytorch")
    with pytest.raises(UsageError) as caught:
        extras.module("onnx2pytorch", "onnx")
    assert words in one_sentence(caught.value)


def run(program: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own."""
    words = [sys.executable, "-c", program, str(path)]
    return subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )
