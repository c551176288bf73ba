"""Comparisons of assessments on data of any form."""

from __future__ import annotations

import numpy as np
import pytest

from securemnist.comparison import files, page
from securemnist.comparison.comparison import Comparison, compare
from securemnist.comparison.intervals import Paired, extreme_interval
from securemnist.comparison.per_image import EventMatrix, events_of
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.per_image import encode
from tests.comparison import builders
from tests.error_form import one_sentence

ANIMALS = InputSpec(3, 32, 32, 10, tuple(f"animal <b>{k}</b>" for k in range(10)))


def on(spec: InputSpec, side: Assessment) -> Assessment:
    """The same assessment on data of this form."""
    data = {**side.subject["data"], "spec": spec.to_json()}
    return builders.assessment(
        *side.findings, digest=side.subject["digest"][:3], subject={**side.subject, "data": data}
    )


def sides() -> tuple[Assessment, Assessment]:
    """Two versions, of which the new one is worse."""
    return builders.assessment(builders.OLD), builders.assessment(builders.WORSE, digest="new")


def compared(spec: InputSpec) -> Comparison:
    """Both versions on data of this form."""
    old, new = sides()
    return compare(on(spec, old), on(spec, new), today=builders.TODAY)


def test_other_forms_are_not_compared() -> None:
    """Assessments on data of another form are refused with both forms, in one sentence."""
    old, new = sides()
    with pytest.raises(UsageError) as caught:
        compare(on(ANIMALS, old), on(InputSpec(1, 28, 28, 10), new), today=builders.TODAY)
    text = one_sentence(caught.value)
    assert "3x32x32, 10 classes" in text
    assert "1x28x28, 10 classes" in text


def test_other_class_names_are_not_compared() -> None:
    """Class names that differ are other data, whatever the digests of the files say."""
    old, new = sides()
    other = InputSpec(3, 32, 32, 10, tuple("abcdefghij"))
    with pytest.raises(UsageError) as caught:
        compare(on(ANIMALS, old), on(other, new), today=builders.TODAY)
    assert "with other class names" in one_sentence(caught.value)


def test_classes_have_their_names() -> None:
    """The table by class and the images call each class by its name, which is only shown."""
    done = compared(ANIMALS)
    assert [part.name for part in done.changes[0].classes] == list(ANIMALS.class_names)
    text = page.render(done).decode()
    assert "animal &lt;b&gt;3&lt;/b&gt;" in text
    assert "animal <b>" not in text
    assert "animal <b>" not in files.comment(done).decode()


def backdoor(classes: int, target: int | str) -> EventMatrix | None:
    """The events of a row whose trigger turns every image into its class + 1."""
    labels = np.arange(200) % classes
    answers = {"order": "all", "labels": encode(labels), "read": encode(labels),
               "triggered": encode((labels + 1) % classes)}  # fmt: skip
    evidence = BackdoorEvidence.from_json({"answers": answers, "per_class_asr": [1.0] * classes,
                                         "target": 0})  # fmt: skip
    settings = {"target": target, "images": 200}
    value = 1.0 if target in ("next", "pair") else 1 / (classes - 1)
    return events_of(
        builders.judged("B-1", "backdoor_success", value, evidence, at_most=0.5, settings=settings)
    )


@pytest.mark.parametrize(
    ("classes", "target", "rows"),
    [(2, "all", 2), (2, "pair", 2), (20, "next", 1), (20, "pair", 380), (100, "all", 100)],
)
def test_targets_of_any_number_of_classes(classes: int, target: str, rows: int) -> None:
    """Every target of any number of classes is a row of events whose worst gives the value."""
    events = backdoor(classes, target)
    assert events is not None
    assert len(events.events) == rows


def test_a_target_by_name_is_compared() -> None:
    """A target that the policy names has the events of its number."""
    by_name, by_number = (backdoor(10, target) for target in ("dog", 0))
    assert by_name is not None
    assert by_number is not None
    assert np.array_equal(by_name.events, by_number.events)


def test_too_many_pairs_have_no_events() -> None:
    """The pairs of a hundred classes are compared by their intervals, not image by image."""
    assert backdoor(100, "pair") is None


def test_the_worst_of_many_classes_has_one_interval() -> None:
    """The interval of the worst of several groups covers the difference of the worst shares."""
    tables = [Paired(50, gained=k % 3, lost=k % 5, both=40 - k % 7) for k in range(30)]
    low, high = extreme_interval(tables, np.min)
    difference = min(t.new for t in tables) - min(t.old for t in tables)
    assert low < difference < high
