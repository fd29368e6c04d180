"""What is asked of one variant, and what of its placement is fixed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, Tag, model_validator

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.stack_config.section import Either, Section, pattern, row_of

VariantName = Annotated[str, row_of(VARIANTS, "a variant")]


class FromReservation(Section):
    """Instances that were reserved beforehand; the stack makes no reservation itself."""

    capacity_block: Annotated[str, pattern(r"^cr-[0-9a-f]{8,17}$")] | None = None
    """Id of a Capacity Block for ML: paid in advance, for days or weeks."""
    reservation: Annotated[str, pattern(r"^cr-[0-9a-f]{8,17}$")] | None = None
    """Id of an On-Demand Capacity Reservation."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.capacity_block is None) == (self.reservation is None):
            raise ValueError("name one: capacity_block or reservation, with its id cr-…")
        return self


class Workload(Section):
    """What is asked of a variant at its busiest.

    The limits' defaults are those of MLPerf's interactive DeepSeek-R1 server.
    """

    prompt: Annotated[int, Field(ge=1)] = 1000
    """Prompt tokens of a request, on average."""
    output: Annotated[int, Field(ge=1)] = 2000
    """Tokens of an answer, thinking included, on average."""
    rate: Annotated[float, Field(gt=0)] = 1.0
    """Requests per second."""
    context: Annotated[int, Field(ge=1024)] = 8192
    """Longest sequence, prompt and answer."""
    first_token_s: Annotated[float, Field(gt=0)] = 2.0
    """Limit on the average time to the first token, in seconds."""
    per_token_s: Annotated[float, Field(gt=0)] = 0.08
    """Limit on the average time per output token, in seconds."""

    @model_validator(mode="after")
    def _average_within_longest(self) -> Self:
        if self.prompt + self.output > self.context:
            raise ValueError(
                f"context {self.context} is shorter than the average request,"
                f" {self.prompt} and {self.output} tokens; raise it, or lower prompt or output"
            )
        return self


class Overrides(Section):
    """What of a placement is fixed; the plan decides what is not said."""

    instance: Annotated[str, row_of(INSTANCE_TYPES, "an instance type")] | None = None
    """EC2 instance type of its nodes."""
    precision: Literal["bf16", "fp8", "int8", "int4"] | None = None
    """Which checkpoint is served."""
    tensor_parallel: Annotated[int, Field(ge=1)] | None = None
    """GPUs of one replica inside a node."""
    stages: Annotated[int, Field(ge=1, le=16)] | None = None
    """Nodes of one replica."""
    replicas: Annotated[int, Field(ge=1, le=64)] | None = None
    """Complete copies."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Requests that one replica works on at a time."""
    gpu_memory_utilization: Annotated[float, Field(ge=0.5, le=0.97)] | None = None
    """Share of each GPU's memory that vLLM may take."""
    pool: Annotated[str, pattern(r"^[a-z][a-z0-9-]{0,20}$")] | None = None
    """Variants of the same pool share its node; `own` for a pool that nothing shares."""


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            "is no time zone; write America/Los_Angeles, Europe/Berlin, UTC"
        ) from None
    return value


_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _minutes_said(value: Any) -> Any:
    """YAML 1.1 reads 19:00 without quotes as a number to the base of 60."""
    if type(value) is int and 0 <= value < 24 * 60:
        return f"{value // 60:02d}:{value % 60:02d}"
    return value


_Clock = Annotated[str, BeforeValidator(_minutes_said), pattern(r"^([01]\d|2[0-3]):[0-5]\d$")]


def _days(value: str) -> str:
    first, dash, last = value.partition("-")
    named = first in _DAYS and (not dash or last in _DAYS)
    if named and (not dash or _DAYS.index(first) < _DAYS.index(last)):
        return value
    raise ValueError("are no days of a week; write mon-fri, mon-sun or sat")


# Each year of a zone has its clocks put forward once, on the same weekday.
_A_YEAR = [date(2027, 1, 1) + timedelta(days=number) for number in range(365)]


