"""The model's step as an ONNX graph: raw features in, inference.FORECAST_COLUMNS out, state in and out.

Scaler, floors, networks, gates and calibration are all inside; the features are hfm's own step. Axes: T rows of a
session in order, B sequences side by side, F features, K networks of L layers of H units. T = B = 1 is the step.
Networks run in float32 and all else in float64, as in the step. onnx and onnxruntime come with the extra `onnx`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from hfm.errors import CheckError, ConfigError
from hfm.models import inference
from hfm.models.heads import CORRECTIONS, Z_HIGH, corrected_row
from hfm.models.inference import FORECAST, FORECAST_COLUMNS, Calibration, calibration
from hfm.models.packed_model import PackedModel, pack
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


class GraphValue(NDArrayOperatorsMixin):
    """A value of the graph [T, B, 1] float64 that arithmetic with numbers and nodes extends: NumPy's names, ONNX nodes.

    So the graph is built by the kernels' own plain functions, such as heads.corrected_row.py_func.
    """

    _KINDS: ClassVar[dict[str, str]] = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "exp": "Exp"}

    def __init__(self, builder: _Builder, name: str) -> None:
        self._builder, self.name = builder, name

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any) -> GraphValue:  # Any: nodes and numbers
        """The node of a NumPy function of nodes."""
        names = [i.name if isinstance(i, GraphValue) else float(i) for i in inputs]
        return GraphValue(self._builder, self._builder.op(self._KINDS[ufunc.__name__], *names))


def build(arrays: Arrays, symbol: int) -> bytes:
    """The ONNX model of one symbol (number in the checkpoint; -1: the pooled scaler), checked by onnx.

    Inputs x [T, B, F] float64, slot [T, B] int64, spread_bps [T, B] float64, with networks h, c [K L, B, H] float32;
    outputs said [T, B, 8] float64 (NaN in rows with a feature that is not finite), and h_out, c_out.

    Returns
    -------
    bytes
        A serialised ModelProto.
    """
    onnx, _ = extra()
    b, model = _Builder(onnx), pack(arrays, symbol)
    size, scaler = model.constants[0], model.features
    zeros = b.op("Equal", b.op("Sub", "x", "x"), 0.0)  # false where x is not finite
    fine = b.cast(b.op("ReduceMin", b.cast(zeros, "FLOAT"), axes=[-1], keepdims=1), "BOOL")
    z = b.op("Mul", b.op("Sub", "x", scaler["centre"]), scaler["factor"])
    z = b.op("Where", fine, b.op("Clip", z, -inference.CLIP, inference.CLIP), 0.0)
    delta, state = _networks(b, arrays, size, z) if size.networks else (b.constant(np.zeros(len(CORRECTIONS))), [])
    forecast = _finish(b, _heads(b, model, z, delta), calibration.py_func(arrays["finish"]))
    forecast = b.op("Where", fine, forecast, float("nan"))
    return _serialised(b, len(scaler), size, forecast, len(FORECAST_COLUMNS), state)


def network(arrays: Arrays) -> bytes:
    """The networks alone, for the bench: x [T, B, F] are standardised features, said [T, B, 5] the corrections."""
    onnx, _ = extra()
    b, model = _Builder(onnx), pack(arrays, 0)
    size = model.constants[0]
    delta, state = _networks(b, arrays, size, "x")
    return _serialised(b, len(model.features), size, delta, len(CORRECTIONS), state)


def _networks(b: _Builder, arrays: Arrays, size: np.record, z: str) -> tuple[str, list[str]]:
    """(mean of the networks' corrections [T, B, 5], [h_out, c_out])."""
    inputs = b.op("Slice", z, np.array([0]), np.array([size.inputs]), np.array([2]))
    single, total = b.cast(inputs, "FLOAT"), ""
    ends: tuple[list[str], list[str]] = ([], [])
    for s in range(size.networks):
        x = single
        for layer in range(size.layers):
            at = s * size.layers + layer
            begin = [b.op("Slice", name, np.array([at]), np.array([at + 1]), np.array([0])) for name in ("h", "c")]
            hidden = int(size.hidden)
            weights = [_gates(arrays[f"seed{s}/l{layer}/{part}"].T, hidden)[None] for part in ("ih", "hh")]
            bias = _gates(arrays[f"seed{s}/l{layer}/b"][:, None], hidden)[:, 0]
            bias = np.concatenate([bias, np.zeros_like(bias)])[None]
            y, h, c = b.op("LSTM", x, *weights, bias, "", *begin, results=3, hidden_size=hidden)
            ends[0].append(h)
            ends[1].append(c)
            x = b.op("Squeeze", y, np.array([1]))
        w, c0 = (arrays[f"seed{s}/head/{part}"].astype(np.float64) for part in ("w", "b"))
        corrections = b.op("Add", b.op("MatMul", b.cast(x, "DOUBLE"), w), c0)
        total = b.op("Add", total, corrections) if total else corrections
    return b.op("Div", total, float(size.networks)), [b.op("Concat", *part, axis=0) for part in ends]


def _gates(rows: Any, hidden: int) -> Any:  # Any: float32 arrays
    """[4H, n] with its blocks of H rows in ONNX' order."""
    return np.ascontiguousarray(np.concatenate([rows[g * hidden : (g + 1) * hidden] for g in _GATES]))


def _heads(b: _Builder, model: PackedModel, z: str, delta: str) -> list[str]:
    """HEADS, each [T, B, 1]: inference.row, with corrected_row itself."""
    constants, slots = model.constants[0], model.slots
    place = b.op("Clip", "slot", np.int64(0), np.int64(len(slots) - 1))

    def linear(task: str) -> str:
        out: str = b.op("MatMul", z, np.ascontiguousarray(model.features[task])[:, None])
        return out

    def levelled(task: str) -> str:
        level = b.op("Unsqueeze", b.op("Gather", np.ascontiguousarray(slots[task]), place), np.array([-1]))
        out: str = b.op("Add", linear(task), level)
        return out

    share = float(constants.head.tree_share)
    logit = b.op("Add", linear("direction"), float(constants.intercept))
    if share > 0:
        grown = b.op("Mul", _trees(b, model, z, place), share)
        logit = b.op("Add", b.op("Mul", logit, 1.0 - share), grown)
    single = [b.op("Slice", delta, np.array([q]), np.array([q + 1]), np.array([-1])) for q in range(len(CORRECTIONS))]
    sums = (GraphValue(b, name) for name in (logit, levelled("volatility"), levelled("spread")))
    nodes = corrected_row.py_func(*sums, [GraphValue(b, name) for name in single], constants.head)
    return [node.name for node in nodes]


def _trees(b: _Builder, model: PackedModel, z: str, place: str) -> str:
    """The logit [T, B, 1] of boosted trees: compared in float64, summed to float32."""
    nodes, roots = model.nodes, model.roots
    tree = np.repeat(np.arange(len(roots)), np.diff(np.append(roots, len(nodes))))
    number, leaf = np.arange(len(nodes)) - roots[tree], nodes["feature"] < 0
    yes, no = (np.where(leaf, 0, nodes[side] - roots[tree]) for side in ("left", "right"))
    slot = b.op("Unsqueeze", place, np.array([-1]))
    x = b.op("Concat", z, b.cast(slot, "DOUBLE"), axis=-1)
    rows = b.op("Flatten", x, axis=2)
    total = b.op(
        "TreeEnsembleRegressor", rows, domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        nodes_treeids=tree, nodes_nodeids=number, nodes_featureids=np.where(leaf, 0, nodes["feature"]),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(), nodes_truenodeids=yes, nodes_falsenodeids=no,
        nodes_values_as_tensor=b.tensor(np.ascontiguousarray(nodes["threshold"])), target_treeids=tree[leaf],
        target_nodeids=number[leaf], target_ids=np.zeros(leaf.sum(), np.int64),
        target_weights_as_tensor=b.tensor(nodes["leaf"][leaf]),
        base_values_as_tensor=b.tensor(np.ascontiguousarray(model.constants["tree_base"])),
    )  # fmt: skip
    out: str = b.op("Reshape", b.cast(total, "DOUBLE"), b.op("Shape", slot))
    return out


def _finish(b: _Builder, head: list[str], final: Calibration) -> str:
    """[T, B, 8] FORECAST_COLUMNS of HEADS; the arithmetic of inference.finish_row."""
    logit, log_vol, low, median, high = head
    raw = b.op("Sigmoid", logit)
    p_up = b.op("Sigmoid", b.op("Mul", logit, float(final.inverse_temperature)))
    confidence = b.op("Abs", b.op("Sub", p_up, 0.5))
    below = b.cast(b.op("Less", final.confidences, confidence), "DOUBLE")
    rank = b.op("Div", b.op("ReduceSum", below, np.array([-1]), keepdims=1), float(max(len(final.confidences), 1)))
    sd = b.op("Mul", b.op("Exp", log_vol), float(final.ret_sd))
    spread = [b.op("Exp", quantile) for quantile in (low, median, high)]
    now = b.op("Log", b.op("Unsqueeze", "spread_bps", np.array([-1])))
    wide = b.op("Greater", now, median)
    width = b.op("Where", wide, b.op("Sub", high, median), b.op("Sub", median, low))
    score = b.op("Div", b.op("Sub", now, median), b.op("Max", width, 1e-12))
    tail = b.cast(b.op("Mul", score, Z_HIGH / np.sqrt(2.0)), "FLOAT")
    widen = b.op("Mul", b.op("Sub", 1.0, b.cast(b.op("Erf", tail), "DOUBLE")), 0.5)
    out: str = b.op("Concat", p_up, raw, rank, sd, *spread, widen, axis=-1)
    return out


def _serialised(b: _Builder, features: int, size: np.record, result: str, width: int, state: list[str]) -> bytes:
    """The model of a graph with the output `result` [T, B, width] and, of networks, a state, checked by onnx."""
    onnx, _ = extra()
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto
    inputs = [info("x", kind.DOUBLE, ["T", "B", features]), info("slot", kind.INT64, ["T", "B"]),
              info("spread_bps", kind.DOUBLE, ["T", "B"])]  # fmt: skip
    outputs = [info("said", kind.DOUBLE, ["T", "B", width])]
    b.nodes.append(onnx.helper.make_node("Identity", [result], ["said"]))
    for name, value in zip(("h", "c"), state, strict=False):
        shape = [int(size.networks * size.layers), "B", int(size.hidden)]
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


def inputs_of(x: Float, model: PackedModel, state: list[Any] | None) -> dict[str, Any]:  # Any: float32 arrays
    """The graph's inputs.

    Parameters
    ----------
    x : float64 [T, B, F + 2]
        Raw features, clock slot, quoted spread in bps.
    model : PackedModel
        Whose graph it is.
    state : list of float32 [K L, B, H], optional
        h and c; zeros by default.

    Returns
    -------
    arrays by name
    """
    size = model.constants[0]
    named: dict[str, Any] = {
        "x": np.ascontiguousarray(x[..., :-2]), "slot": np.ascontiguousarray(x[..., -2]).astype(np.int64),
        "spread_bps": np.ascontiguousarray(x[..., -1]),
    }  # fmt: skip
    if size.networks:
        empty = np.zeros((size.networks * size.layers, x.shape[1], size.hidden), np.float32)
        named["h"], named["c"] = state or (empty, empty)
    return named


def check(data: bytes, arrays: Arrays, symbol: int, x: Float) -> float:
    """Largest difference from the step, with carried state and over windows of three sequences.

    Parameters
    ----------
    data : bytes
        The graph, by `build`.
    arrays : Arrays
        The fit that it is of.
    symbol : int
        As for `build`.
    x : float64 [n, F + 2]
        Rows in order: features, clock slot, quoted spread in bps; NaN where not known.

    Returns
    -------
    float
        Relative to max(1, |value|).

    Raises
    ------
    CheckError
        Above TOLERANCE, and where one is NaN and the other is not.
    """
    run, model, final = session_of(data), pack(arrays, symbol), calibration.py_func(arrays["finish"])
    # 1. row by row, with the state that the graph gave of the row before
    worst = 0.0
    kept: list[Any] | None = None
    for row, want in zip(x, _expected(x, model, final), strict=True):
        found, *kept = run(inputs_of(row[None, None], model, kept))
        worst = max(worst, _gap(found[0, 0], want, final.confidences))
    # 2. three sequences at once, each from its beginning
    length = len(x) // 3
    windows = [x[k * length : (k + 1) * length] for k in range(3)]
    together = run(inputs_of(np.stack(windows, axis=1), model, None))[0]
    want = np.stack([_expected(rows, model, final) for rows in windows], axis=1)
    worst = max(worst, _gap(together, want, final.confidences))
    if not worst <= TOLERANCE:
        raise CheckError(
            f"the ONNX graph is {worst:.1e} away from the step (limit {TOLERANCE:g})",
            hint="do not use it; report this with the versions that hfm doctor prints",
        )
    return worst


def _expected(rows: Float, model: PackedModel, final: Calibration) -> Float:
    """[T, 8] what the step gives of a sequence [T, F + 2] from its beginning."""
    out, state = np.empty(len(rows), FORECAST), inference.state_new(model)
    for row, forecast in zip(rows, out, strict=True):
        inference.step(state, row[:-2], int(row[-2]), float(row[-1]), model, final, forecast)
    return np.column_stack([out[name] for name in FORECAST_COLUMNS])


def _gap(found: Float, want: Float, confidences: Float) -> float:
    """Largest difference; a rank may also count those confidences that are as near to the row's as TOLERANCE."""
    if not np.array_equal(np.isnan(found), np.isnan(want)):
        return float("inf")
    gap = np.abs(found - want) / np.maximum(1.0, np.abs(want))
    p_up, rank = (FORECAST_COLUMNS.index(name) for name in ("p_up", "conf_rank"))
    confidence = np.abs(want[..., p_up] - 0.5)
    low, high = (np.searchsorted(confidences, confidence + sign * TOLERANCE) for sign in (-1, 1))
    gap[..., rank] = np.maximum(gap[..., rank] - (high - low) / max(len(confidences), 1), 0.0)
    return float(np.nanmax(gap, initial=0.0))
