"""Whether imported tensors are those of a network, by names without prefixes, and where they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import torch
from torch import nn

from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec
from securemnist.models import loading
from securemnist.models.architectures import ARCHITECTURES, build

_MOST = 6
# DataParallel, torch.compile, and modules that hold the network as an attribute.
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "state_dict.")
_MOST_PREFIXES = 8


def network(spec: str, form: InputSpec) -> nn.Module:
    """The network of an architecture's name or of a SPEC, for images of this form."""
    return build(spec, form) if spec in ARCHITECTURES else loading.load(spec, input_spec=form)


def fill(model: nn.Module, tensors: Mapping[str, torch.Tensor], spec: str) -> None:
    """Load the tensors into the network; UsageError that names all differences."""
    wanted = model.state_dict()
    problems = [f"{name} is missing" for name in wanted if name not in tensors]
    problems += [f"{name} is left over" for name in tensors if name not in wanted]
    for name in wanted.keys() & tensors.keys():
        found, expected = tensors[name], wanted[name]
        if (found.shape, found.dtype) != (expected.shape, expected.dtype):
            problems.append(f"{name} is {_form(found)}, not {_form(expected)}")
    if problems:
        more = f", and {len(problems) - _MOST} more" if len(problems) > _MOST else ""
        types = {
            (tensors[name].dtype, wanted[name].dtype) for name in wanted.keys() & tensors.keys()
        }
        short = types & {(torch.float16, torch.float32), (torch.bfloat16, torch.float32)}
        listed = "; ".join(f"{problem:.120}" for problem in sorted(problems)[:_MOST])
        raise UsageError(
            f"expected the tensors of {spec}, got differences: {listed}{more}; "
            f"{'add --float32, ' if short else ''}name another --architecture, or leave it out"
        )
    model.load_state_dict(dict(tensors), strict=True)


def _form(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def common_prefix(names: Iterable[str], wanted: Collection[str] = ()) -> str:
    """The prefix to remove from all names.

    With the `wanted` names the one after which most of them are found; else every known prefix.
    """
    found, prefix = list(names), ""
    candidates = [prefix]
    for _ in range(_MOST_PREFIXES):
        longer = [(each, prefix + each) for each in PREFIXES]
        added = next((e for e, p in longer if all(n.startswith(p) and n != p for n in found)), "")
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
