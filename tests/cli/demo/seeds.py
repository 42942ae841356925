"""`python -m tests.cli.demo.seeds [N]`: the two verdicts of the demonstration for the default seed and N - 1 others.

The stages are the real ones, in memory; a verdict is that of a first look at a first configuration (planted) and at a
second one (none), as in a home where nothing else was tried, and without the look-ahead tests.
"""

from __future__ import annotations

import sys
from collections import Counter

from hfm.artifacts import TRIALS
from hfm.cli.demo.markets import MARKETS, SEED, settings
from hfm.report.verdict import judge
from hfm.stage import Record
from hfm.verify.in_memory_run import InMemoryRun


def labels(seed: int) -> tuple[str, ...]:
    """The verdicts on both markets of a seed."""
    out = []
    for rank, market in enumerate(MARKETS, 1):
        run = InMemoryRun(settings(market, seed), {}).through("fetch", "simulate", "train", "backtest")
        out.append(judge(run.table(TRIALS), record=Record(rank=rank, configurations=rank)).label)
    return tuple(out)


def main(count: int) -> None:
    """A line a seed, then how often each pair came out."""
    found: Counter[tuple[str, ...]] = Counter()
    for seed in (SEED, *(seed for seed in range(1, count + 1) if seed != SEED))[:count]:
        pair = labels(seed)
        found[pair] += 1
        print(seed, *pair, sep="\t", flush=True)
    for pair, times in found.most_common():
        print(f"{times} of {count}: {', '.join(f'{m.name} {label}' for m, label in zip(MARKETS, pair, strict=True))}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
