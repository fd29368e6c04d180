"""Registries: repositories, and what ECR fetches into them."""

from r1_on_eks.rehearsal.aws_provider.row import Call, Find, Naming, Row, Tagging, Update, cite

_NAME = {"repositoryName": "{id}"}
_ARN = {"resourceArn": "{arn}"}
REPOSITORY = Row(
    token="aws:ecr/repository:Repository",
    forces_replacement=cite(
        "internal/service/ecr/repository.go@0072eea2d604", "name", "encryptionConfigurations"
    ),
    service="ecr",
    create=Call(
        "CreateRepository",
        {"name": "repositoryName", "encryptionConfigurations": "encryptionConfiguration"},
    ),
    id="repository.repositoryName",
    id_parts=("name",),
    find=Find("DescribeRepositories", {"repositoryNames": ["{id}"]}, "repositories[0]"),
    delete=(Call("DeleteRepository", given={**_NAME, "force": "{forceDelete}"}),),
    elsewhere=("forceDelete",),
    naming=Naming(most=256),
    tagging=Tagging(
        "tags", "list", "TagResource", "UntagResource", _ARN,
        find=Find("ListTagsForResource", _ARN, "tags"),
    ),
    updates=(
        Update(("imageTagMutability",), Call("PutImageTagMutability", given=_NAME)),
        Update(
            ("imageScanningConfiguration",), Call("PutImageScanningConfiguration", given=_NAME)
        ),
    ),
    outputs={
        "name": "repositoryName",
        "arn": "repositoryArn",
        "registryId": "registryId",
        "repositoryUrl": "repositoryUri",
        "encryptionConfigurations": "[encryptionConfiguration]",
    },
)  # fmt: skip

_PREFIX = {"ecrRepositoryPrefix": "{id}"}
PULL_THROUGH_CACHE_RULE = Row(
    token="aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
    forces_replacement=cite(
        "internal/service/ecr/pull_through_cache_rule.go@0509e60e8e89",
        "ecrRepositoryPrefix",
        "upstreamRegistryUrl",
        "upstreamRepositoryPrefix",
    ),
    service="ecr",
    create=Call("CreatePullThroughCacheRule"),
    id="ecrRepositoryPrefix",
    id_parts=("ecrRepositoryPrefix",),
    find=Find(
        "DescribePullThroughCacheRules",
        {"ecrRepositoryPrefixes": ["{id}"]},
        "pullThroughCacheRules[0]",
    ),
    delete=(Call("DeletePullThroughCacheRule", given=_PREFIX),),
    updates=(Update(("credentialArn",), Call("UpdatePullThroughCacheRule", given=_PREFIX)),),
    outputs={"registryId": "registryId"},
)

ROWS = (REPOSITORY, PULL_THROUGH_CACHE_RULE)
