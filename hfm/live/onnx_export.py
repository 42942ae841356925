"""The model's step as an ONNX graph: raw features in, the eight columns of models.step.OUT out, state in and out.

Scaler, floors, networks, gates and calibration are all inside; the features are hfm's own step. Axes: T rows of a
session in order, B sequences side by side, F features, K networks of L layers of H units. T = B = 1 is the step.
Networks run in float32 and all else in float64, as in the step. onnx and onnxruntime come with the extra `onnx`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hfm.errors import CheckError, ConfigError
from hfm.models import inference
from hfm.models.trees import tree_arrays
from hfm.plugins import Arrays, Float

OPSET, OPSET_TREES = 17, 3
TOLERANCE = 1e-6
"""Largest difference from the step, relative to max(1, |value|)."""
STEPS = 2_000
"""Rows over which parity is asserted, state carried."""
_GATES = (0, 3, 1, 2)
"""ONNX has the gates in the order i o f g, the checkpoint i f g o."""
Run = Callable[[dict[str, Any]], list[Any]]  # Any: arrays of three dtypes


def extra() -> tuple[Any, Any]:  # Any: the modules onnx and onnxruntime
    """(onnx, onnxruntime). Raises ConfigError where the extra is not installed."""
    try:
        import onnx
        import onnxruntime
    except ImportError as e:
        raise ConfigError(f"{e.name} is not installed", hint="pip install 'hfm[onnx]'") from None
    return onnx, onnxruntime


class _Builder:
    """Nodes and constants of a graph; each method gives the name of its result."""

    def __init__(self, onnx: Any) -> None:  # Any: the module
        self._onnx, self.nodes, self.constants = onnx, [], []  # type: tuple[Any, list[Any], list[Any]]
        self._count = 0

    def constant(self, value: Any) -> str:  # Any: an array of any dtype, or a float for float64
        """A constant; Python floats are float64."""
        name = f"c{len(self.constants)}"
        self.constants.append(self.tensor(value, name))
        return name

    def tensor(self, value: Any, name: str | None = None) -> Any:  # Any: an array of any dtype; onnx's TensorProto
        """An array as an attribute or a constant has it."""
        return self._onnx.numpy_helper.from_array(np.asarray(value), name)

    def op(self, kind: str, *inputs: Any, results: int = 1, **attributes: Any) -> Any:  # Any: arrays; one name or more
        """A node; inputs that are no names become constants. Its result's name, or a list of them."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self._count += 1
        out = [f"v{self._count}_{k}" for k in range(results)]
        self.nodes.append(self._onnx.helper.make_node(kind, names, out, **attributes))
        return out[0] if results == 1 else out

    def cast(self, name: str, kind: str) -> str:
        """`name` as another dtype: FLOAT, DOUBLE, BOOL."""
        out: str = self.op("Cast", name, to=getattr(self._onnx.TensorProto, kind))
        return out


@dataclass(frozen=True)
class Shape:
    """Sizes: features read, features of the networks, networks, layers, units."""

    features: int
    inputs: int
    networks: int
    layers: int
    hidden: int


def shape_of(model: inference.Model) -> Shape:
    """The sizes of a packed model."""
    features, inputs, _, networks, hidden, layers = (int(v) for v in model.spec)
    return Shape(features, inputs, networks, layers, hidden)


def build(arrays: Arrays, symbol: int) -> bytes:
    """The ONNX model of one symbol (number in the checkpoint; -1: the pooled scaler), checked by onnx.

    Inputs x [T, B, F] float64, slot [T, B] int64, spread_bps [T, B] float64, with networks h, c [K L, B, H] float32;
    outputs said [T, B, 8] float64 (NaN in rows with a feature that is not finite), and h_out, c_out.
    """
    onnx, _ = extra()
    b, model = _Builder(onnx), inference.pack(arrays, symbol)
    size, p, f = shape_of(model), model.params, int(model.spec[0])
    zeros = b.op("Equal", b.op("Sub", "x", "x"), 0.0)  # false where x is not finite
    fine = b.cast(b.op("ReduceMin", b.cast(zeros, "FLOAT"), axes=[-1], keepdims=1), "BOOL")
    z = b.op("Mul", b.op("Sub", "x", p[:f]), p[f : 2 * f])
    z = b.op("Where", fine, b.op("Clip", z, -inference.CLIP, inference.CLIP), 0.0)
    delta, state = _networks(b, arrays, size, z) if size.networks else (b.constant(np.zeros(5)), [])
    head = _floors(b, model, z, delta)
    said = b.op("Where", fine, _finish(b, head, arrays["finish"]), float("nan"))
    return _whole(onnx, b, size, (said, len(inference.OUT)), state)


