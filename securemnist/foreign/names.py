"""Names of tensors: prefixes that wrappers and training scripts put before all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

# DataParallel, torch.compile, and modules that hold the network as an attribute.
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "state_dict.")
_MOST = 8


def common_prefix(names: Iterable[str], wanted: Collection[str] = ()) -> str:
    """The prefix to remove from all names.

    With the `wanted` names the one after which most of them are found; else every known prefix.
    """
    found, prefix = list(names), ""
    candidates = [prefix]
    for _ in range(_MOST):
        added = next((each for each in PREFIXES if _all_start(found, prefix + each)), "")
        if not added:
            break
        prefix += added
        candidates.append(prefix)
    if not wanted:
        return candidates[-1]
    targets = set(wanted)
    # The shortest of equally good ones.
    return max(
        candidates,
        key=lambda each: (len({name.removeprefix(each) for name in found} & targets), -len(each)),
    )


def _all_start(names: Iterable[str], prefix: str) -> bool:
    return all(name.startswith(prefix) and len(name) > len(prefix) for name in names)
