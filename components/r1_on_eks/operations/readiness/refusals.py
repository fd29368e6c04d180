"""A refusal of AWS in words that somebody can act on."""

from collections.abc import Sequence

from botocore import exceptions

from r1_on_eks.operations.account import code_of
from r1_on_eks.operations.readiness.finding import Finding, unknown

_DENIED = (
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403",
    "Forbidden",
)  # fmt: skip
_THROTTLED = (
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded",
    "TooManyRequestsException", "RequestThrottled", "SlowDown", "LimitExceededException",
)  # fmt: skip
_BAD_CREDENTIALS = (
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId",
    "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch", "InvalidAccessKeyId",
)  # fmt: skip
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
)
_UNREACHABLE = (exceptions.ConnectionError, exceptions.HTTPClientError)
# Where the permission has another name than the operation.
_PERMISSIONS = {"ListObjectsV2": "s3:ListBucket", "HeadBucket": "s3:ListBucket"}
SIGN_IN = (
    "aws sso login, or aws configure, or export AWS_PROFILE=…; then aws sts get-caller-identity"
)


def is_about_credentials(error: Exception) -> bool:
    """Whether nothing else can be asked with these credentials either."""
    return isinstance(error, _NO_CREDENTIALS) or code_of(error) in _BAD_CREDENTIALS


def is_denied(error: Exception) -> bool:
    """Whether these credentials may not ask."""
    return code_of(error) in _DENIED


def credentials_told(error: Exception) -> str:
    """What is wrong with them."""
    code = code_of(error)
    if code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired"):
        return f"the credentials have expired ({code})"
    if code:
        return f"AWS does not know the credentials ({code})"
    if isinstance(error, exceptions.NoCredentialsError):
        return "no AWS credentials here"
    return f"the AWS credentials could not be read: {_first_line(error)}"


def refused(subject: str, error: Exception, permissions: Sequence[str]) -> Finding:
    """That a check got no answer, and why.

    Args:
        subject: Of the check.
        error: What a call raised.
        permissions: IAM actions that the check needs.
    """
    code = code_of(error)
    if is_about_credentials(error):
        return unknown(subject, credentials_told(error), SIGN_IN)
    if is_denied(error):
        action = _permission(error, permissions)
        return unknown(
            subject, f"no permission to ask ({code})", f"allow {action} to who runs r1 check"
        )
    if code in _THROTTLED:
        return unknown(subject, f"AWS throttles these calls now ({code})", "ask again in a minute")
    if isinstance(error, _UNREACHABLE):
        return unknown(
            subject,
            f"AWS was not reached: {_first_line(error)}",
            "look after network, proxy (HTTPS_PROXY) and VPN; or is the Region misspelt?",
        )
    return unknown(subject, f"AWS answered {_first_line(error)}")


def _permission(error: Exception, permissions: Sequence[str]) -> str:
    operation = getattr(error, "operation_name", "")
    if operation in _PERMISSIONS:
        return _PERMISSIONS[operation]
    fitting = [one for one in permissions if one.endswith(f":{operation}")]
    return ", ".join(fitting or permissions)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
