"""The compiled step against torch, against plain Python, and against itself in pieces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfm.arrays import Float, Int
from hfm.models import inference
from hfm.models.inference import Calibration
from hfm.models.networks import lstm_network
from hfm.models.packed_model import PackedModel, pack
from hfm.plugins import Arrays, Panel

SLOTS = 13


def arrays(inputs: int = 9, features: int = 12, hidden: int = 16, layers: int = 2, seeds: int = 2) -> Arrays:
    """A random model: floors on `features` features, networks on the first `inputs` of them."""
    rng = np.random.default_rng(hidden + layers)
    out: Arrays = {
        "floor/centre": rng.standard_normal((2, features)), "floor/factor": 0.5 + rng.random((2, features)),
        "floor/direction": 0.2 * rng.standard_normal(features + 1), "floor/vol": 0.2 * rng.standard_normal(features),
        "floor/vol_slot": rng.standard_normal(SLOTS), "floor/spread": 0.1 * rng.standard_normal(features),
        "floor/spread_slot": rng.standard_normal(SLOTS), "floor/label": np.array([[1.5, 0.4, 0.2, 0.3]] * 2),
        "floor/residual": np.array([-1.1, 0.1, 1.4]), "unit": np.array([0.7, 0.8]), "gates": np.array([1.0, 0.5, 0.75]),
    }  # fmt: skip
    for s in range(seeds):
        out.update(lstm_network.packable_arrays(net(inputs, hidden, layers, s).state_dict(), f"seed{s}"))
    return out


def net(inputs: int, hidden: int, layers: int, seed: int) -> lstm_network.LstmNetwork:
    """A network with large random weights, its head included."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = lstm_network.LstmNetwork(inputs, hidden, layers, 0.0).eval()
        for weight in made.parameters():
            torch.nn.init.normal_(weight, std=0.2)
    return made


class Inputs(NamedTuple):
    """Rows as the step takes them: features [n, F], clock slots [n], quoted spreads [n] in bps."""

    x: Float
    slot: Int
    spread_bps: Float

    def heads(self, model: PackedModel, start: Sequence[int] | None = None) -> Float:
        """[n, 5] of the loop, from borders `start`; one sequence by default."""
        out = np.empty((len(self.x), 5))
        inference.heads_loop(self.x, self.slot, np.array(start or [0, len(self.x)]), model, out)
        return out


def inputs_of(n: int, features: int = 12, seed: int = 0) -> Inputs:
    """Random rows."""
    rng = np.random.default_rng(seed)
    return Inputs(rng.standard_normal((n, features)), np.arange(n) % SLOTS, 1 + rng.random(n))


def by_torch(fitted: Arrays, rows: Inputs, inputs: int, nets: list[lstm_network.LstmNetwork]) -> Float:
    """[n, 5] heads of one sequence, floors in NumPy and networks in torch."""
    z = (rows.x - fitted["floor/centre"][0]) * fitted["floor/factor"][0]
    z = np.clip(z, -inference.CLIP, inference.CLIP)
    with torch.inference_mode():
        each = [m(torch.from_numpy(z[None, :, :inputs].astype(np.float32)))[0].double().numpy() for m in nets]
    delta, gate, unit = np.mean(each, axis=0), fitted["gates"], fitted["unit"]
    slot, (low, mid, high) = rows.slot, fitted["floor/residual"]
    vol = z @ fitted["floor/vol"] + fitted["floor/vol_slot"][slot] + gate[1] * unit[0] * delta[:, 1]
    spread = z @ fitted["floor/spread"] + fitted["floor/spread_slot"][slot] + mid + gate[2] * unit[1] * delta[:, 2]
    cv, sv, cs, ss = fitted["floor/label"][0]
    return np.column_stack([
        z @ fitted["floor/direction"][:-1] + fitted["floor/direction"][-1] + gate[0] * delta[:, 0], cv + sv * vol,
        cs + ss * (spread - (mid - low) * np.exp(gate[2] * delta[:, 3])), cs + ss * spread,
        cs + ss * (spread + (high - mid) * np.exp(gate[2] * delta[:, 4])),
    ])  # fmt: skip


@pytest.mark.parametrize(("inputs", "hidden", "layers"), [(9, 16, 2), (12, 64, 2), (1, 5, 1), (9, 10, 3)])
def test_the_step_equals_torch(inputs: int, hidden: int, layers: int) -> None:
    """Within 1e-6 over a long sequence, for widths that are and are not multiples of the lanes."""
    fitted = arrays(inputs=inputs, hidden=hidden, layers=layers)
    x = inputs_of(3000)
    out = x.heads(pack(fitted, 0))
    expected = by_torch(fitted, x, inputs, [net(inputs, hidden, layers, s) for s in range(2)])
    np.testing.assert_allclose(out, expected, atol=2e-6)


@pytest.mark.slow
def test_the_step_stays_within_a_millionth_of_torch_over_100_000_rows() -> None:
    """2 x 64, one sequence: errors do not build up."""
    fitted = arrays(inputs=12, hidden=64, seeds=1)
    x = inputs_of(100_000)
    out = x.heads(pack(fitted, 0))
    assert np.abs(out - by_torch(fitted, x, 12, [net(12, 64, 2, 0)])).max() < 1e-6


