"""The provider's own configuration."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pulumi_aws
from pulumi import _types as pulumi_types

from r1_on_eks.rehearsal.aws_provider.problems import Problem, near
from r1_on_eks.rehearsal.property_values import UNKNOWN, without_secrets

_MODELLED = ("region", "defaultTags", "allowedAccountIds")
# The engine adds both to every provider.
_ENGINE_S_OWN = ("version", "pluginDownloadURL")


@dataclass(frozen=True)
class Settings:
    """Region, the tags that every resource gets, and the only accounts that it may be in."""

    region: str = ""
    default_tags: dict[str, str] = field(default_factory=dict)
    allowed_accounts: tuple[str, ...] = ()

    def refuses(self, account: str) -> str:
        """What the official provider says of an account that it may not be in, or ""."""
        if not self.allowed_accounts or account in self.allowed_accounts:
            return ""
        return f"AWS account ID not allowed: {account}"


def problems(inputs: dict[str, Any]) -> Iterator[Problem]:
    """What of a provider's configuration can't be rehearsed."""
    known = pulumi_types.input_type_types(pulumi_aws.ProviderArgs)
    for key, value in inputs.items():
        if key in (*_MODELLED, *_ENGINE_S_OWN) or key.startswith("__"):
            continue
        if key not in known:
            yield Problem(key, f"the AWS provider has no setting '{key}'{near(key, known)}")
        # What pulumi_aws sets by itself.
        elif _read(value) not in (None, False, True, [], {}, ""):
            yield Problem(key, f"the rehearsal does not model the provider's '{key}' yet")
    region = inputs.get("region")
    if not region:
        yield Problem("region", "the provider needs a region")


def parse(inputs: dict[str, Any]) -> Settings:
    """Settings from the engine's configuration, in which objects are JSON text."""
    plain = without_secrets(inputs)
    tags = _read(plain.get("defaultTags")) or {}
    wanted = tags.get("tags") or {} if isinstance(tags, dict) else {}
    region = plain.get("region")
    accounts = _read(plain.get("allowedAccountIds"))
    return Settings(
        region if isinstance(region, str) else "",
        dict(wanted),
        tuple(map(str, accounts)) if isinstance(accounts, list) else (),
    )


def _read(value: Any) -> Any:
    if value is UNKNOWN or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
