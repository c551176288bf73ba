"""Facts about the weight file of a model, as they were read when it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Integer

SAFETENSORS, ONNX, KERAS = "safetensors", "ONNX", "Keras"


@dataclass(frozen=True, kw_only=True)
class WeightFile(JsonModel):
    """The entry `weight_file` of the subject in an assessment.

    `format`: safetensors, ONNX or Keras. `size`: its bytes, with external data, where they are known.
    `manifest`: the name of its manifest, "" without one. `seed`: that of the training, by the manifest.
    """

    format: str
    size: Count | None = None
    manifest: str = ""
    seed: Integer | None = None

    @classmethod
    def of(cls, subject: Mapping[str, Any]) -> Self | None:
        """The facts in the subject of an assessment; None where there are none that can be read."""
        try:
            return cls.from_json(subject.get("weight_file"))
        except ValueError:
            return None