def test_compiled_and_plain_python_agree() -> None:
    """The un-jitted row and finish, on a few rows; only the order of roundings differs."""
    fitted = arrays(hidden=5, layers=1, seeds=1)
    model, rows, final = pack(fitted, 0), inputs_of(6), Calibration(0.8, 1.1, np.array([0.01, 0.02]))
    fast, plain = inference.state_new(model), inference.state_new(model)
    a, b, head = np.empty(1, inference.FORECAST), np.empty(1, inference.FORECAST), np.empty(5)
    for x, slot, spread_bps in zip(rows.x, rows.slot.tolist(), rows.spread_bps.tolist(), strict=True):
        inference.step(fast, x, slot, spread_bps, model, final, a[0])
        inference.row.py_func(plain, x, slot, model, head)
        inference.finish_row.py_func(head, spread_bps, final, b[0])
        np.testing.assert_allclose(a[0].item(), b[0].item(), rtol=1e-6)


def test_a_saved_state_goes_on_as_if_nothing_had_happened() -> None:
    """Bytes out, bytes in, the same bits from then on."""
    fitted = arrays()
    model, rows, final = pack(fitted, 0), inputs_of(40), Calibration(1.0, 1.0, np.array([0.1]))
    whole, out = np.empty(40, inference.FORECAST), np.empty(1, inference.FORECAST)
    state = inference.state_new(model)
    for t in range(40):
        inference.step(state, rows.x[t], int(rows.slot[t]), float(rows.spread_bps[t]), model, final, whole[t])
        if t == 19:
            saved = state.tobytes()
    state = np.frombuffer(saved).copy()
    for t in range(20, 40):
        inference.step(state, rows.x[t], int(rows.slot[t]), float(rows.spread_bps[t]), model, final, out[0])
        assert out[0].item() == whole[t].item()


def test_a_masked_row_says_nothing_but_the_state_advances() -> None:
    """NaN out, as if the row's features had been zero for the network; the next row differs from a row left out."""
    fitted = arrays()
    model, rows = pack(fitted, 0), inputs_of(3)
    masked, zero = rows.x.copy(), rows.x.copy()
    masked[1, 2] = np.nan
    zero[1] = fitted["floor/centre"][0]
    out = {
        "masked": rows._replace(x=masked).heads(model), "zero": rows._replace(x=zero).heads(model),
        "left out": Inputs(*(column[[0, 2]] for column in rows)).heads(model),
    }  # fmt: skip
    assert np.isnan(out["masked"][1]).all()
    np.testing.assert_array_equal(out["masked"][2], out["zero"][2])
    assert (out["masked"][2] != out["left out"][1]).all()


def test_the_state_is_zero_at_every_session() -> None:
    """Two sessions in one call equal each alone."""
    model, rows = pack(arrays(), 0), inputs_of(30)
    both, alone = rows.heads(model, [0, 15, 30]), Inputs(*(column[15:] for column in rows)).heads(model)
    np.testing.assert_array_equal(both[15:], alone)


def test_finish_on_numbers_worked_out_by_hand() -> None:
    """p_up at half the logit, its rank, the return's sd, quantiles in bps, P(widens) by the two-sided normal."""
    head = np.array([math.log(3.0), math.log(5.0), math.log(1.0), math.log(2.0), math.log(8.0)])
    fit: Arrays = {"finish": np.array([0.5, 1.2, 0.1, 0.13, 0.2, 0.3])}
    out = inference.finished(np.tile(head, (3, 1)), np.array([2.0, 8.0, 1.0]), fit)
    p = math.sqrt(3) / (1 + math.sqrt(3))
    np.testing.assert_allclose(out[0].item(), [p, 0.75, 0.5, 6.0, 1.0, 2.0, 8.0, 0.5])
    np.testing.assert_allclose(out["p_widen"], [0.5, 0.1, 0.9])


def test_heads_that_a_model_does_not_have_stay_nan() -> None:
    """NaN in, NaN out, the rest untouched."""
    heads, fit = np.array([[np.nan, np.nan, 0.0, 0.1, 0.2]]), {"finish": np.array([1.0, 1.0, 0.1])}
    out = inference.finished(heads, np.ones(1), fit)[0].item()
    assert np.isnan(out[:4]).all()
    assert np.isfinite(out[4:]).all()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_the_heads_of_a_panel_are_those_of_each_sequence_by_itself(sizes: list[tuple[int, int]], seed: int) -> None:
    """Symbols mixed in any order, sequences of no row among them."""
    rng, made = np.random.default_rng(seed), arrays(hidden=4, layers=1, seeds=1)
    for name in ("floor/centre", "floor/factor", "floor/label"):
        made[name] = made[name][0] + 0.1 * rng.random((4, made[name].shape[1]))
    start = np.cumsum([0, *(size for _, size in sizes)])
    x, slot = rng.standard_normal((start[-1], 12)), rng.integers(0, SLOTS, start[-1])
    symbol, none = np.array([s for s, _ in sizes]), np.zeros(start[-1])
    panel = Panel(
        x, tuple("abcdefghijkl"), 9, slot, none, none, none, none, none, start, symbol, np.arange(len(sizes)),
        ("A", "B", "C"), SLOTS, 1,
    )  # fmt: skip
    found = inference.heads(made, panel)
    for k, (s, _) in enumerate(sizes):
        own = slice(start[k], start[k + 1])
        np.testing.assert_array_equal(found[own], Inputs(x[own], slot[own], none[own]).heads(pack(made, s)))
