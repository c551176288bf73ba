"""Windows name the inputs that an output reads, and the outputs that a changed input reaches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from securemnist.incremental.steps import Window


@given(
    size=st.integers(1, 16),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 3),
    data=st.data(),
)
def test_windows_match_a_convolution(
    size: int, kernel: int, stride: int, padding: int, dilation: int, data: st.DataObject
) -> None:
    """A convolution of ones tells which outputs read which inputs."""
    if size + 2 * padding <= dilation * (kernel - 1):
        return
    low = data.draw(st.integers(0, size - 1))
    high = data.draw(st.integers(low + 1, size))
    x = torch.zeros(1, 1, size)
    x[..., low:high] = 1
    ones = torch.ones(1, 1, kernel)
    out = F.conv1d(x, ones, None, stride, padding, dilation)[0, 0]
    window = Window(kernel, stride, padding, dilation)
    first, last = window.outputs(low, high, len(out))
    assert 0 <= first < last <= len(out)
    reached = out.nonzero().flatten().tolist()
    assert all(first <= place < last for place in reached)
    begin, end = window.inputs(first, last)
    padded = F.pad(x, (max(0, -begin), max(0, end - size)))[..., begin + max(0, -begin) :]
    part = F.conv1d(padded[..., : end - begin], ones, None, stride, 0, dilation)
    assert torch.equal(part[0, 0], out[first:last])