def network(arrays: Arrays) -> bytes:
    """The networks alone, for the bench: x [T, B, F] are standardised features, said [T, B, 5] the corrections."""
    onnx, _ = extra()
    b, size = _Builder(onnx), shape_of(inference.pack(arrays, 0))
    delta, state = _networks(b, arrays, size, "x")
    return _whole(onnx, b, size, (delta, 5), state)


def _networks(b: _Builder, arrays: Arrays, size: Shape, z: str) -> tuple[str, list[str]]:
    """(mean of the networks' corrections [T, B, 5], [h_out, c_out])."""
    own = b.op("Slice", z, np.array([0]), np.array([size.inputs]), np.array([2]))
    single, total = b.cast(own, "FLOAT"), ""
    ends: tuple[list[str], list[str]] = ([], [])
    for s in range(size.networks):
        x = single
        for layer in range(size.layers):
            at = s * size.layers + layer
            begin = [b.op("Slice", name, np.array([at]), np.array([at + 1]), np.array([0])) for name in ("h", "c")]
            weights = [_gates(arrays[f"seed{s}/l{layer}/{part}"].T, size.hidden)[None] for part in ("ih", "hh")]
            bias = _gates(arrays[f"seed{s}/l{layer}/b"][:, None], size.hidden)[:, 0]
            bias = np.concatenate([bias, np.zeros_like(bias)])[None]
            y, h, c = b.op("LSTM", x, *weights, bias, "", *begin, results=3, hidden_size=size.hidden)
            ends[0].append(h)
            ends[1].append(c)
            x = b.op("Squeeze", y, np.array([1]))
        w, c0 = (arrays[f"seed{s}/head/{part}"].astype(np.float64) for part in ("w", "b"))
        said = b.op("Add", b.op("MatMul", b.cast(x, "DOUBLE"), w), c0)
        total = b.op("Add", total, said) if total else said
    return b.op("Div", total, float(size.networks)), [b.op("Concat", *part, axis=0) for part in ends]


def _gates(rows: Any, hidden: int) -> Any:  # Any: float32 arrays
    """[4H, n] with its blocks of H rows in ONNX' order."""
    return np.ascontiguousarray(np.concatenate([rows[g * hidden : (g + 1) * hidden] for g in _GATES]))


def _floors(b: _Builder, model: inference.Model, z: str, delta: str) -> list[str]:
    """The five heads, each [T, B, 1]; the arithmetic of models.step.row."""
    f, slots, p = int(model.spec[0]), int(model.spec[2]), model.params
    at_vol, at_spread, tail = 3 * f + 1, 4 * f + 1 + slots, inference.tail(model)
    place = b.op("Clip", "slot", np.int64(0), np.int64(slots - 1))
    d = [b.op("Slice", delta, np.array([q]), np.array([q + 1]), np.array([-1])) for q in range(5)]

    def linear(at: int, table: Float) -> str:
        level = b.op("Unsqueeze", b.op("Gather", table, place), np.array([-1]))
        out: str = b.op("Add", b.op("MatMul", z, p[at : at + f][:, None]), level)
        return out

    def scaled(gate: float, q: int) -> str:
        out: str = b.op("Mul", d[q], float(gate))
        return out

    logit = b.op("Add", b.op("MatMul", z, p[2 * f : 3 * f][:, None]), float(p[3 * f]))
    if tail[12] > 0:
        grown = b.op("Mul", _trees(b, tail[inference.TAIL :], z, place), float(tail[12]))
        logit = b.op("Add", b.op("Mul", logit, 1.0 - float(tail[12])), grown)
    logit = b.op("Add", logit, scaled(tail[9], 0))
    vol = linear(at_vol, p[at_vol + f : at_vol + f + slots])
    vol = b.op("Add", vol, scaled(tail[10] * tail[7], 1))
    low, mid, high = (float(v) for v in tail[4:7])
    centre = linear(at_spread, p[at_spread + f : at_spread + f + slots])
    centre = b.op("Add", b.op("Add", centre, mid), scaled(tail[11] * tail[8], 2))
    below = b.op("Sub", centre, b.op("Mul", b.op("Exp", scaled(tail[11], 3)), mid - low))
    above = b.op("Add", centre, b.op("Mul", b.op("Exp", scaled(tail[11], 4)), high - mid))
    label = [float(v) for v in tail[:4]]
    volatility = b.op("Add", b.op("Mul", vol, label[1]), label[0])
    return [logit, volatility, *(b.op("Add", b.op("Mul", v, label[3]), label[2]) for v in (below, centre, above))]


