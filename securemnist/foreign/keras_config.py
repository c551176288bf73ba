"""Triage of a Keras configuration: classes and functions that it would build, by an allowlist."""

from __future__ import annotations

import re
from typing import Any

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError
from securemnist.foreign.outcome import Reason, malicious, unknown
from securemnist.models.formats.keras_classes import CLASSES, TENSOR, is_known
from securemnist.models.formats.keras_file import dictionaries

# Layers of Keras that hold code, files or modules of other frameworks.
_CODES = (
    "Lambda TorchModuleWrapper TFSMLayer JaxLayer FlaxLayer StringLookup IntegerLookup "
    "TextVectorization __lambda__ function"
)
_CODE = frozenset(_CODES.split())
# Modules whose further classes are layers, and parts of a model, without code of the file.
_PLAIN = (
    "keras",
    "keras.layers",
    "keras.models",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
)
# Modules of what `compile` adds, which is read by no loader here; none of their classes holds code.
_COMPILED = re.compile(r"keras\.(src\.([a-z0-9_]+\.)*)?(optimizers|losses|metrics)(\.[a-z0-9_]+)*")
_NAMES = frozenset(name for _, name in CLASSES)
# Optimizers of Keras, which older files name without a module.
_OLDER = "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lion Nadam RMSprop SGD"
_OPTIMIZERS = frozenset(_OLDER.split())
_FUNCTION = "function"


def reasons(
    text: bytes, place: str, *, older: bool = False, most: int | None = None
) -> list[Reason]:
    """The reasons of a configuration in JSON, of `most` bytes; `older`: of Keras 2, without modules."""
    if most is not None and len(text) > most:
        return [unknown(f"has more than {most} bytes", place)]
    try:
        config = json_object(text)
    except ParseError as error:
        return [unknown(f"is no JSON: {error}", place)]
    found = list[Reason]()
    for entry in dictionaries(config):
        reason = _reason(entry, place, older)
        if reason is not None and reason not in found:
            found.append(reason)
    return found


def _reason(entry: dict[str, Any], place: str, older: bool) -> Reason | None:
    name, module = entry.get("class_name"), entry.get("module")
    if name is None:
        known = module is None or any(is_known(module, each) for each in _NAMES)
        return None if known or "config" not in entry else malicious(f"names {module!r:.80}", place)
    if name == TENSOR and module is None:
        return None
    text = f"{module}.{name}" if module else f"{name!r}"
    registered = entry.get("registered_name")
    if isinstance(name, str) and name not in _CODE and registered in (None, name):
        if is_known(module, name):
            return None
        if older and module is None and name in _NAMES | _OPTIMIZERS:
            return None
        if name.isidentifier() and _COMPILED.fullmatch(str(module)):
            return None
        if module in _PLAIN:
            return unknown(f"has {text:.120}, which is not in the allowlist", place)
    if name == _FUNCTION and _is_plain_function(entry):
        return None
    return malicious(f"would build {text:.120}, which can hold code or import it", place, name=text)


def _is_plain_function(entry: dict[str, Any]) -> bool:
    """Whether a function of Keras 3 is one of its own losses or activations, such as "relu"."""
    value = entry.get("config")
    named = isinstance(value, str) and value.isidentifier() and not value.startswith("_")
    return named and entry.get("module") in ("keras.losses", "keras.activations", "keras.metrics")