def _left_out(clock: str, zone: str, days: str) -> tuple[date, str] | None:
    """The day on which a zone's clocks leave a time out, and what they show instead."""
    first, _, last = days.partition("-")
    week = range(_DAYS.index(first), _DAYS.index(last or first) + 1)
    for day in _A_YEAR:
        said = datetime.combine(day, time.fromisoformat(clock))
        shown = said.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        if day.weekday() in week and shown.replace(tzinfo=None) != said:
            return day, f"{shown:%H:%M}"
    return None


class Hours(Section):
    """When more replicas stand than at other times, whatever is asked."""

    days: Annotated[str, AfterValidator(_days)] = "mon-fri"
    """Days of the week, from Monday on: mon-fri, sat."""
    start: _Clock
    """From when on they are wanted, on the clock of the zone; they start then."""
    end: _Clock
    """Until when, on the same day."""
    zone: Annotated[str, AfterValidator(_zone)]
    """Time zone, as IANA names it."""
    replicas: Annotated[int, Field(ge=1, le=64)] = 1
    """How many stand then at least."""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"end {self.end} is not after start {self.start}, on the same day")
        return self

    @model_validator(mode="after")
    def _on_each_day(self) -> Self:
        # KEDA's clock (robfig/cron 3.0.1, "Daylight Savings Time") passes over that day: replicas
        # stand from the end before to the end after, or that day not at all.
        for key, clock in (("start", self.start), ("end", self.end)):
            if found := _left_out(clock, self.zone, self.days):
                day, instead = found
                raise ValueError(
                    f"{key} {clock} is no time in {self.zone} on {day}, when clocks are put"
                    f" forward; write {instead}"
                )
        return self


class Scale(Section):
    """Replicas follow the requests: from these, to those of the placement."""

    min: Annotated[int, Field(ge=0, le=64)]
    """Replicas that always stand; 0 needs hours or wake."""
    hours: Hours | None = None
    """When more stand than that."""
    wake: bool = False
    """Whether a request wakes it where none stands: that one is answered 503, with the minutes."""

    @model_validator(mode="after")
    def _something_wakes_it(self) -> Self:
        if self.min == 0 and self.hours is None and not self.wake:
            raise ValueError(
                "min 0 needs hours or wake, for nothing else wakes it; write min: 1, wake: true,"
                ' or hours: {start: "07:30", end: "19:00", zone: Europe/Berlin}'
            )
        if self.wake and self.min:
            raise ValueError(f"wake: of {self.min} that always stand none sleeps; write min: 0")
        if self.hours is not None and self.hours.replicas <= self.min:
            raise ValueError(
                f"hours.replicas {self.hours.replicas} is not more than min {self.min}"
            )
        return self


class WantedVariant(Workload, Overrides):
    """One line under `variants`: what is asked, and what of the placement the file decides."""

    purchase: Annotated[
        Annotated[Literal["on-demand", "spot"], Tag("_word")]
        | Annotated[FromReservation, Tag("_section")],
        Either,
    ] = "on-demand"
    """How its nodes are bought: `on-demand`, `spot`, or by the id of a reservation."""
    replaceable: bool = False
    """Whether a production stack may end its P nodes, though the like may not come back."""
    warm: Annotated[int, Field(ge=0, le=16)] = 0
    """Instances that wait beside its nodes, stopped: only their volumes are paid."""
    scale: Scale | None = None
    """Whether replicas follow the requests, up to `replicas`; all stand always if not said."""
    reserved: bool = False
    """Declared without nodes and replicas: all else is there for the day when it is wanted."""

    @property
    def always_stands(self) -> bool:
        """Whether a replica answers at any time."""
        return not self.reserved and (self.scale is None or self.scale.min > 0)

    @property
    def workload(self) -> Workload:
        """What is asked, alone."""
        return Workload(**{key: getattr(self, key) for key in Workload.model_fields})

    @property
    def overrides(self) -> Overrides:
        """What is fixed, alone."""
        return Overrides(**{key: getattr(self, key) for key in Overrides.model_fields})


class Pin(Section):
    """A placement that was decided once, with the workload that it was made for."""

    workload: Workload
    placement: Overrides
