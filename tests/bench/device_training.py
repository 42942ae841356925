"""Training on a device beside one processor thread: `python -m tests.bench train --device cuda`, below ten minutes.

Labels a second by sequences a step, hidden units and precision, the share of the device's peak, launches and memory of
a step; parity with the processor of a forward pass and of trained networks; a walk-forward. A training step is the one
of hfm.models.networks.trainer, launched call by call: there is no captured graph. A precision is of matrix products:
float32 (TF32 off) or bfloat16 by autocast, which is what CUDA trains with.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from hfm.config import Train
from hfm.models.networks import batches, device, lstm_network, network_fit, segments
from hfm.models.networks.losses import LABELS, Batch
from hfm.models.networks.trainer import CPU, Trainer, mean_losses
from hfm.plugins import Panel
from hfm.stage import Context
from tests.bench import walk_forward
from tests.bench.figure import Figure
from tests.train.market import rows

ROWS, FEATURES, LAYERS = 78, 29, 2
"""Of a session of five-minute bars; the features that are fitted by default."""
PRECISIONS = (torch.float32, torch.bfloat16)
FORWARD, SDS = 1e-4, 2.0
"""Parity: the largest difference of a forward pass, and of mean losses in standard deviations of seeds."""
TIMES = 3
WIDTHS = np.array([1.0, 1.0])


@dataclass(frozen=True)
class Size:
    """How much is measured. seconds: least time of a rate. side: of the square matrices whose product is the peak."""

    sequences: tuple[int, ...] = (8, 64, 512)
    hidden: tuple[int, ...] = (64, 256, 512)
    seconds: float = 1.0
    side: int = 8192
    seeds: int = 5
    epochs: int = 20
    sessions: int = 255


FULL = Size()
SMALL = Size(sequences=(2, 4), hidden=(8,), seconds=0.02, side=64, seeds=2, epochs=2, sessions=21)


def figures_on(name: str, size: Size = FULL) -> Iterator[Figure]:
    """All rows; raises UsageError at once for a device that is not here."""
    place = device.chosen(name)
    with device.steady(1), full_precision():
        peaks = {dtype: peak(place, dtype, size) for dtype in PRECISIONS}
        for dtype, flops in peaks.items():
            yield Figure(f"{name}, product of square matrices, {_word(dtype)}", "TFLOP/s", flops / 1e12, None, None,
                         size.side, 1.0, "the peak in what follows")  # fmt: skip
        for sequences in size.sequences:
            for hidden in size.hidden:
                yield from steps(place, sequences, hidden, peaks, size)
        yield forward(place)
        yield from trained(place, size)
    yield from walked(name, size)


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Inside, float32 is float32: cuDNN takes TF32 for it as torch comes."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def peak(place: torch.device, dtype: torch.dtype, size: Size) -> float:
    """Floating-point operations a second of a product of square matrices."""
    one = torch.randn(size.side, size.side, device=place, dtype=dtype)
    return 2 * size.side**3 * rates(lambda: one @ one, place, size.seconds)[1]


def rates(step: Callable[[], object], place: torch.device, seconds: float) -> list[float]:
    """Steps a second of TIMES measurements that share so many seconds, in order; on the processor of its own time."""
    clock = time.process_time if place.type == "cpu" else time.perf_counter
    module = torch.get_device_module(place)
    found = []
    step()
    for _ in range(TIMES):
        module.synchronize()
        start, count, taken = clock(), 0, 0.0
        while taken < seconds / TIMES:
            step()
            module.synchronize()
            count, taken = count + 1, clock() - start
        found.append(count / taken)
    return sorted(found)


def steps(
    place: torch.device, sequences: int, hidden: int, peaks: dict[torch.dtype, float], size: Size
) -> Iterator[Figure]:
    """Labels a second of one shape in each precision, beside one processor thread as it trains by default."""
    labels = sequences * ROWS
    own = trainer(CPU, sequences, hidden, "auto")
    thread = labels * rates(lambda: own.train_epoch(data(sequences, CPU), WIDTHS), CPU, size.seconds)[1]
    for dtype in PRECISIONS:
        with precision(dtype):
            network, batch = trainer(place, sequences, hidden, "torch"), data(sequences, place)
            weights = sum(w.numel() for w in network.weights)
            _forget_memory(place)
            found = rates(lambda n=network, b=batch: n.train_epoch(b, WIDTHS), place, size.seconds)  # type: ignore[misc]  # bound now
            memory, launched = _memory(place), launches(lambda n=network, b=batch: n.train_epoch(b, WIDTHS))  # type: ignore[misc]
        rate = labels * found[1]
        share = 6 * weights * rate / peaks[dtype]
        calls = "operators" if place.type == "cpu" else "launches"
        note = (f"peer: one processor thread, float32, train.backend=auto; {share:.2%} of the peak (6 x {weights:,} "
                f"weights x labels/s); {launched:,} {calls} a step")  # fmt: skip
        yield Figure(f"train on {place.type}, {sequences} sequences, {LAYERS}x{hidden}, {_word(dtype)}, labels", "/s",
                     rate, thread, rate / thread, labels, found[-1] / found[0], note, memory)  # fmt: skip


def trainer(place: torch.device, sequences: int, hidden: int, backend: str) -> Trainer:
    """A network whose epoch over so many sequences is one step."""
    options = Train(batch=sequences, hidden=hidden, layers=LAYERS, backend=backend)  # type: ignore[arg-type]  # a word
    torch.manual_seed(1)
    return Trainer(FEATURES, options, place=place)


def data(sequences: int, place: torch.device) -> Batch:
    """Sequences of noise, all rows labelled."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(sequences, ROWS, FEATURES, generator=generator)
    y = torch.randn(sequences, ROWS, len(LABELS), generator=generator)
    for name in ("up", "has_up", "has_vol", "has_spread"):
        y[..., LABELS.index(name)] = 1.0
    return Batch(x, y).to(place)


