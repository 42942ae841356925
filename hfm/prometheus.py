"""Prometheus' text format: families of samples in, a file's text out, and one writer's families beside another's.

Format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), for node_exporter's textfile collector.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class MetricFamily:
    """One metric: its samples are (labels, value). Of a histogram a label set has `le`, or is named by `__name__`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[Sample]


def histogram(name: str, help: str, borders: Sequence[float], counts: Sequence[int], total: float) -> MetricFamily:
    """A histogram from counts by bucket.

    Parameters
    ----------
    name : of the metric.
    help : its line of help.
    borders : upper borders of the buckets but the last, which has none, ascending.
    counts : observations by bucket, one more than borders.
    total : the sum of all observations.

    Returns
    -------
    MetricFamily
        Its buckets count all observations up to their border, as the format has them.
    """
    running = list(itertools.accumulate(counts))
    edges = [*(f"{b:g}" for b in borders), "+Inf"]
    samples: list[Sample] = [
        ({"__name__": f"{name}_bucket", "le": edge}, float(n)) for edge, n in zip(edges, running, strict=True)
    ]
    samples += [({"__name__": f"{name}_sum"}, total), ({"__name__": f"{name}_count"}, float(running[-1]))]
    return MetricFamily(name, "histogram", help, samples)


def render(families: Sequence[MetricFamily], common: Mapping[str, str]) -> str:
    """The text of all families with at least one sample, each with the `common` labels; a NaN is left out."""
    lines = []
    for family in families:
        samples = [({**common, **labels}, value) for labels, value in family.samples if not math.isnan(value)]
        body = [_sample(family.name, labels, value) for labels, value in samples]
        if body:
            lines += [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}", *body]
    return "".join(f"{line}\n" for line in lines)


def merge(old: str, families: Sequence[MetricFamily], prefix: str, common: Mapping[str, str]) -> str:
    """A file's text with one writer's metrics replaced.

    Parameters
    ----------
    old : the text up to now.
    families : what the writer has to say now.
    prefix : of the names of its metrics: all that begin so go.
    common : labels of all its samples.

    Returns
    -------
    str
    """
    kept, keep = [], True
    # each metric begins with its HELP line
    for line in old.splitlines():
        if line.startswith("# HELP "):
            keep = not line.removeprefix("# HELP ").startswith(prefix)
        if keep:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept) + render(families, common)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{k}="{_escaped(v, quote=True)}"' for k, v in labels.items() if k != "__name__")
    text = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value).removesuffix(".0"))
    return f"{labels.get('__name__', name)}{{{inner}}} {text}" if inner else f"{labels.get('__name__', name)} {text}"


def _escaped(text: str, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
