"""Where networks are fitted: the processor, or a graphics processor where there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits

from hfm.config import Train
from hfm.errors import UsageError


def of_options(options: Train) -> torch.device:
    """Where networks are fitted with these options: `chosen`, but the processor where the backend runs there alone."""
    fused = options.backend == "fused" and options.device == "auto"
    return torch.device("cpu") if fused else chosen(options.device)


def chosen(name: str) -> torch.device:
    """The device of train.device; auto: CUDA where there is one, else the processor.

    auto never takes mps: networks of this size are launched there for longer than they run.

    Returns
    -------
    device

    Raises
    ------
    UsageError
        For a device that is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here[name]:
        raise UsageError(f"there is no {name} device here", why="torch finds none; auto takes the processor then",
                         hint="--device auto")  # fmt: skip
    return torch.device(name)


@contextlib.contextmanager
def steady(threads: int) -> Iterator[None]:
    """Inside, torch and the libraries below it use so many threads, and numbers below 1e-38 are zero.

    A network that begins at its floor has gradients so small that their squares are denormal, which processors
    multiply a hundred times slower.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_flush_denormal(False)


@contextlib.contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Inside, torch draws from `seed` on the processor and on the device; afterwards the caller's state is back."""
    places = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=places):
        torch.manual_seed(seed)
        yield


def draws(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's generators, by name: the processor's, and that of a CUDA device."""
    own = {"generator": torch.random.get_rng_state()}
    return own | ({"generator_cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def draw_on(device: torch.device, states: dict[str, torch.Tensor]) -> None:
    """Go on from what `draws` gave on the same kind of device."""
    torch.random.set_rng_state(states["generator"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["generator_cuda"], device)


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 for the matrix products on CUDA, where they are a multiple faster; plain float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
