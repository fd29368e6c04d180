"""What a stack has of Amazon Managed Service for Prometheus.

A workspace takes its rules, its alert manager and its configuration with it (untagged.py).
"""

from collections.abc import Iterable
from typing import Any

from r1_on_eks.operations.account import Account
from r1_on_eks.operations.inventory.thing import Kind, Thing, tags_of
from r1_on_eks.plan.names import STACK_TAG

_WORKSPACE = "aws:amp/workspace:Workspace"
_SCRAPER = "aws:amp/scraper:Scraper"
_WORKING = ("CREATING", "UPDATING", "DELETING")
_BROKEN = ("CREATION_FAILED",)


def _ours(stack: str, kind: str, key: str, listed: Iterable[Any]) -> Iterable[Thing]:
    for one in listed:
        tags = tags_of(one.get("tags"))
        if tags.get(STACK_TAG) == stack:
            yield Thing(kind, one[key], tags, one["status"]["statusCode"], one["createdAt"], one)


def _scrapers(account: Account, stack: str) -> Iterable[Thing]:
    listed = account.listed("amp", "list_scrapers", "scrapers")
    return _ours(stack, _SCRAPER, "scraperId", listed)


def _workspaces(account: Account, stack: str) -> Iterable[Thing]:
    listed = account.listed("amp", "list_workspaces", "workspaces")
    return _ours(stack, _WORKSPACE, "workspaceId", listed)


def _delete_scraper(account: Account, thing: Thing) -> None:
    account.client("amp").delete_scraper(scraperId=thing.id)


def _delete_workspace(account: Account, thing: Thing) -> None:
    account.client("amp").delete_workspace(workspaceId=thing.id)


# A scraper's interfaces keep subnets, and it outlives the cluster.
KINDS = (
    Kind(_SCRAPER, _scrapers, _delete_scraper, working=_WORKING, broken=_BROKEN),
    Kind(_WORKSPACE, _workspaces, _delete_workspace, working=_WORKING, broken=_BROKEN),
)
