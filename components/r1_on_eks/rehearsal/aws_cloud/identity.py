"""Who the person of a rehearsal is: the role `platform-engineer`, assumed, in files of its own.

moto answers any key as some user; here one assumed role exists, and EKS tokens name it.
"""

import configparser
from pathlib import Path

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from r1_on_eks.rehearsal.aws_cloud.settings import settings

ROLE = "platform-engineer"
SESSION = "rehearsal"
_TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
 "Principal": {"AWS": "arn:aws:iam::%s:root"}, "Action": "sts:AssumeRole"}]}"""


def sign_in(home: Path) -> str:
    """Makes the role, assumes it and writes `.aws/credentials` and `.aws/config` below `home`.

    Returns the ARN that `aws sts get-caller-identity` answers.
    """
    account, region = settings().account, settings().region
    role = iam_backends[account]["aws"].create_role(
        role_name=ROLE,
        assume_role_policy_document=_TRUST % account,
        path="/",
        permissions_boundary=None,
        description="the person who runs the rehearsal",
        tags=[],
        max_session_duration="43200",
    )
    session = sts_backends[account]["aws"].assume_role(
        region_name=region,
        role_session_name=SESSION,
        role_arn=role.arn,
        policy="",
        duration=43200,
        external_id="",
    )
    _write(
        home / ".aws" / "credentials",
        aws_access_key_id=session.access_key_id,
        aws_secret_access_key=session.secret_access_key,
        aws_session_token=session.session_token,
    )
    _write(home / ".aws" / "config", region=region, output="json")
    return session.arn


def _write(path: Path, **settings_of_profile: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = configparser.RawConfigParser()
    file["default"] = settings_of_profile
    path.touch(mode=0o600)
    with path.open("w") as stream:
        file.write(stream)
