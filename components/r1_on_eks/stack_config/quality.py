"""What of a model's answers is checked, how often, and what may be lost."""

import re
from calendar import monthrange
from collections import Counter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from r1_on_eks.stack_config.section import Section, pattern
from r1_on_eks.stack_config.variant import VariantName

_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_LEAP_YEAR = 2028
# Minute, hour, day of the month, month, day of the week; names as Kubernetes takes them.
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


def _schedule(value: str) -> str:
    parts = value.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError('is no cron schedule of five fields; write "0 3 * * 0", Sundays at 03:00')
    for part, (name, least, most, words) in zip(parts, _FIELDS, strict=True):
        numbers = {word: str(number) for number, word in enumerate(words, least)}
        for one in part.split(","):
            found = re.fullmatch(r"(\*|([a-z0-9]+)(-([a-z0-9]+))?)(/([1-9]\d?))?", one)
            said = (
                [numbers.get(text, text) for text in (found[2], found[4]) if text] if found else []
            )
            inside = all(text.isdigit() and least <= int(text) <= most for text in said)
            if not found or not inside or sorted(map(int, said)) != [*map(int, said)]:
                raise ValueError(f'has {one} as its {name}, which goes from {least} to {most};'
                                 ' write "0 3 * * 0", Sundays at 03:00')  # fmt: skip
    return value


def _comes(value: str) -> str:
    """Where months are listed one of them has the day, or a weekday is named as well."""
    _, _, days, months, weekdays = value.lower().split()
    listed = re.findall(r"\w+", months)
    if weekdays == "*" and not re.search(r"[*/-]", months + days):
        longest = max(
            monthrange(_LEAP_YEAR, int(one) if one.isdigit() else _MONTHS.index(one) + 1)[1]
            for one in listed
        )
        if min(map(int, days.split(","))) > longest:
            raise ValueError(f'never comes: {months} has no day {days}; write "0 3 * * 0",'
                             " Sundays at 03:00")  # fmt: skip
    return value


_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"


class CheckedTask(Section):
    """One figure of one task of the harness."""

    task: Annotated[str, pattern(_WORD)]
    """Name of a task of lm-eval's, or of your own in /tasks of the image."""
    metric: Annotated[str, pattern(_WORD)]
    """Which of its figures counts: exact_match, f1, bleu, as the harness prints it."""
    filter: Annotated[str, pattern(_WORD)] = "none"
    """Which of its filters reads the answer, where it has several: flexible-extract."""
    questions: Annotated[int, Field(ge=1, le=100_000)] = 200
    """How many of its questions are asked, from the first on."""
    shots: Annotated[int, Field(ge=0, le=64)] = 0
    """Solved examples before each question; DeepSeek advises against any for R1."""


class Quality(Section):
    """Questions with known answers, put to the models by a CronJob; none without this section."""

    image: Annotated[
        str,
        pattern(
            r"^[a-z0-9.-]+\.[a-z]+(:\d+)?(/[a-z0-9._-]+)+(:[\w][\w.-]{0,127})?"
            r"(@sha256:[0-9a-f]{64})?$"
        ),
    ]
    """Image of yours with lm-eval and the data in it, by its registry; examples/quality makes it.
    """
    tasks: Annotated[tuple[CheckedTask, ...], Field(min_length=1, max_length=20, strict=False)]
    """What is asked, and which figure of it counts."""
    schedule: Annotated[str, AfterValidator(_schedule), AfterValidator(_comes)] = "0 3 * * 0"
    """When, as cron says it, in UTC."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Share by which a figure may be worse than is usual of it; chance is allowed besides."""
    variants: Annotated[
        tuple[VariantName, ...], Field(min_length=1, strict=False)
    ] | None = None  # fmt: skip
    """Which are asked; if not said, all of which a replica always stands."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        kinds = Counter((one.task, one.metric, one.filter) for one in self.tasks)
        for (task, metric, _), count in kinds.items():
            if count > 1:
                raise ValueError(f"{task} with {metric} is listed {count} times; once is"
                                 " enough")  # fmt: skip
        asked: dict[str, tuple[int, int]] = {}
        for one in self.tasks:
            if asked.setdefault(one.task, (one.questions, one.shots)) != (
                one.questions,
                one.shots,
            ):
                raise ValueError(f"{one.task} is asked once for all of its figures; give"
                                 " them the same questions and shots")  # fmt: skip
        return self
