"""A stream's state as bytes, and back: a SHA-256, then safetensors whose metadata name what it belongs to.

Nothing is pickled. A snapshot is of one model, one set of settings, one set of symbols and one source; any other is
refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from hfm.errors import DataError, typed
from hfm.live import row_step
from hfm.live.stream import Stream

FORMAT = 3
"""Of what stands in the file; the digest of the records in it stands behind it."""


def _format(stream: Stream) -> str:
    """The format with a digest of all records: state of records with other fields is refused."""
    dtypes = [str(stream.node.memory.views[name].dtype) for name in row_step.STATE]
    return f"{FORMAT}.{hashlib.sha256(json.dumps(dtypes).encode()).hexdigest()[:8]}"


def dump(stream: Stream, identity: Mapping[str, Any]) -> bytes:  # Any: JSON
    """The stream's state as bytes. identity: what it belongs to."""
    arrays = {**stream.node.save(), **stream.sequence.save(), "monitor": stream.monitor.save()}
    head = {"format": _format(stream), "identity": dict(identity), "fit": stream.node.fit, "taken": stream.taken}
    body = safetensors.numpy.save(
        {k: np.ascontiguousarray(v) for k, v in arrays.items()}, {"hfm": json.dumps(head, sort_keys=True)}
    )
    return hashlib.sha256(body).digest() + body


def load(data: bytes, stream: Stream, identity: Mapping[str, Any], name: str) -> None:  # Any: JSON
    """Make a new stream what it was when the state was dumped.

    Parameters
    ----------
    data : bytes
        Of `dump`.
    stream : Stream
        New; changed in place.
    identity : mapping of str to JSON
        What the state must belong to.
    name : str
        Of the file, for messages.

    Raises
    ------
    DataError
        Where the bytes are damaged, of another format or of another stream.
    """
    body = data[32:]
    if hashlib.sha256(body).digest() != data[:32]:
        raise DataError(f"{name} is damaged", why="its own SHA-256 does not fit", hint=typed("rm", name))
    size = int.from_bytes(body[:8], "little")
    head = json.loads(json.loads(body[8 : 8 + size])["__metadata__"]["hfm"])
    if head["format"] != _format(stream):
        reads = f"this hfm reads {_format(stream)}"
        raise DataError(f"{name} has format {head['format']}, {reads}", hint=typed("rm", name))
    wanted = json.loads(json.dumps(dict(identity)))
    if head["identity"] != wanted:
        other = sorted(k for k in {*wanted, *head["identity"]} if wanted.get(k) != head["identity"].get(k))
        raise DataError(
            f"{name} is the state of another stream: its {other[0]} differs",
            why="a state goes on with the model, settings, symbols and source that it was made with",
            hint=f"{typed('--state', name + '.2')}, or {typed('rm', name)}",
        )
    arrays = safetensors.numpy.load(body)
    stream.node.load(arrays, head["fit"])
    stream.sequence.load(arrays["sequence/newest"], arrays["sequence/holes"])
    stream.monitor.load(arrays["monitor"])
    stream.taken = int(head["taken"])
