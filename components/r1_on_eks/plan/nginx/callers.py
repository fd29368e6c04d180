"""Who asks, and how much each may ask."""

from collections.abc import Sequence

from r1_on_eks.plan.nginx.settings import Allowance, Key, Site
from r1_on_eks.plan.nginx.text import indented

_MAP_WORDS = {"default", "hostnames", "include", "volatile"}
_ZONE_SIZE = "1m"
# One address more every 64 bytes; the oldest are forgotten first.
_STRANGERS_SIZE = "10m"


def callers(site: Site) -> str:
    """Names of keys, and a zone for each allowance."""
    return "\n".join(
        [
            "js_set $key_sha256 gateway.key_sha256;",
            "js_set $client_network gateway.client_network;",
            "map_hash_bucket_size 128;",
            "map_hash_max_size 8192;",
            _map("$key_sha256", "$key_name", [(key.sha256, key.name) for key in site.keys]),
            *(_key_zones(n, keys) for n, keys in enumerate(_by_allowance(site.keys), start=1)),
            'map $key_name $stranger {\n    "" $client_network;\n    default "";\n}',
            'map $key_name $caller {\n    "" $client_network;\n    default $key_name;\n}',
            _zones("$stranger", "strangers", site.strangers, _STRANGERS_SIZE),
            "limit_req_status 429;",
            "limit_conn_status 429;",
            "limit_req_log_level info;",
            "limit_conn_log_level info;",
            "",
        ]
    )


def limits(site: Site) -> str:
    """What every location that asks a model is held to."""
    groups = list(enumerate(_by_allowance(site.keys), start=1))
    lines = [_limits(f"keys_{n}", keys[0].allowance) for n, keys in groups]
    return "\n".join([*lines, _limits("strangers", site.strangers)])


def _by_allowance(keys: Sequence[Key]) -> list[list[Key]]:
    # nginx counts every zone at one rate.
    groups: dict[Allowance, list[Key]] = {}
    for key in keys:
        groups.setdefault(key.allowance, []).append(key)
    return list(groups.values())


def _key_zones(number: int, keys: Sequence[Key]) -> str:
    names = [(name, name) for name in dict.fromkeys(key.name for key in keys)]
    variable = f"$caller_{number}"
    return "\n".join(
        [
            _map("$key_name", variable, names),
            _zones(variable, f"keys_{number}", keys[0].allowance, _ZONE_SIZE),
        ]
    )


def _map(source: str, target: str, entries: Sequence[tuple[str, str]]) -> str:
    lines = ['default "";', *(f"{_source(key)} {value};" for key, value in entries)]
    return f"map {source} {target} {{\n{indented(chr(10).join(lines))}\n}}"


def _source(value: str) -> str:
    # nginx reads these as words of its own, but not behind a backslash.
    return f"\\{value}" if value in _MAP_WORDS else value


def _zones(variable: str, name: str, allowance: Allowance, size: str) -> str:
    return (
        f"limit_req_zone {variable} zone={name}_rate:{size} rate={allowance.per_minute}r/m;\n"
        f"limit_conn_zone {variable} zone={name}_running:{size};"
    )


def _limits(name: str, allowance: Allowance) -> str:
    burst = max(1, allowance.per_minute // 6)
    return (
        f"limit_req zone={name}_rate burst={burst} nodelay;\n"
        f"limit_conn {name}_running {allowance.at_a_time};"
    )
