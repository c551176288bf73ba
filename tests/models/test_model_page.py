"""The page docs/your-own-model.md."""

from __future__ import annotations

import re
from pathlib import Path

from securemnist import models
from securemnist._util import resources
from tests.models.formats import keras_models, onnx_graphs

PAGE = (resources.ROOT / "docs" / "your-own-model.md").read_text()


def test_examples_run(cwd: Path) -> None:
    """All examples run as they are printed, in the folder of an ONNX and a Keras file."""
    onnx_graphs.saved(onnx_graphs.linear(), cwd / "model.onnx")
    keras_models.saved(keras_models.small(activation="softmax"), cwd / "model.keras")
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "your-own-model.md", "exec"), {})  # noqa: S102 # our own text


def test_page_has_every_wrapper() -> None:
    """Every function of securemnist.models that takes a network is called on the page."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    names = set(models.__all__) - {"ARCHITECTURES", "build"}
    assert names == set(re.findall(r"models\.(\w+)\(", code))
