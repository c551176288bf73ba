"""docs/reference/policy.md: the keys of a policy, from its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.documentation import policy_schema
from benchmarks.documentation.markdown import MADE_BY, table

_HEAD = f"""# Policy

{MADE_BY}

A policy is a TOML file, usually `security_tests/thresholds.toml`. Every number that can fail a build
is in it. `securemnist init` writes a first one, and `securemnist assess --list` checks it and prints
its rows. An unknown key is refused with exit code 2, so that a misspelt limit cannot be ignored.

`securemnist assess` uses the policy of the folder it is started in. With `--model` in a folder without
one it uses the bundled policy, and every output says so; `--policy bundled` selects it explicitly.

A policy with a row that cannot fail is refused. Accuracies need `at_least`, above chance (1/K for K
classes). Backdoor success, latency and static findings need `at_most`. `max_drop` of a share is below 1.

An editor that validates TOML can use the [JSON Schema](../schema/policy.schema.json). It allows any
setting in a row; `securemnist` itself checks the settings against the row's [measure](measures.md).

```toml
families = ["adversarial"]

[data]
name   = "MNIST"
sha256 = "910db85cbbd7f129babf844daa92f5e41b6fd6f84e458393d176c9afeea4c3d5"

[[requirement]]
id       = "ADV-10"
measure  = "robust_accuracy"
threat   = {{ norm = "linf", eps = 0.1 }}
images   = 1000
at_least = 0.9
because  = "the scanner's noise stays below a tenth of the range"
```
"""
_PARTS = (
    ("", "The file", "Keys above the first row."),
    (
        "Requirement",
        "A row",
        "Keys of `[[requirement]]`. All other keys are settings of the measure.",
    ),
    ("Waiver", "A waiver", '`waiver = { reason = "...", expires = 2027-01-31 }` in a row.'),
    (
        "Data",
        "The data",
        '`data = { name = "...", sha256 = "..." }` above the first row. On other data the command\n'
        "exits with 2 before anything is measured.",
    ),
)


def render() -> str:
    """The page as Markdown."""
    schema = policy_schema.schema()
    parts = [_HEAD]
    for name, title, text in _PARTS:
        part = schema["$defs"][name] if name else schema
        parts.append(f"## {title}\n\n{text}\n\n{table(('key', 'value', 'meaning'), _rows(part))}")
    return "\n".join(parts)


def _rows(part: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, key in part["properties"].items():
        needed = ", required" if name in part["required"] else ""
        default = key.get("default")
        preset = f", default `{default}`" if default is not None else ""
        yield f"`{name}`", f"{_kind(key)}{needed}{preset}", key["description"]


def _kind(key: dict[str, Any]) -> str:
    """The values of a key in words."""
    if "anyOf" in key:  # null stands for a key that is left out
        (key,) = (one for one in key["anyOf"] if one.get("type") != "null")
    if "enum" in key:
        return " or ".join(f"`{value}`" for value in key["enum"])
    if "$ref" in key:
        return "table"
    if key["type"] == "array":
        return "rows" if "$ref" in key["items"] else "list of strings"
    words = {"string": "string", "number": "number", "integer": "whole number"}[key["type"]]
    words = "date" if key.get("format") == "date" else words
    return f"{words}, at least {key['minimum']}" if "minimum" in key else words
