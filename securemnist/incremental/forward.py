"""A forward pass that computes again only what a change of one rectangle reaches."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import fx, nn

from securemnist.certificates.certificate import network_of
from securemnist.errors import NoCertificate
from securemnist.incremental.plan import LinearLayer, LocalStep, Plan, plan_of
from securemnist.incremental.rectangle import Rectangle
from securemnist.models.probabilities import LogProbabilities
from securemnist.types import Images, Logits

# Bytes of the maps that are kept of all images of a batch, and most images of a batch.
_MEMORY, _MOST = 2**28, 256

Change = tuple[Rectangle, torch.Tensor]


class IncrementalForward:
    """Logits of images, kept with the activations that a change in a rectangle may need.

    `begin` takes images. `change` gives the logits of all, with other pixels in one rectangle. `keep`
    makes that change permanent in some of them.
    """

    def __init__(self, plan: Plan, *, of_probabilities: bool = False) -> None:
        self._plan, self._kept, self._of_probabilities = plan, plan.kept, of_probabilities
        self._maps: dict[fx.Node, torch.Tensor] = {}
        self._changes: dict[fx.Node, Change] = {}
        self._sums: dict[LinearLayer, torch.Tensor] = {}
        self._changed_sums: dict[LinearLayer, torch.Tensor] = {}

    @classmethod
    def of(cls, model: nn.Module, images: Images) -> Self | None:
        """For a model and some images (n, C, H, W) to check its graph on; None without such a graph."""
        inner = model.model if isinstance(model, LogProbabilities) else model
        try:
            network = network_of(inner, images)
        except NoCertificate:
            return None
        plan = plan_of(network.exported)
        return None if plan is None else cls(plan, of_probabilities=inner is not model)

    @property
    def batch(self) -> int:
        """The number of images whose maps fit into the memory of a batch."""
        values = sum(math.prod(step.shape) for step in self._plan.local if step.node in self._kept)
        return max(1, min(_MOST, _MEMORY // (4 * max(1, values))))

    @property
    def images(self) -> Images:
        """The images (n, C, H, W) with all changes that were kept."""
        return self._maps[self._plan.image]

    @property
    def candidates(self) -> Images:
        """The images with the last change."""
        return self._candidate(self._plan.image)

    def begin(self, images: Images) -> Logits:
        """The logits (n, K) of new images (n, C, H, W)."""
        self._maps = {}
        whole = Rectangle(0, images.shape[2], 0, images.shape[3])
        logits = self.change(whole, images)
        self._maps = {
            node: values for node, (_, values) in self._changes.items() if node in self._kept
        }
        self._sums = self._changed_sums
        return logits

    def change(self, rectangle: Rectangle, pixels: torch.Tensor) -> Logits:
        """The logits (n, K) with `pixels` (n, C, h, w) in the rectangle."""
        self._changes = {self._plan.image: (rectangle, pixels)}
        for step in self._plan.local:
            self._changes[step.node] = self._changed(step)
        self._changed_sums = {layer: self._outputs(layer) for layer in self._plan.linear}
        known = {node: self._candidate(node) for node in self._plan.read}
        known |= {layer.node: values for layer, values in self._changed_sums.items()}
        outputs = self._plan.logits(known, len(pixels))
        return LogProbabilities.logarithm(outputs) if self._of_probabilities else outputs

    def _changed(self, step: LocalStep) -> Change:
        """What the last change changes in the map of a step."""
        reached = self._changes[step.sources[0]][0]
        for source in step.sources[1:]:
            reached = reached.joined(self._changes[source][0])
        outputs = step.operation.outputs(reached, step.shape[1:])
        inputs = step.operation.inputs(outputs)
        patches = [self._patch(source, inputs, step.operation.fill) for source in step.sources]
        return outputs, step.operation.function(*patches)

    def _outputs(self, layer: LinearLayer) -> torch.Tensor:
        """The outputs of a linear layer with the last change."""
        rectangle, values = self._changes[layer.source]
        if layer.source not in self._maps or values.shape == self._maps[layer.source].shape:
            return layer.outputs(values)
        before = rectangle.part(self._maps[layer.source])
        return self._sums[layer] + layer.change(rectangle, values - before)

    def keep(self, rows: torch.Tensor) -> None:
        """Keep the last change of the images where `rows`, boolean (n,), is true."""
        chosen = rows.nonzero().squeeze(1)
        if len(chosen):
            for node, values in self._maps.items():
                rectangle, changed = self._changes[node]
                rectangle.part(values)[chosen] = changed[chosen]
            for layer, values in self._sums.items():
                values[chosen] = self._changed_sums[layer][chosen]

    def select(self, rows: torch.Tensor) -> None:
        """Go on with the images where `rows`, boolean (n,), is true."""
        self._maps = {node: values[rows] for node, values in self._maps.items()}
        self._sums = {layer: values[rows] for layer, values in self._sums.items()}

    def _patch(self, source: fx.Node, wanted: Rectangle, fill: float) -> torch.Tensor:
        """The inputs in a rectangle with the last change, and `fill` outside the map."""
        changed, values = self._changes[source]
        if changed == wanted:
            return values
        if source not in self._maps:  # the whole map, of new images
            return wanted.padded(values, changed, fill)
        known = self._maps[source]
        inside = wanted.common(Rectangle(0, known.shape[2], 0, known.shape[3]))
        patch = inside.part(known).clone(memory_format=torch.channels_last)
        common = changed.common(inside)
        if not common.empty:
            common.seen_from(inside).part(patch).copy_(common.seen_from(changed).part(values))
        return wanted.padded(patch, inside, fill)

    def _candidate(self, node: fx.Node) -> torch.Tensor:
        """The whole map of a node with the last change."""
        changed, values = self._changes[node]
        if node not in self._maps or values.shape == self._maps[node].shape:
            return values
        whole = self._maps[node].clone()
        changed.part(whole).copy_(values)
        return whole
