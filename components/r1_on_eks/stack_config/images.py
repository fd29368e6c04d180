"""Images from a registry of one's own."""

from typing import Annotated

from r1_on_eks.stack_config.section import Section, pattern


class ImageMirror(Section):
    """Images come from the account's ECR, so that nodes need no way to the internet.

    ECR fetches those of public registries itself, at the first pull; each GB is then kept, and
    paid, in this account.
    """

    docker_hub_secret: Annotated[
        str,
        pattern(
            r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:ecr-pullthroughcache/.+$"
        ),
    ]
    """ARN of the Secrets Manager secret with a Docker Hub user and token.

    ECR takes none whose name doesn't begin with `ecr-pullthroughcache/`.
    """
    copied: Annotated[
        str,
        pattern(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9/._-]*[a-z0-9]$"),
    ]
    """Repositories into which somebody copied what ECR can't fetch (nvcr.io), by their path."""
