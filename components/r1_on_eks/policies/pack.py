"""Hands the rules to the engine, by Pulumi's own library for policy packs."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyProviderResource,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from r1_on_eks.cost.declared import Declaration, Declared, inputs_of
from r1_on_eks.policies.kubernetes import KUBERNETES
from r1_on_eks.policies.rule import MANDATORY, Rule, StackRule, with_defaults
from r1_on_eks.policies.security import SECURITY, STACK_SECURITY
from r1_on_eks.policies.spending import SPENDING, STACK_SPENDING

RULES = (*SECURITY, *KUBERNETES, *SPENDING)
STACK_RULES = (*STACK_SECURITY, *STACK_SPENDING)
NAME = "r1-on-eks"


class UnknownRule(ValueError):
    """Settings name a rule or a setting that there is none of; says which there are."""


def serve_pack(settings: Mapping[str, Mapping[str, Any] | str] | None = None) -> None:
    """Serves the pack to the engine that started this process, until it is done.

    Args:
        settings: Of some rules, by name: `enforcementLevel` (advisory, mandatory, disabled) and
            the rule's own; or the level alone.

    Raises:
        UnknownRule: one line for the first name that is none.
    """
    given = checked_settings(settings or {})
    asked: dict[str, Mapping[str, Any]] = {}
    policies: list[Policy] = [_of_resources(rule, asked) for rule in RULES]
    policies += [_of_stack(rule, asked) for rule in STACK_RULES]
    PolicyPack(NAME, policies, initial_config=given)  # pyright: ignore[reportArgumentType]


def checked_settings(
    given: Mapping[str, Mapping[str, Any] | str],
) -> dict[str, dict[str, Any]]:
    """The settings, when each names a rule and what can be set of it; a level alone is one.

    Raises:
        UnknownRule: see the class.
    """
    known = {rule.name: rule for rule in (*RULES, *STACK_RULES)}
    checked = {}
    for name, value in given.items():
        if name not in known:
            raise UnknownRule(f"{name}: no such rule; there are {', '.join(known)}")
        values = {"enforcementLevel": value} if isinstance(value, str) else dict(value)
        may = ("enforcementLevel", *known[name].settings)
        if foreign := [key for key in values if key not in may]:
            raise UnknownRule(f"{name}: {foreign[0]}: no such setting; there are {', '.join(may)}")
        level = values.get("enforcementLevel", MANDATORY)
        if level not in (levels := [one.value for one in EnforcementLevel]):
            raise UnknownRule(f"{name}: {level}: no such level; there are {', '.join(levels)}")
        checked[name] = values
    return checked


def _schema(rule: Rule | StackRule) -> PolicyConfigSchema | None:
    properties = {name: one.schema for name, one in rule.settings.items()}
    return PolicyConfigSchema(properties=properties) if properties else None


def _of_resources(rule: Rule, asked: dict[str, Mapping[str, Any]]) -> ResourceValidationPolicy:
    """The rule as the library takes it; puts the inputs of each resource into `asked`, by URN."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        asked[args.urn] = args.props
        if not rule.looks_at(args.resource_type):
            return
        one = Declared(
            urn=args.urn, type=args.resource_type, inputs=inputs_of(_plain(args.props), {})
        )
        for sentence in rule.breaks(one, with_defaults(rule, args.get_config())):
            report(sentence, None)

    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.says,
        validate=validate,
        enforcement_level=EnforcementLevel(rule.level),
        config_schema=_schema(rule),
    )


def _of_stack(rule: StackRule, asked: Mapping[str, Mapping[str, Any]]) -> StackValidationPolicy:
    """The rule as the library takes it; judges the inputs in `asked`.

    The library hands over outputs, and in a preview all that nobody wrote is unknown in them.
    """

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        settings = with_defaults(rule, args.get_config())
        found = {one.urn: _declared(one, asked) for one in args.resources}
        # A preview tells of providers' settings only beside what they make.
        found |= {
            one.provider.urn: _provider(one.provider) for one in args.resources if one.provider
        }
        # urn:pulumi:STACK::PROJECT::…
        stack = next(iter(found), "::").split("::")[0].rpartition(":")[2]
        for sentence in rule.breaks(Declaration(found), stack, settings):
            report(sentence, None)

    return StackValidationPolicy(
        name=rule.name,
        description=rule.says,
        validate=validate,
        enforcement_level=EnforcementLevel(rule.level),
        config_schema=_schema(rule),
    )


def _declared(one: PolicyResource, asked: Mapping[str, Mapping[str, Any]]) -> Declared:
    needs = {
        key: tuple(each.urn for each in several)
        for key, several in one.property_dependencies.items()
    }
    return Declared(
        urn=one.urn,
        type=one.resource_type,
        inputs=inputs_of(_plain(asked.get(one.urn, one.props)), needs),
        parent=one.parent.urn if one.parent else "",
        provider=one.provider.urn if one.provider else "",
        needs=needs,
        # Components have tokens of their own package, and no provider.
        custom=one.provider is not None or one.resource_type.startswith("pulumi:providers:"),
    )


def _provider(one: PolicyProviderResource) -> Declared:
    return Declared(urn=one.urn, type=one.resource_type, inputs=inputs_of(_plain(one.props), {}))


def _plain(value: Any) -> Any:
    """The values behind the library's proxies, which raise where one is not known yet."""
    try:
        target = value["__target"]
    except (TypeError, KeyError, IndexError):
        return value
    if isinstance(target, list):
        return [_plain(one) for one in target]
    return {key: _plain(one) for key, one in target.items()}
