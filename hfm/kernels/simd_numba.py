"""What the compiler makes of hfm.kernels.simd: LLVM's vectors, and its functions of them.

`jit` imports it where a kernel uses hfm.kernels.simd.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import create_struct_proxy
from numba.extending import lower_builtin, models, register_model, type_callable

from hfm.kernels.cpu import FUSED, LANES
from hfm.kernels.simd import bounded, fma, load, prefetch, same, spread, store, total

Maker = Callable[..., Any]  # Any: values of llvmlite, which has no types
_WIDE = ir.VectorType(ir.FloatType(), LANES)


class Vector(types.Type):
    """numba's type of hfm.kernels.simd.Lanes."""

    def __init__(self) -> None:
        super().__init__(name=f"vector of {LANES} float32")


VECTOR = Vector()


@register_model(Vector)
class _Register(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:  # Any: numba's own
        super().__init__(manager, kind, _WIDE)  # type: ignore[no-untyped-call]  # numba's own


def _plain(array: types.Array) -> bool:
    return bool(array.layout == "C" and array.dtype == types.float32)


def _made(
    function: Callable[..., object],
    takes: tuple[Any, ...],
    gives: types.Type,
    make: Maker,
    fit: Callable[[types.Array], bool] = _plain,
) -> None:
    """Tell numba that function(*takes) gives `gives`, and how: make(builder, *values), an array by its first number.

    An array that does not `fit` is refused when a kernel is compiled for it.
    """

    def typed(context: Any) -> Any:  # Any: numba's own
        def fitting(*given: Any) -> Any:  # Any: numba's own
            fits = len(given) == len(takes) and all(
                isinstance(g, t) and (not isinstance(g, types.Array) or fit(g))
                for g, t in zip(given, takes, strict=True)
            )
            return gives if fits else None

        fitting.__signature__ = Signature(  # type: ignore[attr-defined]  # numba asks it how many there are
            [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in "abc"[: len(takes)]]
        )
        return fitting

    def _lowered(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # Any: numba's and llvmlite's own
        plain = [
            create_struct_proxy(kind)(context, builder, value).data  # type: ignore[no-untyped-call]  # numba's own
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        made = make(builder, *plain)
        return context.get_dummy_value() if made is None else made

    type_callable(function)(typed)
    lower_builtin(function, *takes)(_lowered)  # type: ignore[no-untyped-call]  # numba's own


def _at(builder: Any, start: Any, at: Any) -> Any:  # Any: llvmlite's
    return builder.bitcast(builder.gep(start, [at]), _WIDE.as_pointer())


def _load(builder: Any, start: Any, at: Any) -> Any:  # Any: llvmlite's
    return builder.load(_at(builder, start, at), align=4)


def _store(builder: Any, start: Any, at: Any, value: Any) -> None:  # Any: llvmlite's
    builder.store(value, _at(builder, start, at), align=4)


def _same(builder: Any, number: Any) -> Any:  # Any: llvmlite's
    one = builder.insert_element(ir.Constant(_WIDE, ir.Undefined), number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
    return builder.shuffle_vector(one, ir.Constant(_WIDE, ir.Undefined), zeros)


def _spread(builder: Any, start: Any, at: Any) -> Any:  # Any: llvmlite's
    return _same(builder, builder.load(builder.gep(start, [at])))


def _declared(module: Any, kind: Any, name: str) -> Any:  # Any: llvmlite's
    """The function of LLVM's called `name` in a module, declared there once."""
    return module.globals[name] if name in module.globals else ir.Function(module, kind, name)


def _own(builder: Any, name: str, gives: Any, *values: Any, freely: bool = False) -> Any:  # Any: llvmlite's
    """LLVM's own function of vectors called `name`; freely: in whatever order of sums is fast."""
    kind = ir.FunctionType(gives, [value.type for value in values])
    function = _declared(builder.module, kind, f"llvm.{name}.v{LANES}f32")
    return builder.call(function, values, fastmath=("reassoc",) if freely else ())


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:  # Any: llvmlite's
    if not FUSED:  # LLVM would call libm's for each lane, seventy times slower
        return builder.fadd(builder.fmul(a, b), c)
    return _own(builder, "fma", _WIDE, a, b, c)


def _bounded(builder: Any, value: Any, most: Any) -> Any:  # Any: llvmlite's
    least = builder.fneg(most)
    value = builder.select(builder.fcmp_ordered("<", most, value), most, value)
    return builder.select(builder.fcmp_ordered(">", least, value), least, value)


def _total(builder: Any, value: Any) -> Any:  # Any: llvmlite's
    zero = ir.Constant(ir.FloatType(), 0.0)
    return _own(builder, "vector.reduce.fadd", ir.FloatType(), zero, value, freely=True)


def _prefetch(builder: Any, start: Any, at: Any) -> None:  # Any: llvmlite's
    number, place = ir.IntType(32), builder.bitcast(builder.gep(start, [at]), ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
    function = _declared(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [place, number(0), number(3), number(1)])  # to read, to stay, data


_made(load, (types.Array, types.Integer), VECTOR, _load)
_made(store, (types.Array, types.Integer, Vector), types.none, _store, lambda a: _plain(a) and a.mutable)
_made(spread, (types.Array, types.Integer), VECTOR, _spread)
_made(same, (types.Float,), VECTOR, _same)
_made(fma, (Vector,) * 3, VECTOR, _fma)
_made(bounded, (Vector,) * 2, VECTOR, _bounded)
_made(total, (Vector,), types.float32, _total)
_made(prefetch, (types.Array, types.Integer), types.none, _prefetch, lambda a: True)
_made(operator.add, (Vector,) * 2, VECTOR, lambda builder, a, b: builder.fadd(a, b))
_made(operator.sub, (Vector,) * 2, VECTOR, lambda builder, a, b: builder.fsub(a, b))
_made(operator.mul, (Vector,) * 2, VECTOR, lambda builder, a, b: builder.fmul(a, b))
_made(operator.truediv, (Vector,) * 2, VECTOR, lambda builder, a, b: builder.fdiv(a, b))
