"""Tags in each of the forms that AWS's services take them."""

from typing import Any

from r1_on_eks.rehearsal.aws_provider.answers import tags_of
from r1_on_eks.rehearsal.aws_provider.cloud import Cloud
from r1_on_eks.rehearsal.aws_provider.requests import Request, fill
from r1_on_eks.rehearsal.aws_provider.row import Find, Row, Tagging

_FORMS = ("map", "list", "kms")


def ec2(kind: str) -> Tagging:
    """Tags of an EC2 resource; `kind` as in TagSpecifications, or "" for tags that come later."""
    return Tagging(
        member="TagSpecifications" if kind else "",
        form=kind,
        add="CreateTags",
        remove="DeleteTags",
        target={"Resources": ["{id}"]},
        tags="Tags",
        keys="Tags",
    )


def put(row: Row, request: Request, given: dict[str, str]) -> None:
    """Adds tags to a creating request."""
    tagging = row.tagging
    if tagging is None or not given or not tagging.member:
        return
    if tagging.form in _FORMS:
        request.params[tagging.member] = _formed(tagging, given)
    else:
        request.params[tagging.member] = [
            {"ResourceType": tagging.form, "Tags": _formed(tagging, given)}
        ]


def change(
    row: Row,
    cloud: Cloud,
    old: dict[str, str],
    new: dict[str, str],
    values: dict[str, Any],
) -> None:
    """Sets what is new or different and removes what is no longer wanted."""
    tagging = row.tagging
    if tagging is None:
        return
    target = fill(dict(tagging.target), values)
    surplus = sorted(set(old) - set(new))
    if surplus:
        keys: Any = [{"Key": key} for key in surplus] if tagging.keys == "Tags" else surplus
        cloud.call(row.service, tagging.remove, {**target, tagging.keys: keys})
    wanted = {key: value for key, value in new.items() if old.get(key) != value}
    if wanted:
        cloud.call(row.service, tagging.add, {**target, tagging.tags: _formed(tagging, wanted)})


def read(row: Row, cloud: Cloud, found: Any, values: dict[str, Any]) -> dict[str, str] | None:
    """Tags that exist, None for a type that has none."""
    tagging = row.tagging
    if tagging is None:
        return None
    if isinstance(tagging.find, Find):
        return tags_of(cloud.find(row.service, tagging.find, values))
    return tags_of(found.get("Tags", found.get("tags", found.get("TagSet"))))


def _formed(tagging: Tagging, given: dict[str, str]) -> Any:
    if tagging.form == "map":
        return dict(given)
    prefix = "Tag" if tagging.form == "kms" else ""
    return [{f"{prefix}Key": key, f"{prefix}Value": value} for key, value in given.items()]
