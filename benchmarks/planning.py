"""How long the janitor plans, alone, beside decoding the listing that it plans from.

    pytest -o addopts= --import-mode=importlib --benchmark-disable-gc benchmarks/planning.py

with pytest-benchmark, of the dependency group ``bench``; `python -m benchmarks` makes a table of it. Nothing here fails
for being slow.
"""

import json
from typing import Any

import pytest
from attrs import evolve

from benchmarks.listing import NOW, rows
from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import SEED
from harvestmouse.core.wire.qbittorrent import parse_torrents

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
# A longer listing is decoded in pieces: as one text, and as objects, a million torrents are many gigabytes.
_AT_ONCE = 10_000
_rounds = {1_000_000: 3}


def _snapshot(count: int) -> Snapshot:
    kinds, _ = parse_torrents(rows(min(count, 1000)))
    torrents = (evolve(kinds[number % len(kinds)], hash=f"{number:040x}") for number in range(count))
    return Snapshot(taken_at=NOW, torrents=tuple(torrents))


@pytest.mark.parametrize("count", COUNTS)
def test_plan(benchmark: Any, count: int) -> None:
    """Every torrent has its decision."""
    plan = benchmark.pedantic(plan_cleanup, (_snapshot(count), SEED), rounds=_rounds.get(count, 7), warmup_rounds=1)
    assert len(plan.decisions) == count


@pytest.mark.parametrize("count", COUNTS)
def test_decode(benchmark: Any, count: int) -> None:
    """The least that any program does with the listing."""
    text = json.dumps(list(rows(min(count, _AT_ONCE))))

    def decode() -> int:
        return sum(len(json.loads(text)) for _ in range(max(1, count // _AT_ONCE)))

    assert benchmark.pedantic(decode, rounds=_rounds.get(count, 7), warmup_rounds=1) == count
