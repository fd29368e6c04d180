"""What a million tokens cost, and from how many a day an own stack is cheaper than an API."""

from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.cost.bill import Bill
from r1_on_eks.plan import Model, Plan
from r1_on_eks.plan.estimate import Estimate
from r1_on_eks.plan.outlook import Outlook, outlooks
from r1_on_eks.stack_config import ApiPrice

UTILISATIONS = (0.1, 0.3, 0.6, 1.0)
# How much dearer a token of an answer is than one of a prompt, where no API's price says it
# (GKE's inference recommender has 4 too).
OUTPUT_TO_INPUT = 4.0
_HOUR, _MILLION = 3600, 1e6


@dataclass(frozen=True, kw_only=True)
class TokenPrice:
    """What the tokens of one variant cost on its share of the whole stack.

    Attributes:
        variant: Its name.
        usd_per_hour: Its share: by the price of the nodes that it has.
        output_per_s: Tokens of answers per second at full load, as the plan predicts.
        input_per_s: Tokens of prompts per second then, by the workload's lengths.
        ratio: Price of a token of an answer, in tokens of prompts.
        api: Somebody else's price, or None.
    """

    variant: str
    usd_per_hour: float
    output_per_s: float
    input_per_s: float
    ratio: float
    api: ApiPrice | None

    def per_million(self, utilisation: float) -> tuple[float, float]:
        """Dollars for a million tokens of prompts, and of answers, at a share of full load."""
        weighted = (self.input_per_s + self.ratio * self.output_per_s) * _HOUR * utilisation
        usd = self.usd_per_hour / weighted * _MILLION
        return usd, usd * self.ratio

    @property
    def break_even(self) -> float | None:
        """The share of full load from which the API is dearer; None without its price.

        Above 1 the API is cheaper whatever the load.
        """
        if self.api is None:
            return None
        at_full_load = (
            self.input_per_s * self.api.input_usd + self.output_per_s * self.api.output_usd
        )
        return self.usd_per_hour / (at_full_load * _HOUR / _MILLION)

    @property
    def break_even_tokens_a_day(self) -> float | None:
        """The same in tokens a day, of prompts and answers together."""
        if self.break_even is None:
            return None
        return (self.input_per_s + self.output_per_s) * _HOUR * 24 * self.break_even


def token_prices(plan: Plan, bill: Bill, api: ApiPrice | None) -> list[TokenPrice]:
    """Its share of the bill over its throughput, of each variant whose speed is predicted."""
    expected = outlooks(plan.models, plan.region)
    hardware = _hardware(plan.models, bill)
    everything = sum(hardware)
    if everything == 0:
        return []
    ratio = api.output_usd / api.input_usd if api else OUTPUT_TO_INPUT
    return [
        _token_price(one, one.full, bill.hourly.desired * usd / everything, ratio, api)
        for one, usd in zip(expected, hardware, strict=True)
        if usd and one.full
    ]


def _token_price(
    one: Outlook, full: Estimate, usd_per_hour: float, ratio: float, api: ApiPrice | None
) -> TokenPrice:
    output = full.output_per_s.likely * one.placement.replicas
    return TokenPrice(
        variant=one.placement.variant.name,
        usd_per_hour=usd_per_hour,
        output_per_s=output,
        input_per_s=output * one.workload.prompt / one.workload.output,
        ratio=ratio,
        api=api,
    )


def _hardware(models: Sequence[Model], bill: Bill) -> list[float]:
    """Dollars a month of each model's part of its pool, by GPUs."""
    pools = bill.by(lambda line: line.component)
    in_use: dict[str, int] = {}
    for model in models:
        if not model.placement.reserved:
            in_use[model.pool] = in_use.get(model.pool, 0) + model.placement.gpus

    def share(model: Model) -> float:
        if model.placement.reserved or model.pool not in pools:
            return 0.0
        # A pool without GPUs is one variant's.
        return model.placement.gpus / in_use[model.pool] if in_use[model.pool] else 1.0

    return [share(model) * (pools[model.pool].desired if share(model) else 0) for model in models]
