"""Container images from the account's own registry."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.access import imports_images
from r1_on_eks.plan.images import CachedImages
from r1_on_eks.plan.names import tagged


@dataclass(frozen=True, kw_only=True)
class ImageMirrorArgs:
    """Inputs of `ImageMirror`.

    Attributes:
        account: AWS account of the registry.
        region: Its Region.
        caches: What is cached, by public registry.
        key_arn: Encrypts the images.
        node_role: Name of the role with which nodes pull.
    """

    account: str
    region: str
    caches: Sequence[CachedImages]
    key_arn: pulumi.Input[str]
    node_role: pulumi.Input[str]


class ImageMirror(pulumi.ComponentResource):
    """Repositories that ECR fills at the first pull; it asks the public registry, nodes never do.

    ECR would make them itself, beyond the reach of a destroy and without our key.
    """

    def __init__(
        self, name: str, args: ImageMirrorArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ImageMirror", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        for cache in args.caches:
            for repository in cache.repositories:
                logical = f"{name}-{repository.replace('/', '-')}"
                aws.ecr.Repository(
                    logical,
                    name=repository,
                    # What ECR fetches must be able to follow its tag; pods name digests.
                    image_tag_mutability="MUTABLE",
                    image_scanning_configuration={"scan_on_push": True},
                    encryption_configurations=[
                        {"encryption_type": "KMS", "kms_key": args.key_arn}
                    ],
                    # Copies of what is public.
                    force_delete=True,
                    tags=tagged({}, logical),
                    opts=within,
                )
            aws.ecr.PullThroughCacheRule(
                f"{name}-{cache.word}",
                ecr_repository_prefix=cache.prefix,
                upstream_registry_url=cache.upstream,
                credential_arn=cache.secret_arn,
                opts=within,
            )
        aws.iam.RolePolicy(
            f"{name}-nodes",
            role=args.node_role,
            policy=pulumi.Output.json_dumps(
                imports_images(args.account, args.region, args.caches[0].folder)
            ),
            opts=within,
        )
        self.register_outputs({})