@contextlib.contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """Inside, networks are fitted with matrix products of this type on any device."""

    def autocast(place: torch.device) -> torch.autocast:
        return torch.autocast(place.type, torch.bfloat16, enabled=dtype == torch.bfloat16)

    with mock.patch.object(device, "precision", autocast):
        yield


def launches(step: Callable[[], object]) -> int:
    """Kernels that a step starts on CUDA; where there are none, operators that it calls."""
    with torch.profiler.profile() as profile:  # of all that torch can watch
        step()
    events = profile.events() or []
    started = sum("LaunchKernel" in event.name for event in events)
    return started or sum(event.name.startswith("aten::") for event in events)


def forward(place: torch.device) -> Figure:
    """The largest difference of a network's outputs from the processor's, the same weights on both."""
    torch.manual_seed(3)
    net = lstm_network.LstmNetwork(FEATURES, 64, LAYERS, 0.0).eval()
    torch.nn.init.normal_(net.head.weight)
    x = data(64, CPU).x
    with torch.inference_mode():
        here = net(x)
        difference = float((here - net.to(place)(x.to(place)).cpu()).abs().max())
    verdict = "yes" if difference < FORWARD else "NO"
    return Figure(f"forward on {place.type}, largest difference from the processor's", "", difference, None, None,
                  64 * ROWS, 1.0, f"below {FORWARD:g}: {verdict}")  # fmt: skip


def trained(place: torch.device, size: Size) -> Iterator[Figure]:
    """Losses out of sample of networks fitted on the device, beside those fitted on the processor as by default."""
    panel = rows(60, signal="planted", rho=0.3, interval="5m").panel
    learn, watch, test = (panel.of_sessions(*part) for part in ((0, 30), (30, 36), (36, 60)))
    options = Train(seeds=size.seeds, epochs=size.epochs)
    here = losses(learn, watch, test, replace(options, device="cpu"))
    there = losses(learn, watch, test, replace(options, device=place.type, backend="torch"))  # type: ignore[arg-type]  # a word
    sds = here.std(axis=0, ddof=1)
    for k, task in enumerate(("direction", "volatility", "spread")):
        own, other = float(there[:, k].mean()), float(here[:, k].mean())
        away = abs(own - other) / sds[k]
        note = (f"peer: the processor; {away:.2f} standard deviations of {size.seeds} seeds ({sds[k]:.5f}) apart; "
                f"at most {SDS:g}: {'yes' if away <= SDS else 'NO'}")  # fmt: skip
        yield Figure(f"trained on {place.type}, {task} loss out of sample", "", own, other, None, len(test.slot), 1.0,
                     note)  # fmt: skip


def losses(learn: Panel, watch: Panel, test: Panel, options: Train) -> np.ndarray:
    """[seeds, 3] mean losses of heads.TASKS on test rows, of each network by itself, in units of its floor."""
    arrays = network_fit.fit(learn, watch, options, Context("bench", seed=1))
    seen = batches.batch(arrays, segments.segmented(test))
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    net = lstm_network.LstmNetwork(learn.own, options.hidden, options.layers, 0.0).eval()
    out = []
    for seed in range(options.seeds):
        net.load_state_dict(network_fit.LSTM.weights(arrays, f"seed{seed}"))
        out.append(mean_losses(net, seen, widths).numpy())
    return np.array(out, np.float64)


def walked(name: str, size: Size) -> Iterator[Figure]:
    """Seconds on the wall of `hfm train` on the device, beside the processor."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        kind = walk_forward.prepare(home, "year", size.sessions, generated=True)
        options = ("--epochs", str(size.epochs), "--set", f"train.seeds={size.seeds}")
        walk_forward.train(home, "year", walk_forward.WARM, "--device", "cpu", "--epochs", "1")  # compiles
        there = walk_forward.train(home, "year", walk_forward.WARM, "--device", name, *options)
        here = None if name == "cpu" else walk_forward.train(
            home, "year", walk_forward.WARM, "--device", "cpu", *options)  # fmt: skip
        yield Figure(f"walk-forward on {name}, {size.sessions} sessions, seconds on the wall", "s", there.wall,
                     here and here.wall, here and here.wall / there.wall, size.sessions, 1.0,
                     f"{kind}; peer: one processor thread; memory of the process", there.mib)  # fmt: skip


def _forget_memory(place: torch.device) -> None:
    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats(place)


def _memory(place: torch.device) -> float | None:
    """Peak MiB of tensors on a CUDA device since _forget_memory."""
    return torch.cuda.max_memory_allocated(place) / 2**20 if place.type == "cuda" else None


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
