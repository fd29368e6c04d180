"""A trace of requests replayed fast against a scaling: replicas, waiting requests, dollars.

What decides is written after the two that decide in a cluster, in steps of 15 s:

- Kubernetes' horizontal autoscaler (autoscaling/v2; pkg/controller/podautoscaler, 1.35): the most
  that any figure asks for, a tolerance of a tenth, the least of the up-window's wishes upwards and
  the most of the down-window's downwards, at most so many pods in a period;
- KEDA (2.21): to none where nothing is under way and neither the clock nor the gateway asks for
  one, for the cool-down; to one at once where any of them does.

What is scaled is a fluid: a replica answers up to the rate that the plan sustains, requests above
it wait. A further replica answers after the plan's start, all of which is paid; a node that is no
longer needed is paid for as long as another one would take, which the autoscaler is told to wait.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from r1_on_eks.plan.scaling import ASKED_SECONDS, NODE_SECONDS, POLL_SECONDS, Scaling
from r1_on_eks.stack_config import Hours

STEP = POLL_SECONDS
DAY_STEPS = 24 * 3600 // STEP
_TOLERANCE = 0.1
_NODE_LINGERS_SECONDS = NODE_SECONDS
# Scraped each 30 s, recorded each 30 s: what is decided by is that old.
_SEEN_AFTER = 60 // STEP
_SCRAPE = 30
_MEAN_STEPS = 1800 // STEP
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True)
class Server:
    """What one replica does.

    Attributes:
        rate: Requests per second that it answers within its limits.
        answer_s: Seconds that an answer takes.
        first_token_s: Seconds to its first token, where none waits.
        at_a_time: Requests that it works on at a time.
    """

    rate: float
    answer_s: float
    first_token_s: float
    at_a_time: int


@dataclass(frozen=True, kw_only=True)
class Day:
    """What a replay came to, one entry for each step of 15 s.

    Attributes:
        asked: Requests per second.
        wanted: Replicas that were asked for.
        ready: Replicas that answered.
        paid: Replicas whose place on a node was paid.
        waiting: Requests that waited.
        refused: Requests that found no replica at all, in all.
    """

    asked: tuple[float, ...]
    wanted: tuple[int, ...]
    ready: tuple[int, ...]
    paid: tuple[int, ...]
    waiting: tuple[float, ...]
    refused: float

    @property
    def replica_hours(self) -> float:
        """Hours of replicas that were paid."""
        return sum(self.paid) * STEP / 3600

    def reversals(self, seconds: int) -> int:
        """How often the number of replicas turned back within so many seconds: flapping."""
        changes = [
            (at, after - before)
            for at, (before, after) in enumerate(pairwise(self.wanted), start=1)
            if after != before
        ]
        return sum(
            (one > 0) != (other > 0) and (later - at) * STEP < seconds
            for (at, one), (later, other) in pairwise(changes)
        )


def noisy(rates: Sequence[float], seed: int) -> list[float]:
    """The same rates as requests really come: a Poisson number in each step.

    Args:
        rates: Requests per second, one for each step.
        seed: Of the random numbers; the same one gives the same trace.
    """
    chance = random.Random(seed)
    return [_poisson(rate * STEP, chance) / STEP for rate in rates]


def _poisson(mean: float, chance: random.Random) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    count, left = 0, math.exp(-mean)
    product = chance.random()
    while product > left:
        count += 1
        product *= chance.random()
    return count


def replay(
    rates: Sequence[float], scaling: Scaling, server: Server, begin: datetime | None = None
) -> Day:
    """Replays rates against a scaling.

    Args:
        rates: Requests per second, one for each step of 15 s.
        scaling: How replicas follow.
        server: What each of them does.
        begin: When the trace begins, with a time zone; a Monday's midnight in the zone of its
            hours, if not said.
    """
    return _Replay(scaling, server, begin or _monday(scaling.hours)).run(rates)


def _monday(hours: Hours | None) -> datetime:
    return datetime(2026, 11, 23, tzinfo=ZoneInfo(hours.zone if hours else "UTC"))


class _Replay:
    def __init__(self, scaling: Scaling, server: Server, begin: datetime) -> None:
        self._scaling, self._server, self._begin = scaling, server, begin
        self._floor = _floor_of(scaling)
        self._wanted = max(scaling.least, self._floor(begin))
        # When each replica that stands began to answer, or will.
        self._ready_at = [0] * self._wanted
        self._lingering: deque[int] = deque()
        self._queue = self._refused = 0.0
        self._under_way = deque(
            [0.0] * _SEEN_AFTER, maxlen=_SEEN_AFTER + scaling.mean_seconds // STEP
        )
        self._begun: deque[float] = deque(maxlen=math.ceil(server.answer_s / STEP) - 1)
        self._first_tokens: deque[float] = deque(maxlen=_MEAN_STEPS)
        self._wishes: deque[int] = deque(maxlen=-(-_longest(scaling) // STEP) + 1)
        self._ended_at: deque[int] = deque()
        self._active_at = 0
        self._asked: deque[float] = deque(maxlen=ASKED_SECONDS // STEP)

    def run(self, rates: Sequence[float]) -> Day:
        rows = [self._step(at, rate) for at, rate in enumerate(rates)]
        wanted, ready, paid, waiting = zip(*rows, strict=True)
        return Day(
            asked=tuple(rates),
            wanted=wanted,
            ready=ready,
            paid=paid,
            waiting=waiting,
            refused=self._refused,
        )

    def _step(self, at: int, rate: float) -> tuple[int, int, int, float]:
        ready = sum(one <= at for one in self._ready_at)
        self._asked.append(rate)
        self._serve(rate, ready)
        self._decide(at, ready)
        while self._lingering and self._lingering[0] <= at:
            self._lingering.popleft()
        return self._wanted, ready, len(self._ready_at) + len(self._lingering), self._queue

    def _serve(self, rate: float, ready: int) -> None:
        server = self._server
        if not ready:
            # The gateway answers 503 at once: nothing waits for a replica that isn't there.
            self._refused += (rate + self._queue / STEP) * STEP
            self._queue = 0.0
            self._begun.clear()
            self._under_way.append(0.0)
            return
        most = ready * server.rate
        came = self._queue + rate * STEP
        # An answer that began is under way for its whole time, with other replicas or fewer.
        before = sum(self._begun)
        room = max(0.0, ready * server.at_a_time - before)
        # Of those that begin now, so many are under way at a time: an answer may be shorter.
        part = server.answer_s / STEP - (self._begun.maxlen or 0)
        begun = min(came, most * STEP, room / part)
        self._begun.append(begun)
        self._queue = came - begun
        self._under_way.append(before + begun * part + self._queue)
        self._first_tokens.append(server.first_token_s + self._queue / most)

    def _decide(self, at: int, ready: int) -> None:
        scaling = self._scaling
        floor = self._floor(self._begin + timedelta(seconds=at * STEP))
        if scaling.wakes and any(list(self._asked)[: -(_SCRAPE // STEP)]):
            floor = max(floor, 1)
        known = list(self._under_way)[:-_SEEN_AFTER] or [0.0]
        seen = sum(known) / len(known)
        if seen > 0 or floor > 0:
            self._active_at = at
        if self._wanted == 0:
            if floor:
                self._grow(at, floor)
            return
        if scaling.least == 0 and (at - self._active_at) * STEP >= scaling.down_seconds:
            self._shrink(at, 0)
            return
        wish = max(floor, self._by_load(seen), self._by_first_token(ready), scaling.least, 1)
        self._wishes.append(min(wish, scaling.most))
        self._move(at)

    def _by_load(self, seen: float) -> int:
        return _within(self._wanted, seen / self._scaling.under_way)

    def _by_first_token(self, ready: int) -> int:
        if not self._first_tokens or not ready:
            return 0
        mean = sum(self._first_tokens) / len(self._first_tokens)
        ratio = mean / self._scaling.first_token_s
        return self._wanted if abs(ratio - 1) <= _TOLERANCE else math.ceil(ratio * ready)

    def _move(self, at: int) -> None:
        scaling, wishes = self._scaling, list(self._wishes)
        up = min(wishes[-(scaling.up_seconds // STEP + 1) :])
        down = max(wishes[-(scaling.down_seconds // STEP + 1) :])
        if up > self._wanted:
            self._grow(at, up)
        elif down < self._wanted:
            since = at - scaling.down_period_seconds // STEP
            while self._ended_at and self._ended_at[0] <= since:
                self._ended_at.popleft()
            if not self._ended_at:
                self._shrink(at, self._wanted - 1)

    def _grow(self, at: int, to: int) -> None:
        starts = self._scaling.start_seconds // STEP
        self._ready_at += [at + starts] * (to - self._wanted)
        self._wanted = to

    def _shrink(self, at: int, to: int) -> None:
        for _ in range(self._wanted - to):
            # Kubernetes ends pods first that are not ready.
            self._ready_at.remove(max(self._ready_at))
            self._lingering.append(at + _NODE_LINGERS_SECONDS // STEP)
            self._ended_at.append(at)
        self._wanted = to


def _within(now: int, wish: float) -> int:
    return now if abs(wish / now - 1) <= _TOLERANCE else math.ceil(wish)


def _longest(scaling: Scaling) -> int:
    return max(scaling.up_seconds, scaling.down_seconds)


def _floor_of(scaling: Scaling) -> Callable[[datetime], int]:
    hours = scaling.hours
    if hours is None:
        return lambda _: 0
    zone = ZoneInfo(hours.zone)
    first, _, last = hours.days.partition("-")
    days = range(_WEEK.index(first), _WEEK.index(last or first) + 1)

    def floor(now: datetime) -> int:
        there = now.astimezone(zone)
        inside = hours.start <= there.strftime("%H:%M") < hours.end
        return hours.replicas if inside and there.weekday() in days else 0

    return floor
