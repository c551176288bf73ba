"""Epsilon as text: what is read, and what is printed."""

from __future__ import annotations

import pytest

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.errors import UsageError
from securemnist.threats import Linf, as_threat, parse_threat
from tests.error_form import one_sentence


@pytest.mark.parametrize(
    ("written", "number", "printed"),
    [
        (0.3, 0.3, "0.3"),
        ("8/255", 8 / 255, "8/255"),
        (" 2 / 255 ", 2 / 255, "2/255"),
        ("0.5/255", 0.5 / 255, "0.00196078"),
        ("1/4", 0.25, "0.25"),
        (0, 0.0, "0"),
        (51 / 255, 0.2, "0.2"),
    ],
)
def test_fractions_are_read_and_printed(written: object, number: float, printed: str) -> None:
    """A fraction is read exactly; one of 255 is printed as such where a short decimal is not exact."""
    assert parse_epsilon(written) == number
    assert epsilon_text(number) == printed


def test_threats_read_and_print_fractions() -> None:
    """A threat may be written with a fraction, as text or as the table of a policy."""
    assert (
        parse_threat("linf:8/255") == Linf(8 / 255) == as_threat({"norm": "linf", "eps": "8/255"})
    )
    assert str(Linf(8 / 255)) == "linf 8/255"


@pytest.mark.parametrize(
    "wrong", ["", "0.1", "8/0", "8/255/2", "-1/255", "a/255", None, True, [8, 255]]
)
def test_other_texts_refused(wrong: object) -> None:
    """Anything that is no number and no fraction is refused in a sentence that shows a fraction."""
    with pytest.raises(ValueError, match="8/255"):
        parse_epsilon(wrong)
    with pytest.raises(UsageError) as error:
        as_threat({"norm": "linf", "eps": wrong})
    assert one_sentence(str(error.value))
