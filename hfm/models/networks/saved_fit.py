"""A fit of several networks on its way, as bytes: those that are done, and the state of the one in progress.

It is resumed on the kind of device that it was written on: train.fit_checkpoints sees to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import safetensors.torch
import torch

from hfm.plugins import Arrays
from hfm.stage import Context


@dataclass
class SavedFit:
    """done: the arrays of each network that is done. current: Trainer.state of the one in progress, None: none is."""

    done: list[Arrays] = field(default_factory=list)
    current: dict[str, torch.Tensor] | None = None


def dump(done: Sequence[Arrays], current: dict[str, torch.Tensor]) -> bytes:
    """The bytes of a fit; done and current: see SavedFit."""
    out = {f"now/{name}": value.contiguous() for name, value in current.items()}
    for k, arrays in enumerate(done):
        out |= {f"done/{k}/{name}": torch.from_numpy(value) for name, value in arrays.items()}
    return safetensors.torch.save(out)


def load(ctx: Context) -> SavedFit:
    """What the checkpoint of `ctx` holds; nothing without one, or where it is not to be resumed."""
    data = ctx.checkpoint.load() if ctx.resume and ctx.checkpoint is not None else None
    if data is None:
        return SavedFit()
    found = safetensors.torch.load(data)
    done: list[Arrays] = [{} for _ in {key.split("/")[1] for key in found if key.startswith("done/")}]
    for key, value in found.items():
        if key.startswith("done/"):
            _, k, name = key.split("/", 2)
            done[int(k)][name] = value.numpy()
    return SavedFit(done, {key.removeprefix("now/"): value for key, value in found.items() if key.startswith("now/")})
