"""Facts about a weight file, as the assessment holds them: its format and what its manifest states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from securemnist.report.details import flattened
from securemnist.results.findings import Verdict
from securemnist.results.json_model import table
from securemnist.results.weight_file import KERAS, ONNX, SAFETENSORS, WeightFile
from securemnist.sanitize import line
from securemnist.view import wording
from securemnist.view.numbers import plural

NOT_CHECKED, NOT_RECORDED = "not checked", "not recorded"
_MOST = 12  # digests that are named
_UNUSED = ("", "0", "0.0", "false", "[]")  # settings of a recipe that say nothing here
_LOADED: Mapping[str, str] = {
    SAFETENSORS: "tensors only, no code; names, shapes and values were checked when it was loaded",
    ONNX: "operators and tensors, no code; its answers were compared with onnxruntime when it was loaded",
    KERAS: "layers from a list and tensors, no code; layers of its own are refused when it is loaded",
}


class Line(NamedTuple):
    """The answer to one question.

    `state`: the label of a verdict, `not checked` or `not recorded`; "" for a fact. `kind`: the class of
    the style sheet. `anchor` and `row`: the row of the policy that it comes from. `command`: what to run.
    """

    topic: str
    text: str
    state: str = ""
    kind: str = ""
    symbol: str = ""
    anchor: str = ""
    row: str = ""
    command: str = ""


def file_format(subject: Mapping[str, Any], described: WeightFile | None) -> Iterator[Line]:
    """What was read from the file, and what a scan said of the file that it was imported from."""
    known = _LOADED.get(described.format) if described else None
    if described is None or known is None:
        yield _no_file(subject)
    else:
        size = "" if described.size is None else f", {described.size:,} bytes"
        yield Line("format", f"{described.format}{size}: {known}.")
    files = table(subject.get("files"))
    for name, digest in list(files.items())[:_MOST]:
        yield Line(f"SHA-256 of {line(name, 120)}", line(digest, 80), kind="digest")
    if len(files) > _MOST:
        more = plural(len(files) - _MOST, "file")
        yield Line("SHA-256", f"Of {more} more: see the JSON.")
    if imported := table(table(subject.get("recipe")).get("imported")):
        yield _imported(imported)


def _no_file(subject: Mapping[str, Any]) -> Line:
    if subject.get("architecture") == "endpoint":
        text = "The model is behind an endpoint, its weights are not here."
        return missing("format", NOT_CHECKED, text)
    if subject.get("files"):
        return missing("format", NOT_RECORDED, "The assessment has digests of the files only.")
    text = "The assessment names no weight file; a model from code may load any."
    return missing("format", NOT_CHECKED, text, "securemnist scan FILE")


def _imported(imported: Mapping[str, Any]) -> Line:
    """The file that the weights were imported from, and its triage, as the manifest states them."""
    said = line(imported.get("triage") or "nothing", 40)
    name, form, digest = (
        line(imported.get(key) or "unknown", 120) for key in ("file", "format", "sha256")
    )
    text = f"{name}, {form}, SHA-256 {digest}; by the manifest its scan said: {said}."
    if said == "clean":
        return Line("imported from", text)
    return Line("imported from", text, "not clean", "fail", wording.SYMBOLS[Verdict.FAIL])


def manifest(subject: Mapping[str, Any], described: WeightFile | None) -> Iterator[Line]:
    """The facts of the manifest, each of them or `not recorded`."""
    name = line(described.manifest, 120) if described else ""
    # Of ONNX and Keras it holds digests of the files, which are no recipe.
    recipe = table(subject.get("recipe")) if name else {}
    settings = flattened({key: value for key, value in recipe.items() if key != "imported"})
    known = ", ".join(f"{key} {value}" for key, value in settings if value not in _UNUSED)
    trained_on = table(subject.get("trained_on"))
    digests = table(trained_on.get("digests"))
    seed = "" if described is None or described.seed is None else str(described.seed)
    about = f"{line(trained_on.get('name') or '', 80)}, {plural(len(digests), 'digest')}"
    facts = {
        "manifest": f"{name}; the SHA-256 that it states is that of the weights." if name else "",
        "recipe": line(known, 400),
        "seed": seed,
        "trained on": about if digests else "",
    }
    for topic, text in facts.items():
        why = "The model was loaded without one." if described and topic == "manifest" else ""
        yield Line(topic, text) if text else missing(topic, NOT_RECORDED, why)


def missing(topic: str, state: str, text: str = "", run: str = "") -> Line:
    kind, symbol = wording.kind(Verdict.NOT_RUN), wording.SYMBOLS[Verdict.NOT_RUN]
    return Line(topic, text, state, kind, symbol, command=run)
