"""Prices by Region and other ways to buy: what isn't known is not priced."""

import json

import pytest
from r1_on_eks import cli
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.prices import PRICED_REGIONS, PURCHASES, on_demand, sold_in
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.choice import options
from r1_on_eks.plan.recommend import Wish, recommend
from r1_on_eks.stack_config import Workload

P4D, P5 = INSTANCE_TYPES["p4d.24xlarge"], INSTANCE_TYPES["p5.48xlarge"]


def test_a_price_that_was_not_read_is_none_and_never_zero():
    assert on_demand(P4D, "us-west-2") == 21.95764
    assert on_demand(P5, "ap-northeast-1") == 68.80
    assert on_demand(P4D, "us-west-1") is None
    assert on_demand(P4D, "mars-1") is None
    assert on_demand(INSTANCE_TYPES["p5e.48xlarge"], "us-east-1") is None
    for region in PRICED_REGIONS:
        assert all(price is None or price > 0 for price in
                   (one.on_demand_usd_per_hour for one in sold_in(region)))  # fmt: skip


def test_prices_from_before_the_cut_of_june_2025_are_gone():
    assert P4D.on_demand_usd_per_hour < 25
    assert P5.on_demand_usd_per_hour < 60


def test_every_other_way_to_buy_has_a_standing_a_date_and_an_instance():
    ways = {"spot", "capacity block", "1 year", "3 years"}
    for name, rows in PURCHASES.items():
        assert name in INSTANCE_TYPES
        for row in rows:
            assert row.way in ways
            assert row.standing in {"read", "reported"}
            assert row.seen.startswith("2026")
            assert 0 < row.low <= row.high


def test_a_region_where_only_p5_is_priced_places_on_p5_at_its_price():
    found = options(VARIANTS["32b"], Workload(), instances=sold_in("us-west-1"))
    assert {one.instance.name for one in found} == {"p5.48xlarge"}
    assert found[0].usd_per_hour == pytest.approx(68.80 * found[0].nodes)


def test_an_unknown_region_is_refused_with_those_that_are_known(capsys):
    assert cli.main(["variants", "--region", "mars-1"]) == 2
    told = capsys.readouterr().err
    assert "--region: mars-1" in told
    assert "us-west-2" in told


def test_a_plan_shows_the_other_ways_to_buy_what_it_stands_on(capsys):
    assert cli.main(["plan", "prod-70b", "--json"]) == 0
    (pool,) = json.loads(capsys.readouterr().out)["pools"]
    assert {way["way"] for way in pool["purchases"]} >= {"spot", "capacity block", "3 years"}
    assert cli.main(["plan", "prod-70b"]) == 0
    assert "capacity block 11.80 (read" in " ".join(capsys.readouterr().out.split())


def verdicts(**wish):
    found = recommend(Wish(task="chat", workload=Workload(), **wish))
    return {one.variant.name: one for one in found}


def test_a_language_rules_out_variants_that_were_not_made_for_it(capsys):
    by_name = verdicts(languages=("en", "ja"))
    assert by_name["14b"].taken
    assert by_name["70b"].verdict.startswith("not made for ja; it was for en, zh, de")
    assert cli.main(["recommend", "--task", "chat", "--languages", "en,ja"]) == 0
    assert "in ja it may mix" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        cli.main(["recommend", "--task", "chat", "--languages", "tlh"])
    assert left.value.code == 2
    assert "tlh: no variant was made for it; there are ar, de" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"first_token_s": 0.01}, "first token after"),
        ({"per_token_s": 0.0005}, "ms a token at best; 0.5 ms are allowed"),
    ],
)
def test_a_variant_without_a_placement_hears_which_limit_it_misses(limits, told):
    found = recommend(Wish(task="chat", workload=Workload(**limits)))
    assert any(told in one.verdict for one in found), [one.verdict for one in found]
    assert not any(one.taken for one in found)


def test_the_growth_path_is_the_guides(capsys):
    assert cli.main(["recommend", "--task", "chat"]) == 0
    assert "to grow: 32b or 70b, then 671b as a reserved extension" in capsys.readouterr().out
