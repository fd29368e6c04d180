"""Route tables, routes, and which subnets they are for."""
# ruff: noqa: ARG005 — every step and every look-up is called the same way.

import zlib
from typing import Any

from r1_on_eks.rehearsal.aws_provider import tags
from r1_on_eks.rehearsal.aws_provider.problems import Refused
from r1_on_eks.rehearsal.aws_provider.resources.ec2_finds import arn_of, first_of
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Row,
    Update,
    Values,
    Wait,
    cite,
)

ROUTE_TABLE = Row(
    token="aws:ec2/routeTable:RouteTable",
    forces_replacement=cite(
        "internal/service/ec2/vpc_route_table.go@022092419b7c",
        "vpcId",
    ),
    service="ec2",
    create=Call("CreateRouteTable"),
    id="RouteTable.RouteTableId",
    find=first_of("DescribeRouteTables", "RouteTableIds", "RouteTables"),
    delete=(Call("DeleteRouteTable", given={"RouteTableId": "{id}"}),),
    tagging=tags.ec2("route-table"),
    # Its routes are resources of their own here.
    outputs={
        "arn": arn_of("route-table"),
        "routes": lambda cloud, answer, values: values.get("routes"),
    },
)

_DESTINATION = "destinationCidrBlock"


def _find_route(cloud: Any, values: Values) -> Any:
    table, destination = values.get("routeTableId"), values.get(_DESTINATION)
    if "_" in values["id"]:
        table, _, destination = values["id"].partition("_")
    if not table or not destination:
        raise Refused(f"'{values['id']}' is no id of a route to import: TABLE_DESTINATION is")
    given = {"RouteTableIds": [table]}
    path = f"RouteTables[0].Routes[?DestinationCidrBlock=='{destination}']|[0]"
    found = cloud.find("ec2", Find("DescribeRouteTables", given, path), values)
    return {"RouteTableId": table, **found} if found else None


def _route_id(values: Values) -> str:
    return f"r-{values['routeTableId']}{zlib.crc32(values[_DESTINATION].encode())}"


_TARGETS = ("gatewayId", "natGatewayId", "networkInterfaceId", "transitGatewayId")
_ROUTE_KEY = {
    "RouteTableId": "{routeTableId}",
    "DestinationCidrBlock": "{destinationCidrBlock}",
}
ROUTE = Row(
    token="aws:ec2/route:Route",
    forces_replacement=cite(
        "internal/service/ec2/vpc_route.go@0128541e0711",
        "destinationCidrBlock",
        "destinationIpv6CidrBlock",
        "destinationPrefixListId",
        "routeTableId",
    ),
    service="ec2",
    create=Call("CreateRoute"),
    id=_route_id,
    find=_find_route,
    delete=(Call("DeleteRoute", given=_ROUTE_KEY),),
    updates=(Update(_TARGETS, Call("ReplaceRoute", given=_ROUTE_KEY)),),
    outputs={},
    wait=Wait("State", ("active", "blackhole")),
)


def _find_table_association(cloud: Any, values: Values) -> Any:
    by = [{"Name": "association.route-table-association-id", "Values": ["{id}"]}]
    path = "RouteTables[].Associations[]"
    found = cloud.find("ec2", Find("DescribeRouteTables", {"Filters": by}, path), values) or []
    wanted = values["id"]
    return next((one for one in found if one["RouteTableAssociationId"] == wanted), None)


ROUTE_TABLE_ASSOCIATION = Row(
    token="aws:ec2/routeTableAssociation:RouteTableAssociation",
    forces_replacement=cite(
        "internal/service/ec2/vpc_route_table_association.go@0be71beb458a",
        "gatewayId",
        "subnetId",
    ),
    service="ec2",
    create=Call("AssociateRouteTable"),
    id="AssociationId",
    find=_find_table_association,
    delete=(Call("DisassociateRouteTable", given={"AssociationId": "{id}"}),),
)

ROWS = (ROUTE_TABLE, ROUTE, ROUTE_TABLE_ASSOCIATION)
