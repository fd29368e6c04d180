"""Traces of requests over a day: an example, or a file of somebody's own."""

import csv
from pathlib import Path

from r1_on_eks.planning.replay import DAY_STEPS, STEP

# Hourly, as parts of the busiest hour: an office's working day. Made up, and said so where it is
# used; what is decided about money should be decided by a trace of one's own.
EXAMPLE = (
    0.04, 0.03, 0.03, 0.03, 0.04, 0.06, 0.12, 0.30, 0.62, 0.88, 1.00, 0.95,
    0.70, 0.82, 0.97, 0.93, 0.80, 0.58, 0.36, 0.22, 0.16, 0.12, 0.08, 0.05,
)  # fmt: skip
_HOUR = 3600
# Requests a second; more are a mistake, and no number of replicas.
_MOST = 1e6


class WrongTrace(ValueError):
    """A file is no trace; the message names line and value and what would work."""


def example(rate: float) -> list[float]:
    """Requests per second in steps of 15 s, at most `rate`."""
    return _between([(hour * _HOUR, part * rate) for hour, part in enumerate(EXAMPLE)])


def read(path: Path) -> list[float]:
    """Reads `HH:MM,requests per second` lines; between them rates are on a straight line.

    Raises:
        WrongTrace: it can't be read, or a line is wrong.
    """
    try:
        # Spreadsheets write a mark before the first line.
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongTrace(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}") from None
    points = [
        _point(path, number, row)
        for number, row in enumerate(rows, start=1)
        if row and not row[0].startswith("#")
    ]
    if len(points) < 2:
        raise WrongTrace(f"{path}: has {len(points)} points; write lines such as 08:30,0.4")
    if [when for when, _ in points] != sorted({when for when, _ in points}):
        raise WrongTrace(f"{path}: its times must rise, each once; sort the lines")
    return _between(points)


def _point(path: Path, number: int, row: list[str]) -> tuple[float, float]:
    try:
        clock, rate = row
        hours, minutes = (int(part) for part in clock.strip().split(":"))
        when = hours * _HOUR + minutes * 60 if 0 <= minutes < 60 else -1
        value = float(rate)
    except ValueError:
        when, value = -1, -1.0
    if not (0 <= when < 24 * _HOUR and 0 <= value <= _MOST):
        raise WrongTrace(
            f"{path}, line {number}: {','.join(row)}; write HH:MM,requests a second, as 08:30,0.4"
        )
    return float(when), value


def _between(points: list[tuple[float, float]]) -> list[float]:
    """One rate for each step; the last point leads to the first of the next day."""
    first, last = points[0], points[-1]
    day = 24.0 * _HOUR
    around = [(last[0] - day, last[1]), *points, (first[0] + day, first[1])]
    rates, at = [], 0
    for step in range(DAY_STEPS):
        now = step * STEP
        while around[at + 1][0] <= now:
            at += 1
        (begin, low), (end, high) = around[at], around[at + 1]
        rates.append(low + (high - low) * (now - begin) / (end - begin))
    return rates
