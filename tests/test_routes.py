import pytest
from r1_on_eks.plan.routes import OPEN_PATHS, GatewaySettings, Route, nginx_configuration

SETTINGS = GatewaySettings(listen_port=8080, resolver="172.20.0.10")


def route(variant, service):
    return Route(
        variant=variant, service=service, namespace="r1", port=8000, served_model_name=variant
    )


def text_of(*routes, settings=SETTINGS):
    return nginx_configuration(routes, settings)


def test_three_paths_of_a_variant_are_open_and_no_more():
    text = text_of(route("70b", "r1-70b"))
    opened = [line.split()[2] for line in text.splitlines() if "location = /api/v1/70b/" in line]
    assert opened == [f"/api/v1/70b/{path}" for path in OPEN_PATHS]
    assert text.count("proxy_pass") == len(OPEN_PATHS)


def test_a_variant_with_a_point_has_it_in_its_path_and_not_in_its_service():
    text = text_of(route("1.5b", "r1-1-5b"))
    assert "location = /api/v1/1.5b/chat/completions {" in text
    assert "proxy_pass http://r1-1-5b/v1/chat/completions;" in text


def test_pods_are_resolved_one_by_one():
    text = text_of(route("7b", "r1-7b"))
    assert "server r1-7b.r1.svc.cluster.local:8000 resolve " in text
    assert "zone r1-7b 64k;" in text
    assert "resolver 172.20.0.10 valid=10s;" in text


def test_an_answer_may_be_silent_for_as_long_as_it_thinks():
    settings = GatewaySettings(listen_port=8080, resolver="x", read_timeout_seconds=1234)
    assert text_of(route("7b", "r1-7b"), settings=settings).count("proxy_read_timeout 1234s;") == 3


@pytest.mark.parametrize("danger", ["non_idempotent", "http_503", "proxy_buffering on", " ~ "])
def test_nothing_is_buffered_sent_twice_or_matched_by_pattern(danger):
    text = text_of(route("7b", "r1-7b"), route("8b", "r1-8b"))
    assert danger not in "\n".join(line.partition("# ")[0] for line in text.splitlines())


def test_each_variant_has_its_own_upstream():
    text = text_of(route("7b", "r1-7b"), route("8b", "r1-8b"))
    assert text.count("upstream r1-") == 2
    assert text.count("\n") == len(text.splitlines())