def _trees(b: _Builder, numbers: Float, z: str, place: str) -> str:
    """The logit [T, B, 1] of boosted trees, from trees.flat's numbers: compared in float64, summed to float32."""
    count = int(numbers[0])
    roots, nodes = numbers[2 : 2 + count].astype(np.int64), numbers[2 + count :].reshape(-1, tree_arrays.NODE)
    tree = np.repeat(np.arange(count), np.diff(np.append(roots, len(nodes))))
    number, leaf = np.arange(len(nodes)) - roots[tree], nodes[:, 0] < 0
    yes, no = (np.where(leaf, 0, nodes[:, side].astype(np.int64) - roots[tree]) for side in (2, 3))
    slot = b.op("Unsqueeze", place, np.array([-1]))
    x = b.op("Concat", z, b.cast(slot, "DOUBLE"), axis=-1)
    rows = b.op("Flatten", x, axis=2)
    total = b.op(
        "TreeEnsembleRegressor", rows, domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        nodes_treeids=tree, nodes_nodeids=number, nodes_featureids=np.where(leaf, 0, nodes[:, 0]).astype(np.int64),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(), nodes_truenodeids=yes, nodes_falsenodeids=no,
        nodes_values_as_tensor=b.tensor(nodes[:, 1]), target_treeids=tree[leaf], target_nodeids=number[leaf],
        target_ids=np.zeros(leaf.sum(), np.int64), target_weights_as_tensor=b.tensor(nodes[leaf, 4]),
        base_values_as_tensor=b.tensor(numbers[1:2]),
    )  # fmt: skip
    out: str = b.op("Reshape", b.cast(total, "DOUBLE"), b.op("Shape", slot))
    return out


def _finish(b: _Builder, head: list[str], final: Float) -> str:
    """[T, B, 8] of OUT; the arithmetic of models.step.finish_row."""
    raw = b.op("Sigmoid", head[0])
    p_up = b.op("Sigmoid", b.op("Mul", head[0], float(final[0])))
    sure = b.op("Abs", b.op("Sub", p_up, 0.5))
    below = b.op("ReduceSum", b.cast(b.op("Less", final[2:], sure), "DOUBLE"), np.array([-1]), keepdims=1)
    rank = b.op("Div", below, float(max(len(final) - 2, 1)))
    sd = b.op("Mul", b.op("Exp", head[1]), float(final[1]))
    spread = [b.op("Exp", head[q]) for q in (2, 3, 4)]
    now = b.op("Log", b.op("Unsqueeze", "spread_bps", np.array([-1])))
    wide = b.op("Greater", now, head[3])
    side = b.op("Where", wide, b.op("Sub", head[4], head[3]), b.op("Sub", head[3], head[2]))
    score = b.op("Div", b.op("Sub", now, head[3]), b.op("Max", side, 1e-12))
    tail = b.cast(b.op("Mul", score, 1.2815515655446004 / np.sqrt(2.0)), "FLOAT")
    widen = b.op("Mul", b.op("Sub", 1.0, b.cast(b.op("Erf", tail), "DOUBLE")), 0.5)
    out: str = b.op("Concat", p_up, raw, rank, sd, *spread, widen, axis=-1)
    return out


