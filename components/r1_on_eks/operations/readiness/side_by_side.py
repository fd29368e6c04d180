"""Questions asked at the same time, with one end for all."""

import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

_Answer = TypeVar("_Answer")


def side_by_side(
    questions: Sequence[Callable[[], _Answer]],
    ends: float,
    waiting: Callable[[Collection[int]], None] = lambda _: None,
) -> list[_Answer | None]:
    """The answers, in the order of the questions; None for what has none in time.

    Args:
        questions: They raise nothing.
        ends: When nobody waits any longer, by `time.monotonic()`.
        waiting: Hears the numbers of those that have not answered yet.
    """
    answers: queue.Queue[tuple[int, _Answer]] = queue.Queue()

    def ask(number: int) -> None:
        answers.put((number, questions[number]()))

    open_ones = set(range(len(questions)))
    for number in sorted(open_ones):
        # Daemons: a name that is looked up for minutes keeps nobody waiting at the end.
        threading.Thread(target=ask, args=(number,), daemon=True).start()
    found: dict[int, _Answer] = {}
    while open_ones:
        waiting(open_ones)
        try:
            number, answer = answers.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        found[number] = answer
        open_ones.remove(number)
    return [found.get(number) for number in range(len(questions))]
