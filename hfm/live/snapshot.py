"""A stream's whole state as bytes, and back: a SHA-256, then safetensors whose metadata say what it belongs to.

Nothing is pickled. A snapshot is of one model, one set of settings, one set of symbols and one source; any other is
refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from hfm.errors import DataError, typed
from hfm.live.stream import Stream

FORMAT = 2


def dump(stream: Stream, identity: Mapping[str, Any]) -> bytes:  # Any: JSON
    """The stream's state. identity: what it belongs to."""
    arrays = {**stream.engine.save(), **stream.order.save(), "gauge": stream.gauge.save()}
    head = {"format": FORMAT, "identity": dict(identity), "fold": stream.engine.fold, "taken": stream.taken}
    body = safetensors.numpy.save(
        {k: np.ascontiguousarray(v) for k, v in arrays.items()}, {"hfm": json.dumps(head, sort_keys=True)}
    )
    return hashlib.sha256(body).digest() + body


def load(data: bytes, stream: Stream, identity: Mapping[str, Any], name: str) -> None:  # Any: JSON
    """Make a new stream what it was when `data` were dumped. Raises DataError where they are damaged or another's."""
    body = data[32:]
    if hashlib.sha256(body).digest() != data[:32]:
        raise DataError(f"{name} is damaged", why="its own SHA-256 does not fit", hint=typed("rm", name))
    size = int.from_bytes(body[:8], "little")
    head = json.loads(json.loads(body[8 : 8 + size])["__metadata__"]["hfm"])
    if head["format"] != FORMAT:
        raise DataError(f"{name} has format {head['format']}, this hfm reads {FORMAT}", hint=typed("rm", name))
    wanted = json.loads(json.dumps(dict(identity)))
    if head["identity"] != wanted:
        other = sorted(k for k in {*wanted, *head["identity"]} if wanted.get(k) != head["identity"].get(k))
        raise DataError(
            f"{name} is the state of another stream: its {other[0]} differs",
            why="a state goes on with the model, settings, symbols and source that it was made with",
            hint=f"{typed('--state', name + '.2')}, or {typed('rm', name)}",
        )
    arrays = safetensors.numpy.load(body)
    stream.engine.load(arrays, head["fold"])
    stream.order.load(arrays["order/place"], arrays["order/holes"])
    stream.gauge.load(arrays["gauge"])
    stream.taken = int(head["taken"])
