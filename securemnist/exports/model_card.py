"""Model card in the form of Hugging Face: what was measured, as front matter and as Markdown.

Both stand between markers. A card that is there already keeps every byte outside of them, so that
people write around the results.
"""

from __future__ import annotations

from pathlib import Path

from securemnist._util.files import expecting, read_at_most
from securemnist.exports import card_blocks
from securemnist.exports.card_metadata import front_matter
from securemnist.exports.measured import Slice, limits, measured, name, not_measured, slices
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.results.json_model import table
from securemnist.sanitize import markdown
from securemnist.view import jinja, wording
from securemnist.view.class_names import ClassNames
from securemnist.view.numbers import NONE, number
from securemnist.view.requirement_text import claim

FILE = "MODEL_CARD.md"
MAX_BYTES = 4 << 20  # of a card that is there already
_TEMPLATES = Path(__file__).parent / "templates"
# The license is no result: the line stands outside of the markers.
_NEW = """\
---
license: unknown # the license of the model is yours to state
{front[0]}
{front[1]}
---

# {title}

Write about the model here: what it is for, and what it is not for. Only the text between the markers is
written anew.

{body[0]}
{body[1]}
"""


def render(assessment: Assessment, old: bytes | None = None, path: str = FILE) -> bytes:
    """A new card, or the card `old` with its marked parts written anew.

    UsageError in one sentence, which begins with `path`, where `old` has no whole pair of markers.
    """
    if old is None:
        title = markdown(name(assessment.subject.get("name"), "unnamed model"))
        text = _NEW.format(front=card_blocks.FRONT, body=card_blocks.BODY, title=title)
        old = text.encode()
    card = card_blocks.read(old, path)
    return card.filled(lambda keys: front_matter(assessment, keys), _body(assessment))


def existing(path: Path) -> bytes:
    """The card at `path`; UsageError where it cannot be read, or where its markers are not whole."""
    with expecting(path, "a model card that can be read", "name another file"):
        content = read_at_most(path, MAX_BYTES)
    card_blocks.read(content, str(path))
    return content


def _body(assessment: Assessment) -> str:
    names = ClassNames.of(assessment.subject)
    ordered = wording.by_severity(assessment.findings)
    numbered = [f for f in ordered if measured(f) is not None]
    left = [f for f in ordered if measured(f) is None]
    return jinja.comment(
        "model_card.md.j2",
        _TEMPLATES,
        assessment=assessment,
        headline=wording.headline(assessment),
        model=name(assessment.subject.get("name"), "unnamed model", 120),
        data=table(assessment.subject.get("data")),
        trained=table(assessment.subject.get("trained_on")),
        files=table(assessment.subject.get("files")),
        numbered=numbered,
        left=left,
        version=table(assessment.environment.get("packages")).get("securemnist") or "not recorded",
        claim=lambda finding: claim(finding, names),
        interval=_interval,
        limits=[(f, text) for f in numbered for text in limits(f)],
        not_measured=not_measured,
        worst=[(f, worst) for f in numbered if (worst := _worst(f, names)) is not None],
    ).decode()


def _interval(one: Finding | Slice) -> str:
    """`0.9904 to 0.9938`; a dash where there is none."""
    found = one.measurement if isinstance(one, Finding) else one
    if found is None or found.low is None or found.high is None:
        return NONE
    unit = "share" if isinstance(found, Slice) else found.unit
    return f"{number(found.low, unit)} to {number(found.high, unit)}"


def _worst(finding: Finding, names: ClassNames) -> Slice | None:
    """The slice of a row that is farthest on the wrong side of its threshold."""
    found = list(slices(finding, names))
    if not found:
        return None
    more_is_better = finding.requirement.relation == ">="
    return (min if more_is_better else max)(found, key=lambda one: one.value)
