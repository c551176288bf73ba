"""The first error of a pydantic validation, as one sentence in TOML's terms."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import ValidationError

# The kinds of value in TOML, by pydantic's error type.
_KINDS = {
    "dict_type": "a table",
    "model_type": "a table",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text in quotes",
    "float_type": "a number without quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "date_type": "a date such as 2027-01-31, without quotes and without a time",
}
# What a pattern permits, by the key.
_FORMS = {
    "id": "be up to 64 letters, digits, dots, dashes and underscores",
    "measure": "be the name of a measure, or pkg.module:MEASURE",
    "data.sha256": "be 64 hexadecimal digits in lower case",
}
_EXAMPLES = {
    "attack": 'attack = { use = "PGD", steps = 40 }',
    "threat": 'threat = { norm = "linf", eps = 0.1 }',
    "threats": 'threats = ["linf:0.1", "l2:1"]',
    "trigger": 'trigger = { kind = "corner", size = 4, value = 1.0, corner = "bottom_right" }',
    "waiver": 'waiver = { reason = "retraining is scheduled", expires = 2027-01-31 }',
}


def sentence(error: ValidationError, given: Iterable[str] = ()) -> str:
    """The first error of a validation as one sentence; a key of `given` may be a misspelt one."""
    first = error.errors()[0]
    # A part such as "constrained-int" is pydantic's name for one of several types.
    parts = [str(part) for part in first["loc"] if not str(part).startswith("constrained-")]
    where = ".".join(parts) or "the row"
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}; remove it, or fix its spelling"
    # Of a whole row, a value error is a threshold too many or too few.
    whole = first["type"] == "value_error" and not first["loc"]
    names = (where,) if first["type"] == "missing" else ("at_least", "at_most") if whole else ()
    if first["type"] == "missing" and isinstance(first["input"], dict):
        given = map(str, first["input"])  # the keys beside it
    given = set(given) - set(names)
    for name in names:
        key = name.rpartition(".")[2]
        for near in difflib.get_close_matches(key, given - {key}, n=1, cutoff=0.75):
            return f"expected {name!r}, got {near!r}; fix its spelling"
    if first["type"] == "missing":
        such = f", such as {_EXAMPLES[where]}" if where in _EXAMPLES else ""
        return f"expected {where!r}, got nothing; add it{such}"
    if first["type"] == "value_error":
        text = str(first["ctx"]["error"])
        return text if "; " in text else f"{text}; fix {where}"
    got = f"got {first['input']!r:.80}"
    if (kind := _KINDS.get(first["type"])) is None:
        # Of "Input should be greater than 0" the end.
        rule = first["msg"].partition(" should ")[2].replace(" after validation", "")
        if first["type"] == "string_pattern_mismatch":
            rule = _FORMS.get(where, rule)
        return f"expected {where} to {rule or 'fit (' + first['msg'] + ')'}, {got}; fix it"
    example = _EXAMPLES.get(where)
    return f"expected {where} to be {kind}, {got}; " + (f"write {example}" if example else "fix it")
