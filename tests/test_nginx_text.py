"""What the gateway is told, and the words that it becomes: no process."""

import pytest
from r1_on_eks.plan import nginx
from r1_on_eks.plan.gateway import also_called, longest_silence_seconds, site_of
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import place
from r1_on_eks.plan.timeline import longest_answer_seconds
from r1_on_eks.stack_config import Gateway

DIGEST = "ab" * 32


def text_of(variants=("70b", "1.5b"), longest=900, **section):
    return nginx.configuration(site_of(Gateway.model_validate(section), variants, longest))


def test_two_paths_of_a_variant_are_passed_on_and_no_more():
    opened = [line.split()[1] for line in text_of(["70b"]).splitlines() if "proxy_pass" in line]
    assert sorted(opened) == [
        "http://r1-70b/health;",  # for the list of models, from inside alone
        "http://r1-70b/v1/chat/completions;",
        "http://r1-70b/v1/completions;",
    ]


def test_a_variant_with_a_point_has_it_in_its_path_and_not_in_its_service():
    text = text_of(["1.5b"])
    assert "location = /api/v1/1.5b/chat/completions {" in text
    assert "proxy_pass http://r1-1-5b/v1/chat/completions;" in text


def test_pods_are_resolved_one_by_one_and_their_idle_connections_closed_before_they_do():
    text = text_of(["7b"])
    assert "server r1-7b.r1.svc.cluster.local:8000 resolve " in text
    assert "resolver 172.20.0.10 valid=10s;" in text
    assert "keepalive_timeout 4s;" in text  # vLLM's is 5 s


@pytest.mark.parametrize(
    "danger", ["non_idempotent", "http_503", "proxy_buffering on", " ~ ", "~*", "$http_host"]
)
def test_nothing_is_buffered_sent_twice_or_matched_by_pattern(danger):
    text = text_of(fallback={"70b": "1.5b"}, splits={"both": {"percent": {"70b": 1, "1.5b": 99}}})
    assert danger not in "\n".join(line.partition("# ")[0] for line in text.splitlines())


def test_every_header_is_added_at_one_place():
    # A location with an add_header or a proxy_set_header of its own would lose all others.
    for line in text_of(fallback={"70b": "1.5b"}).splitlines():
        if line.lstrip().startswith("add_header"):
            assert line.startswith("        add_header"), line
        if line.lstrip().startswith("proxy_set_header"):
            assert line.startswith("    proxy_set_header"), line


def test_every_location_that_asks_a_model_asks_for_a_key_first():
    text = text_of(fallback={"70b": "1.5b"}, splits={"both": {"percent": {"70b": 1, "1.5b": 99}}})
    for block in text.split("location ")[1:]:
        name = block.split()[1 if block.startswith("=") else 0]
        if name.startswith(("/api", "/v1")):
            assert block.index('if ($key_name = "")') < block.index("}"), name
        elif "proxy_pass" in block:
            assert "internal;" in block or name.startswith("@"), name


def test_a_key_is_known_by_its_digest_and_its_callers_are_counted_by_name():
    keys = [{"name": "alice", "sha256": DIGEST}, {"name": "default", "sha256": "cd" * 32,
            "limits": {"per_minute": 30, "at_a_time": 2}}]  # fmt: skip
    text = text_of(keys=keys)
    assert f"{DIGEST} alice;" in text
    assert "\\default default;" in text
    assert "zone=keys_2_rate:1m rate=30r/m;" in text
    assert "limit_req zone=keys_2_rate burst=5 nodelay;" in text
    assert "limit_conn keys_2_running 2;" in text


def test_without_a_key_nobody_gets_in_unless_the_file_says_so():
    assert 'if ($key_name = "")' in text_of()
    assert 'if ($key_name = "")' not in text_of(open=True)


def test_the_body_that_is_looked_into_fits_its_buffer():
    lines = [
        line.split()
        for line in text_of().splitlines()
        if line.lstrip().startswith(("client_body_buffer", "client_max"))
    ]
    kept = [value for name, value in lines if name == "client_body_buffer_size"]
    allowed = [value for name, value in lines if name == "client_max_body_size"]
    assert kept[1:] == allowed[1:] == ["1024k;"] * 4


def test_shares_of_a_split_are_percent_and_the_last_takes_the_rest():
    text = text_of(["14b", "7b"], splits={"new-one": {"percent": {"14b": 95, "7b": 5}}})
    assert (
        'split_clients "$request_id" $drawn_new_one {\n        95% r1-14b;\n        * r1-7b;'
        in text
    )


def test_a_server_answers_to_whatever_leads_to_it():
    asked = Gateway.model_validate(
        {
            "splits": {"assistant": {"percent": {"14b": 90, "70b": 10}}},
            "fallback": {"70b": "32b", "32b": "14b"},
        }
    )
    assert also_called("14b", asked) == ("32b", "assistant")
    assert also_called("32b", asked) == ("70b", "assistant")
    assert also_called("70b", asked) == ("assistant",)
    assert also_called("7b", asked) == ()


def test_a_whole_answer_may_wait_and_then_take_its_time():
    layout = Layout(instance="g6.2xlarge", tensor_parallel=1, context=8192, concurrency=4)
    placement = place("7b", layout)
    assert longest_silence_seconds([placement]) == 2 * longest_answer_seconds(placement)


def test_no_silence_is_longer_than_the_load_balancer_allows():
    layout = Layout(instance="p4d.24xlarge", tensor_parallel=8, context=131072, concurrency=2)
    assert longest_silence_seconds([place("70b", layout)]) == 6000 - 60


def test_silence_is_allowed_for_as_long_as_the_longest_answer():
    text = text_of(longest=1234)
    assert "    proxy_read_timeout 1234s;" in text
    assert "worker_shutdown_timeout 1234s;" in text
