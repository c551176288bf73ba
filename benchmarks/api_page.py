"""The page of the library: `python -m benchmarks.api_page` writes docs/api.md from the docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import securemnist as sm
from securemnist._util.resources import write_atomically
from securemnist.attacks.adversarial import AdversarialImages
from securemnist.attacks.base import Attack
from securemnist.certificates import Certificates
from securemnist.comparison.comparison import Comparison

_WIDE = 88
PAGE = Path(__file__).parents[1] / "docs" / "api.md"
_FUNCTIONS = (sm.measure, sm.assess, sm.compare, sm.certify, sm.load_policy, sm.train_model)
_VALUES = (sm.Linf, sm.L2, sm.FGSM, sm.PGD, sm.APGD, sm.Square)
_TRAINING = (sm.Recipe, sm.DirtyLabel, sm.CleanLabel, sm.Corner)
_RESULTS = (
    sm.Measurement,
    sm.Assessment,
    Comparison,
    Certificates,
    AdversarialImages,
    sm.Training,
)
_HEAD = """# Python library

Made by `python -m benchmarks.api_page` from the docstrings.

`import securemnist as sm` loads torch when a name is first used. Every function leaves model and
process as they were, also after an exception: train or eval mode, `requires_grad`, memory format,
hooks, random generators, float settings, logging and environment. Every error is a
`securemnist.errors.SecureMnistError`: one sentence with what was expected, what was found, what to do.

Results have a one-line `repr`, and a card in a notebook. `progress=True` shows a bar after two seconds
in a terminal, and a line every ten seconds in a notebook or a pipe.

On a busy machine set `GOMP_SPINCOUNT=30000` before torch is loaded: its threads then do not spin at
barriers. The command line does so by itself.
"""


def render() -> str:
    """The page as Markdown."""
    parts = [_HEAD, "## Functions\n"]
    parts += [text for value in _FUNCTIONS for text in (_call(value), _doc(value))]
    parts += ["## Data\n", "### `DataSet`\n", _doc(sm.DataSet), *_members(sm.DataSet)]
    parts += ["## Threats and attacks\n"]
    parts += [text for value in _VALUES for text in (_call(value), _doc(value))]
    parts += [
        "### Calling an attack\n",
        _signature("attack", Attack.__call__),
        _doc(Attack.__call__),
    ]
    parts += ["## Training and poisoning\n"]
    parts += [text for value in _TRAINING for text in (_call(value), _doc(value))]
    parts += ["## Results\n"]
    for kind in _RESULTS:
        parts += [f"### `{kind.__name__}`\n", _doc(kind), *_members(kind)]
    return "\n".join(parts)


def _call(value: Any) -> str:
    return f"### `{value.__name__}`\n\n{_signature(value.__name__, value)}"


def _doc(value: Any) -> str:
    return f"{inspect.getdoc(value)}\n"


def _members(kind: type) -> Iterator[str]:
    """The documented methods and properties of a class, in the order of their definition."""
    for name, member in vars(kind).items():
        if name.startswith("_") or not getattr(member, "__doc__", None):
            continue
        function = member.__func__ if isinstance(member, classmethod) else member
        if inspect.isfunction(function):
            yield f"{_signature(f'{kind.__name__}.{name}', function)}\n{_doc(function)}"
        elif isinstance(member, property | cached_property):
            yield f"`{kind.__name__}.{name}`: {_doc(member)}"


def _signature(name: str, value: Any) -> str:
    """The call in a block of code, one parameter a line where it is long."""
    words: list[str] = []
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words += [] if parameter.name in ("self", "cls") else [_parameter(parameter)]
    line = f"{name}({', '.join(words)})"
    if len(line) > _WIDE:
        line = f"{name}(\n    " + ",\n    ".join(words) + ",\n)"
    return f"```python\n{line}\n```\n"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{stars}{parameter.name}: {parameter.annotation}{default}"


if __name__ == "__main__":
    write_atomically(PAGE, render().encode())
