"""Rules of ECR's pull-through cache, which moto lacks. Source: ECR API reference, 2026-11."""

from typing import Any

from moto.core.responses import ActionResult

from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

# What ECR fetches from, and whether it wants credentials (ECR user guide, pull-through-cache).
_UPSTREAMS = {
    "registry-1.docker.io": True,
    "ghcr.io": True,
    "registry.gitlab.com": True,
    "public.ecr.aws": False,
    "registry.k8s.io": False,
    "quay.io": False,
}

# Beside moto's backend, which has no room for them: by account and Region, then by prefix.
_rules: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}


def pull_through_rules(account: str, region: str) -> dict[str, dict[str, Any]]:
    """The rules of one account and Region by prefix."""
    return _rules.setdefault((account, region), {})


class PullThroughCacheRules:
    """Operations that are added to moto's ECR response class."""

    current_account: str
    region: str
    _get_param: Any

    def create_pull_through_cache_rule(self) -> ActionResult:
        """CreatePullThroughCacheRule."""
        known = pull_through_rules(self.current_account, self.region)
        prefix, url = (
            self._get_param("ecrRepositoryPrefix"),
            self._get_param("upstreamRegistryUrl"),
        )
        secret = self._get_param("credentialArn")
        if prefix in known:
            raise AwsError(
                "PullThroughCacheRuleAlreadyExistsException", f"A rule for {prefix} exists."
            )
        if url not in _UPSTREAMS:
            raise AwsError(
                "UnsupportedUpstreamRegistryException",
                f"The upstream registry {url} is not known.",
            )
        if _UPSTREAMS[url] and secret is None:
            raise AwsError("InvalidParameterException", f"{url} needs a credentialArn.")
        rule = {
            "ecrRepositoryPrefix": prefix,
            "upstreamRegistryUrl": url,
            "registryId": self.current_account,
            **({"credentialArn": secret} if secret else {}),
        }
        known[prefix] = rule
        return ActionResult(rule)

    def describe_pull_through_cache_rules(self) -> ActionResult:
        """DescribePullThroughCacheRules."""
        known = pull_through_rules(self.current_account, self.region)
        wanted = self._get_param("ecrRepositoryPrefixes") or list(known)
        for prefix in wanted:
            if prefix not in known:
                raise _unknown(prefix)
        return ActionResult({"pullThroughCacheRules": [known[prefix] for prefix in wanted]})

    def update_pull_through_cache_rule(self) -> ActionResult:
        """UpdatePullThroughCacheRule: its credentials."""
        known = pull_through_rules(self.current_account, self.region)
        prefix = self._get_param("ecrRepositoryPrefix")
        if prefix not in known:
            raise _unknown(prefix)
        known[prefix]["credentialArn"] = self._get_param("credentialArn")
        return ActionResult(known[prefix])

    def delete_pull_through_cache_rule(self) -> ActionResult:
        """DeletePullThroughCacheRule; what was fetched stays."""
        known = pull_through_rules(self.current_account, self.region)
        prefix = self._get_param("ecrRepositoryPrefix")
        if prefix not in known:
            raise _unknown(prefix)
        return ActionResult(known.pop(prefix))


def _unknown(prefix: str) -> AwsError:
    return AwsError("PullThroughCacheRuleNotFoundException", f"No rule for {prefix} is known.")
