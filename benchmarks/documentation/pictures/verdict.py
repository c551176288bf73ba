"""From a row of the policy to its verdict: the questions, in their order."""

from __future__ import annotations

from benchmarks.documentation.pictures import canvas
from securemnist.view.svg import BAD, GOOD, INK, MUTED, Drawing

TITLE = "From a row of the policy to its verdict"
# Question, what it asks, answer that ends here, verdict, colour of the verdict.
STEPS = (
    ("In scope and applicable?", "tier, family, data, weights", "no", "NOT_RUN", MUTED),
    ("Measured?", "no exception, no impossible number", "no", "ERROR", BAD),
    ("Do certificates suffice?", "no attack can change that", "yes", "PASS (proved)", GOOD),
    ("Is the whole interval bad?", "each broken image is a witness", "yes", "FAIL", BAD),
    ("Is a part of it bad?", "the sample is too small", "yes", "INCONCLUSIVE", INK),
    (
        "Any doubt about the attacks?",
        "they failed: can that be believed?",
        "yes",
        "INCONCLUSIVE",
        INK,
    ),
)
_HEIGHT, _GAP = 44.0, 20.0


def draw() -> bytes:
    """The picture as an SVG file."""
    step = _HEIGHT + _GAP
    drawing = Drawing(640, 78 + step * len(STEPS))
    for number, (question, detail, answer, verdict, role) in enumerate(STEPS):
        y = 20 + step * number
        canvas.box(drawing, 40, y, 300, _HEIGHT, [question, detail], INK)
        canvas.box(drawing, 440, y + 6, 170, _HEIGHT - 12, [verdict], role)
        canvas.arrow(drawing, (340, y + _HEIGHT / 2), (440, y + _HEIGHT / 2))
        drawing.text(390, y + _HEIGHT / 2 - 6, answer, anchor="middle", size=12)
        canvas.arrow(drawing, (190, y + _HEIGHT), (190, y + step))
        other = "no" if answer == "yes" else "yes"
        drawing.text(198, y + _HEIGHT + 14, other, size=12)
    canvas.box(
        drawing, 40, 20 + step * len(STEPS), 300, 38, ["PASS, after attacks PASS (survived)"], GOOD
    )
    return canvas.file(drawing, TITLE, _description())


def _description() -> str:
    steps = [f"{question} If {answer}: {verdict}." for question, _, answer, verdict, _ in STEPS]
    return " ".join([*steps, "Otherwise: PASS, after attacks PASS (survived)."])
