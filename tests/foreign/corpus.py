"""The classes of attack of all tests here; `python -m tests.foreign.corpus` writes docs/import.md."""

from __future__ import annotations

from collections.abc import Mapping

from securemnist._util.resources import ROOT
from securemnist.foreign.outcome import Outcome
from tests.foreign import test_archives, test_keras, test_onnx, test_other_readings
from tests.foreign.hostile_archives import ARCHIVES
from tests.foreign.hostile_names import NAMES
from tests.foreign.hostile_pickles import PICKLES

PAGE = ROOT / "docs" / "import.md"
BEGIN, END = "<!-- begin classes -->\n", "<!-- end classes -->"
_TENSORS = dict.fromkeys(test_archives.TENSORS, (None, Outcome.UNKNOWN))
GROUPS: dict[str, Mapping[str, tuple[object, Outcome]]] = {
    "pickles": PICKLES,
    "archives and older checkpoints": ARCHIVES,
    "tensors of a checkpoint": _TENSORS,
    "configuration of a Keras model": test_keras.CONFIGS,
    "members of a Keras archive": test_keras.ARCHIVES,
    "HDF5": test_keras.HDF5,
    "ONNX": test_onnx.MODELS,
    "files of two formats": test_other_readings.BOTH,
}


def table() -> str:
    """The classes of each group by their outcome, as a Markdown table."""
    lines = ["| in | malicious | could not scan |", "|---|---|---|"]
    for group, classes in GROUPS.items():
        cells = [
            "; ".join(name for name, (_, outcome) in classes.items() if outcome is wanted)
            for wanted in (Outcome.MALICIOUS, Outcome.UNKNOWN)
        ]
        lines.append(f"| {group} | {' | '.join(cells)} |")
    modules = sorted({module.partition(".")[0] for module, _ in NAMES if module.isascii()} - {""})
    shown = ", ".join(f"`{module}`" for module in modules if module.replace("_", "a").isalnum())
    lines.append(f"| names in a pickle, {len(NAMES)} of these modules | {shown} | |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
