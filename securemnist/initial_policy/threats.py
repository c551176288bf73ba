"""The first threat model of a repository: the bundled one, with the rows of its own policy."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from securemnist._util import resources
from securemnist.initial_policy.known_system import KnownSystem
from securemnist.initial_policy.measured import Row
from securemnist.results import policy
from securemnist.results.json_model import table

_HEAD = """\
# The threat model of this project: what is protected, where data pass from one trust zone to another,
# what may go wrong, and which rows of thresholds.toml test it. `securemnist init` wrote it from a model
# of an image classifier: change components, threats and judgements to yours. init knows of no web page,
# no audit log and no {unknown}: add those of your system.
# A threat whose mitigations no row tests is uncovered. Likelihood and severity are judgements.
# `securemnist threats` prints the status of each; `securemnist threats check` checks this file.
"""
_ROWS = re.compile(r", requirements = \[([^\]]*)\]")
_REVIEWED = re.compile(r"^reviewed = .*$", re.MULTILINE)
_SOURCES = re.compile(r"^sources = .*\n", re.MULTILINE)


def threat_model(rows: Sequence[Row], today: datetime.date, system: KnownSystem) -> str:
    """The text of threats.toml. A mitigation names the rows that ask what the bundled rows for it ask.

    A mitigation without such a row names none. Components, flows and threats of which `system` tells
    nothing are left out.
    """
    bundled = {row.id: _question(row.measure, row.settings)
               for row in policy.load(resources.POLICY).requirements}  # fmt: skip
    own = {row.proposal.id: _question(row.proposal.measure, row.settings) for row in rows}

    def renamed(found: re.Match[str]) -> str:
        questions = {bundled[name] for name in json.loads(f"[{found[1]}]")}
        names = [name for name, question in own.items() if question in questions]
        return f", requirements = {json.dumps(names)}" if names else ""

    text = resources.THREATS.read_text(encoding="utf-8")
    body = _REVIEWED.sub(f"reviewed = {today.isoformat()}", text[text.index("title = ") :])
    unknown = "training code" if system.served else "service"
    fitted = system.fitted(_SOURCES.sub("", _ROWS.sub(renamed, body)))
    return _HEAD.format(unknown=unknown) + fitted


def _question(measure: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What a row asks: its measure, and who answers or attacks where that makes a difference."""
    attack = table(settings.get("attack"))
    art = "ART" if str(attack.get("use", "")).startswith("art:") else ""
    # A search by answers does not stand for an attacker with the weights.
    access = str(attack.get("budget")) if attack.get("budget") in ("black-box", "labels") else ""
    return measure, str(settings.get("control", "")), art, access
