"""A whole step of training as one CUDA graph, for Keras on PyTorch.

A step of these networks is thousands of small kernels, and a processor launches them more slowly
than a GPU computes them. A graph launches all of them at once: forward, losses, backward, the steps
of run.Proportional and the running average. Pictures travel as bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from models.multihead import STRIDE
from training.fit.batches import Batches
from training.fit.losses import UNKNOWN, Weights
from training.fit.teacher import Taught

Tensors = list[torch.Tensor]
Labels = dict[str, NDArray[np.float32]]
BETAS, EPSILON, CLIP = (0.9, 0.999), 1e-7, 1.0  # as of Keras' AdamW, with clipnorm
LOSS_SCALE = 512.0  # keeps small gradients above the least number of half precision
WARM_UP = 3  # steps at a rate of 0 before a capture, in which libraries choose their kernels


def step(run: Any, batches: Batches | Taught) -> Step:
    """Of the network of a run.Run, whose weights and running average change in place."""
    variables = run.model.trainable_variables
    return Step(
        batches,
        partial(run.model, training=True),
        [variable.value for variable in variables],
        run.averaged,
        [run.steps.share(variable) for variable in variables],
        run.how.weight_decay,
        run.how.loss,
    )


class Step:
    """Learns from a batch; what is computed is captured at the first, whose shape all have.

    `weights` of `student` change in place, and so does their running average `averaged`. `shares`:
    of the learning rate, for each of them. Without CUDA, the same is computed operation by
    operation.
    """

    def __init__(
        self,
        batches: Batches | Taught,
        student: Callable[[torch.Tensor], dict[str, torch.Tensor]],
        weights: Tensors,
        averaged: Tensors,
        shares: list[float],
        weight_decay: float,
        loss: Weights,
    ) -> None:
        self._taught = batches if isinstance(batches, Taught) else None
        self._batches = batches.batches if isinstance(batches, Taught) else batches
        self._student, self._loss = student, loss
        self._weights, self._averaged, self._shares = weights, averaged, shares
        self._weight_decay = weight_decay
        device = weights[0].device
        self._first, self._second = ([torch.zeros_like(w) for w in weights] for _ in BETAS)
        # What differs from step to step: the size of Adam's step, of the decay, of the average's.
        self._rates = torch.zeros(3, device=device)
        self._losses = torch.zeros(2, device=device)
        self._taken = self._counted = 0
        self._pictures: torch.Tensor | None = None
        self._labels: dict[str, torch.Tensor] = {}
        self._graph: Any = None

    def batches(self, first: int) -> Iterator[tuple[NDArray[np.uint8], Labels]]:
        """Of pictures uint8 [2P, S, S, 3], from step `first` on."""
        return self._batches.pictures(first)

    def __call__(
        self, pictures: NDArray[np.uint8], labels: Labels, rate: float, ema: float
    ) -> None:
        """At the learning rate `rate`; `ema` is the decay of the running average."""
        self._hold(pictures, labels)
        if self._graph is None and self._rates.is_cuda:
            self._capture()
        self._taken += 1
        bias = [1 - beta**self._taken for beta in BETAS]
        sizes = (rate * bias[1] ** 0.5 / bias[0], rate * self._weight_decay, 1 - ema)
        self._rates.copy_(torch.tensor(sizes))
        if self._graph is not None:
            self._graph.replay()
        else:
            self._step()
        self._counted += 1

    def losses(self) -> dict[str, float]:
        """The means since the last call of it."""
        kinds, places = (self._losses / max(1, self._counted)).tolist()
        self._losses.zero_()
        self._counted = 0
        return {"kinds_loss": kinds, "loss": kinds + places, "places_loss": places}

    def _hold(self, pictures: NDArray[np.uint8], labels: Labels) -> None:
        device = self._rates.device
        if self._pictures is None:
            self._pictures = torch.empty(pictures.shape, dtype=torch.uint8, device=device)
            self._labels = {
                name: torch.empty(of.shape, device=device) for name, of in labels.items()
            }
        self._pictures.copy_(torch.from_numpy(pictures))
        for name, of in self._labels.items():
            of.copy_(torch.from_numpy(labels[name]))

    def _capture(self) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        self._graph = graph
        for moments in (self._first, self._second):
            torch._foreach_zero_(moments)
        self._losses.zero_()

    def _step(self) -> None:
        assert self._pictures is not None
        x, labels = self._pictures.float() / 127.5 - 1, self._labels
        if self._taught:
            x, labels = _lesson(self._taught, x, labels)
        answers = self._student(x)
        kinds = kinds_loss(self._loss, labels["kinds"], answers["kinds"].float())
        places = places_loss(self._loss, labels["places"], answers["places"].float())
        gradients = list(torch.autograd.grad((kinds + places) * LOSS_SCALE, self._weights))
        self._losses += torch.stack([kinds.detach(), places.detach()])
        with torch.no_grad():
            self._move(gradients)

    def _move(self, gradients: Tensors) -> None:
        """AdamW; see run.Proportional for the shares of the rate."""
        size, decay, towards = self._rates
        torch._foreach_mul_(gradients, 1 / LOSS_SCALE)
        gradients = [torch.nan_to_num(g, 0.0, 0.0, 0.0) for g in gradients]
        norms = torch.stack(torch._foreach_norm(gradients))
        torch._foreach_mul_(gradients, list((CLIP / norms.clamp(min=CLIP)).unbind()))
        torch._foreach_lerp_(self._first, gradients, 1 - BETAS[0])
        torch._foreach_mul_(self._second, BETAS[1])
        torch._foreach_addcmul_(self._second, gradients, gradients, 1 - BETAS[1])
        below = torch._foreach_sqrt(self._second)
        torch._foreach_add_(below, EPSILON)
        moves = torch._foreach_div(self._first, below)
        torch._foreach_mul_(moves, self._shares)
        torch._foreach_mul_(moves, size)
        torch._foreach_mul_(self._weights, 1 - decay)
        torch._foreach_sub_(self._weights, moves)
        away = torch._foreach_sub(self._weights, self._averaged)
        torch._foreach_mul_(away, towards)
        torch._foreach_add_(self._averaged, away)


def _lesson(
    taught: Taught, x: torch.Tensor, labels: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """As Taught gives it: smaller pictures, and labels to which the teacher has added its own."""
    with torch.no_grad():
        answers: Any = taught.teacher(x)  # of tensors: teacher.in_half
        mixed = {}
        for name, of in labels.items():
            answer = answers[name].float().sigmoid()
            mixed[name] = torch.where(of == UNKNOWN, answer, (of + answer) / 2)
        mixed["places"] = scaled(mixed["places"], taught.input_px // STRIDE)
        return scaled(x, taught.input_px), mixed


def kinds_loss(weights: Weights, labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As losses.kinds_loss."""
    known = (labels >= 0).float()
    each = _cross_entropy(labels, logits) * known
    mean = each.sum() / known.sum().clamp(min=1)
    reals = each[0::2].T.reshape(-1)
    worst = reals.topk(max(1, int(weights.worst_share * reals.shape[0])))[0].mean()
    fake = (labels[1::2] > 0.5).float()
    short = softplus(1 - (logits[1::2] - logits[0::2])) * fake
    margin = short.sum() / fake.sum().clamp(min=1)
    return mean + weights.worst * worst + weights.margin * margin


def places_loss(weights: Weights, labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As losses.places_loss."""
    known = (labels >= 0).float()
    each = (_cross_entropy(labels, logits) * known).sum(dim=(0, 1, 2))
    return weights.places * (each / known.sum(dim=(0, 1, 2)).clamp(min=1)).sum()


def scaled(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Square maps [N, S, S, C] to [N, side, side, C], each place the mean of the area below it, as
    OpenCV's INTER_AREA."""
    weigh = area_weights(pictures.shape[1], side, pictures.device)
    return torch.einsum("ys,nstc,xt->nyxc", weigh, pictures, weigh)


@cache
def area_weights(source: int, side: int, device: torch.device) -> torch.Tensor:
    """Float32 [side, source]: the share that each source pixel has in a scaled one."""
    edges = np.arange(side + 1) * source / side
    upper = np.minimum(edges[1:, None], np.arange(1, source + 1))
    lower = np.maximum(edges[:-1, None], np.arange(source))
    shares = np.maximum(0, upper - lower) * side / source
    return torch.tensor(shares, dtype=torch.float32, device=device)


def _cross_entropy(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return softplus(logits) - labels.clamp(min=0) * logits
