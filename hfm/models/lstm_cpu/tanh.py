"""The hyperbolic tangent of float32 in kernels, for one number and for vectors: libm's does not vectorise.

The rational minimax approximation of Eigen (7 odd over 4 even terms, within 3e-7), cut where tanh is 1.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import bare, kernel
from hfm.kernels.simd import Lanes, bounded, fma, same

_TOP = np.float32(7.90531110763549805)
_A1, _A3, _A5 = np.float32(4.89352455891786e-03), np.float32(6.37261928875436e-04), np.float32(1.48572235717979e-05)
_A7, _A9 = np.float32(5.12229709037114e-08), np.float32(-8.60467152213735e-11)
_A11, _A13 = np.float32(2.00018790482477e-13), np.float32(-2.76076847742355e-16)
_B0, _B2 = np.float32(4.89352518554385e-03), np.float32(2.26843463243900e-03)
_B4, _B6 = np.float32(1.18534705686654e-04), np.float32(1.19825839466702e-06)


@kernel
def tanh(x):  # type: ignore[no-untyped-def]  # float32 -> float32, inlined
    """tanh of a float32."""
    x = max(min(x, _TOP), -_TOP)
    s = x * x
    p = x * (_A1 + s * (_A3 + s * (_A5 + s * (_A7 + s * (_A9 + s * (_A11 + s * _A13))))))
    return p / (_B0 + s * (_B2 + s * (_B4 + s * _B6)))


@bare
def tanh_ratio(x: Lanes) -> tuple[Lanes, Lanes]:
    """tanh of each lane as numerator and denominator, which the caller divides, several at once if it can."""
    x = bounded(x, same(_TOP))
    s = x * x
    p = fma(s, fma(s, fma(s, same(_A13), same(_A11)), same(_A9)), same(_A7))
    p = x * fma(s, fma(s, fma(s, p, same(_A5)), same(_A3)), same(_A1))
    return p, fma(s, fma(s, fma(s, same(_B6), same(_B4)), same(_B2)), same(_B0))