def _whole(onnx: Any, b: _Builder, size: Shape, said: tuple[str, int], state: list[str]) -> bytes:  # Any: the module
    """The serialised model. said: the result and its width."""
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto
    inputs = [info("x", kind.DOUBLE, ["T", "B", size.features]), info("slot", kind.INT64, ["T", "B"]),
              info("spread_bps", kind.DOUBLE, ["T", "B"])]  # fmt: skip
    outputs = [info("said", kind.DOUBLE, ["T", "B", said[1]])]
    b.nodes.append(onnx.helper.make_node("Identity", [said[0]], ["said"]))
    for name, value in zip(("h", "c"), state, strict=False):
        shape = [size.networks * size.layers, "B", size.hidden]
        inputs.append(info(name, kind.FLOAT, shape))
        outputs.append(info(f"{name}_out", kind.FLOAT, shape))
        b.nodes.append(onnx.helper.make_node("Identity", [value], [f"{name}_out"]))
    graph = onnx.helper.make_graph(b.nodes, "hfm", inputs, outputs, b.constants)
    domains = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid("ai.onnx.ml", OPSET_TREES)]
    model = onnx.helper.make_model(graph, opset_imports=domains, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


# -------------------------------------------------------------------------------------------------------------- parity
def session_of(data: bytes) -> Run:
    """A function from named inputs to the list of outputs, by ONNX Runtime on one thread."""
    _, runtime = extra()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda inputs: list(session.run(None, inputs))


def inputs_of(x: Float, size: Shape, state: list[Any] | None) -> dict[str, Any]:  # Any: float32 arrays
    """The graph's inputs from rows x [T, B, F + 2] of models.step.row; state None: zeros."""
    named: dict[str, Any] = {
        "x": np.ascontiguousarray(x[..., :-2]), "slot": np.ascontiguousarray(x[..., -2]).astype(np.int64),
        "spread_bps": np.ascontiguousarray(x[..., -1]),
    }  # fmt: skip
    if size.networks:
        empty = np.zeros((size.networks * size.layers, x.shape[1], size.hidden), np.float32)
        named["h"], named["c"] = state or (empty, empty)
    return named


def check(data: bytes, arrays: Arrays, symbol: int, x: Float) -> float:
    """Largest difference from the step over rows x [n, F + 2] with carried state, and over windows of three sequences.

    Relative to max(1, |value|). Raises CheckError above TOLERANCE, or where one is NaN and the other is not.
    """
    run, model = session_of(data), inference.pack(arrays, symbol)
    size, worst = shape_of(model), 0.0
    state, kept = inference.state_new(model), None
    for row in x:
        want = np.empty(len(inference.OUT))
        inference.step(state, row, model, arrays["finish"], want)
        said, *kept = run(inputs_of(row[None, None], size, kept))
        worst = max(worst, _gap(said[0, 0], want, arrays["finish"][2:]))
    length = len(x) // 3
    want = np.empty((length, 3, len(inference.OUT)))
    for k in range(3):
        state = inference.state_new(model)
        for t in range(length):
            inference.step(state, x[k * length + t], model, arrays["finish"], want[t, k])
    windows = np.stack([x[k * length : (k + 1) * length] for k in range(3)], axis=1)
    worst = max(worst, _gap(run(inputs_of(windows, size, None))[0], want, arrays["finish"][2:]))
    if not worst <= TOLERANCE:
        raise CheckError(
            f"the ONNX graph is {worst:.1e} away from the step (limit {TOLERANCE:g})",
            hint="do not use it; report this with the versions that hfm doctor prints",
        )
    return worst


def _gap(said: Float, want: Float, confidences: Float) -> float:
    """Largest difference; a rank may also count those confidences that are as near to the row's as TOLERANCE."""
    if not np.array_equal(np.isnan(said), np.isnan(want)):
        return float("inf")
    gap = np.abs(said - want) / np.maximum(1.0, np.abs(want))
    sure = np.abs(want[..., 0] - 0.5)
    low, high = (np.searchsorted(confidences, sure + sign * TOLERANCE) for sign in (-1, 1))
    gap[..., 2] = np.maximum(gap[..., 2] - (high - low) / max(len(confidences), 1), 0.0)
    return float(np.nanmax(gap, initial=0.0))
