"""The section about the weight file: its format, its provenance and its behaviour, side by side.

It repeats what the assessment holds, and says of each question without an answer that there is none.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from securemnist.report import gallery
from securemnist.report.details import flattened
from securemnist.report.rows import Row
from securemnist.report.rows import rows as rows_of
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.findings import Verdict
from securemnist.results.weight_file import KERAS, ONNX, SAFETENSORS, WeightFile
from securemnist.sanitize import command, line
from securemnist.view import wording
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.figure import Exhibit

NOT_CHECKED, NOT_RECORDED = "not checked", "not recorded"
PICTURES = 4  # images with the trigger that the scan found
BUNDLED = "reference models"  # of a row of signatures: not the files of the subject
_MOST = 12  # rows of a measure, and digests, that are named
_UNUSED = ("", "0", "0.0", "false", "[]")  # settings of a recipe that say nothing here
_LOADED: Mapping[str, str] = {
    SAFETENSORS: "tensors only, no code; names, shapes and values were checked when it was loaded",
    ONNX: "operators and tensors, no code; its answers were compared with onnxruntime when it was loaded",
    KERAS: "layers from a list and tensors, no code; layers of its own are refused when it is loaded",
}
# The question that a measure answers, and the settings that it needs.
_PROVENANCE = {"unknown_provenance": ("origin", ""), "unverified_files": ("signature", "a key")}
_BEHAVIOUR = {
    "backdoor_scan": ("unknown triggers", ""),
    "backdoor_success": ("known triggers", "a trigger"),
    "poisoned_share": ("poisoned images", ""),
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


class Part(NamedTuple):
    """One column of the section."""

    title: str
    lines: tuple[Line, ...]


class Section(NamedTuple):
    """Format, provenance and behaviour; `witness`: images with the trigger that a scan found."""

    parts: tuple[Part, ...]
    witness: Exhibit | None
    witness_row: str

    @property
    def short(self) -> str:
        """The states in one line: `unknown triggers FAIL; origin PASS; not checked: signature`."""
        lines = [each for part in self.parts for each in part.lines]
        words = [f"{each.topic} {each.state}" for each in lines if each.row]
        for state in (NOT_RECORDED, NOT_CHECKED):
            if topics := [each.topic for each in lines if each.state == state]:
                words.append(f"{state}: {', '.join(topics)}")
        return "; ".join(dict.fromkeys(words))


def section(
    subject: Mapping[str, Any], rows: Sequence[Row], names: ClassNames = NUMBERS
) -> Section:
    """The section of a subject with the rows of its assessment."""
    witness, row = _witness(rows, names)
    described = WeightFile.of(subject)
    parts = (
        Part("Format", tuple(_format(subject, described))),
        Part("Provenance", (*_manifest(subject, described), *_rows(_PROVENANCE, subject, rows))),
        Part("Behaviour", tuple(_rows(_BEHAVIOUR, subject, rows))),
    )
    return Section(parts, witness, row)


def of(assessment: Assessment) -> Section:
    """The section of an assessment, without a page."""
    names = ClassNames.of(assessment.subject)
    shown = rows_of(assessment.findings, assessment.decided, names=names)
    return section(assessment.subject, shown, names)


def _format(subject: Mapping[str, Any], described: WeightFile | None) -> Iterator[Line]:
    """What was read from the file, and what a scan said of the file that it was imported from."""
    known = _LOADED.get(described.format) if described else None
    if described is None or known is None:
        yield _no_file(subject)
    else:
        size = "" if described.size is None else f", {described.size:,} bytes"
        yield Line("format", f"{described.format}{size}: {known}.")
    files = _mapping(subject.get("files"))
    for name, digest in list(files.items())[:_MOST]:
        yield Line(f"SHA-256 of {line(name, 120)}", line(digest, 80), kind="digest")
    if len(files) > _MOST:
        yield Line(
            "SHA-256", f"Of {wording.plural(len(files) - _MOST, 'file')} more: see the JSON."
        )
    if imported := _mapping(_mapping(subject.get("recipe")).get("imported")):
        yield _imported(imported)


def _no_file(subject: Mapping[str, Any]) -> Line:
    if subject.get("architecture") == "endpoint":
        return _missing(
            "format", NOT_CHECKED, "The model is behind an endpoint, its weights are not here."
        )
    text = "The assessment names no weight file; a model from code may load any."
    return _missing("format", NOT_CHECKED, text, "securemnist scan FILE")


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


def _manifest(subject: Mapping[str, Any], described: WeightFile | None) -> Iterator[Line]:
    """The facts of the manifest, each of them or `not recorded`."""
    name = line(described.manifest, 120) if described else ""
    recipe = _mapping(subject.get("recipe")) if name else {}
    settings = flattened({key: value for key, value in recipe.items() if key != "imported"})
    trained_on = _mapping(subject.get("trained_on"))
    digests = _mapping(trained_on.get("digests"))
    seed = "" if described is None or described.seed is None else str(described.seed)
    about = f"{line(trained_on.get('name') or '', 80)}, {wording.plural(len(digests), 'digest')}"
    facts = {
        "manifest": f"{name}; the SHA-256 that it states is that of the weights." if name else "",
        "recipe": line(
            ", ".join(f"{key} {value}" for key, value in settings if value not in _UNUSED), 400
        ),
        "seed": seed,
        "trained on": about if digests else "",
    }
    for topic, text in facts.items():
        why = "The model was loaded without one." if topic == "manifest" else ""
        yield Line(topic, text) if text else _missing(topic, NOT_RECORDED, why)


def _rows(
    measures: Mapping[str, tuple[str, str]], subject: Mapping[str, Any], rows: Sequence[Row]
) -> Iterator[Line]:
    """The rows of these measures, the bad ones first; a measure without one was not checked."""
    for measure, (topic, needs) in measures.items():
        found = [row for row in rows if _concerns(subject, row, measure)]
        inside = [row for row in found if row.finding.in_scope]
        inside.sort(key=lambda row: wording.SEVERITY.index(row.finding.verdict))
        note = _data_note(subject) if measure == "poisoned_share" else ""
        yield from (_judged(topic, row, note) for row in inside[:_MOST])
        if inside[_MOST:]:
            yield Line(topic, f"And {wording.plural(len(inside) - _MOST, 'row')} more below.")
        if not inside:
            yield _unmeasured(topic, measure, needs, subject, found)


def _concerns(subject: Mapping[str, Any], row: Row, measure: str) -> bool:
    """Whether a row of this measure is about this model.

    The signature of the bundled models says something of those only, which alone have `about`.
    """
    requirement = row.finding.requirement
    bundled = requirement.settings.get("of") == BUNDLED
    return requirement.measure == measure and (not bundled or "about" in subject)


def _data_note(subject: Mapping[str, Any]) -> str:
    """Whether the images of this run are those that the manifest says the model was trained on."""
    own, used = (
        _mapping(_mapping(subject.get(key)).get("digests")) for key in ("trained_on", "data")
    )
    if own and own == used:
        return ". The manifest names the same data."
    return (
        ". These are the data of this run; it is not recorded that the model was trained on them."
    )


def _judged(topic: str, row: Row, note: str) -> Line:
    """The result of a row; one without a number says that nothing was checked."""
    finding = row.finding
    before = "Found" if finding.measurement else "Not checked"
    waived = ", waived" if row.waived else ""
    symbol = wording.SYMBOLS[finding.verdict]
    text = f"Required: {row.claim} {before}: {wording.sentence(finding, 300)}{note}"
    kind = wording.kind(finding.verdict)
    return Line(topic, text, f"{finding.label}{waived}", kind, symbol, row.anchor, row.id)


def _unmeasured(
    topic: str, measure: str, needs: str, subject: Mapping[str, Any], found: Sequence[Row]
) -> Line:
    """What to run for a measure that this run did not take."""
    spec = str(subject.get("spec") or "")
    model = ["--model", spec] if spec else []
    if found:
        own = found[0].finding.requirement
        words = ["securemnist", "assess", *model, "--tier", own.tier, "--row", own.id]
        text = f"Row {found[0].id} was out of the scope of this run."
        return _missing(topic, NOT_CHECKED, text, _command(words, "assess"))
    if needs:
        text = f"The policy has no row of {measure} for this model; add one, with {needs}."
        return _missing(topic, NOT_CHECKED, text)
    words = ["securemnist", "measure", measure, *model]
    text = f"The policy has no row of {measure} for this model; add one, or run it alone."
    return _missing(topic, NOT_CHECKED, text, _command(words, "measure"))


def _command(words: Iterable[str], name: str) -> str:
    return command(shlex.join(words), ("securemnist", name))


def _missing(topic: str, state: str, text: str = "", run: str = "") -> Line:
    kind, symbol = wording.kind(Verdict.NOT_RUN), wording.SYMBOLS[Verdict.NOT_RUN]
    return Line(topic, text, state, kind, symbol, command=run)


def _witness(rows: Sequence[Row], names: ClassNames) -> tuple[Exhibit | None, str]:
    """Images with the trigger that the first scan with one found, and the id of its row."""
    for row in rows:
        finding = row.finding
        evidence = finding.measurement.evidence if finding.measurement else None
        if finding.requirement.measure != "backdoor_scan" or not finding.in_scope:
            continue
        if isinstance(evidence, BackdoorEvidence) and evidence.triggered_gallery:
            images = evidence.triggered_gallery[:PICTURES]
            title, after = "The trigger that the scan found", "with the trigger"
            return gallery.of_images("witness", title, after, images, names), row.id
    return None, ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
