import pytest

from shipper.errors import AccessDenied, EngineError, ImageError, NotThere, RegistryError
from shipper.images.refusals import Request

# As Docker 20.10 to 28 wrote them, of Docker Hub, ghcr.io and the registry of the CNCF.
HUB_LIMIT = (
    "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and "
    "upgrading: https://www.docker.com/increase-rate-limit"
)
HUB_DENIED = "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n"
HUB_PULL_DENIED = (
    "pull access denied for ann/shop, repository does not exist or may require 'docker login': denied: requested "
    "access to the resource is denied"
)
HUB_PASSWORD = 'Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password'
GHCR_DENIED = 'Head "https://ghcr.io/v2/ann/shop/manifests/1": denied'
NO_NAME = 'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 10.0.0.1:53: no such host'
NO_SOCKET = 'Get "https://registry.example/v2/": dial tcp 10.0.0.9:443: connect: permission denied'


def told(text: str, username: str | None = "ann", kind: type[EngineError] = EngineError) -> Exception:
    asked = Request(where="a.example", registry_name="docker.io", image_name="ann/shop:1", username=username)
    return asked.refusal(kind(text))


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        (HUB_LIMIT, RegistryError, "docker.io limits how often it may be asked: toomanyrequests: You have reached"),
        (
            "received unexpected HTTP status: 429 Too Many Requests",
            RegistryError,
            "docker.io limits how often it may be asked",
        ),
        (HUB_DENIED, AccessDenied, "docker.io denies ann the repository of ann/shop:1: errors: denied: requested"),
        (HUB_PULL_DENIED, AccessDenied, "docker.io denies ann the repository of ann/shop:1: pull access denied"),
        (GHCR_DENIED, AccessDenied, "docker.io denies ann the repository of ann/shop:1"),
        (
            "error parsing HTTP 403 response body: invalid character",
            AccessDenied,
            "docker.io denies ann the repository",
        ),
        (HUB_PASSWORD, RegistryError, "docker.io refuses the password of ann: Get "),
        ("unauthorized: authentication required", RegistryError, "docker.io refuses the password of ann: unauthorized"),
        ("manifest unknown: manifest unknown", ImageError, "docker.io has no image ann/shop:1."),
        ("name unknown: repository name not known to registry", ImageError, "docker.io has no image ann/shop:1."),
        (NO_NAME, RegistryError, "a.example does not get through to the registry docker.io: Get "),
        (NO_SOCKET, RegistryError, "a.example does not get through to the registry docker.io: Get "),
    ],
)
def test_what_docker_says_of_a_registry_becomes_an_error_of_its_kind(
    text: str, kind: type[Exception], what: str
) -> None:
    error = told(text)

    assert type(error) is kind
    assert str(error).startswith(what)


def test_who_has_no_login_is_told_to_give_one() -> None:
    nobody = 'Head "https://registry.example/v2/shop/manifests/1": no basic auth credentials'

    assert "docker.io wants a login for ann/shop:1" in str(told(nobody, username=None))
    assert str(told(nobody, username=None)).endswith("a username and a password, or run: docker login docker.io")


def test_who_asks_too_often_without_a_login_is_told_that_one_raises_the_limit() -> None:
    assert "or give `registry` in the config a username" in str(told(HUB_LIMIT, username=None))


def test_a_status_counts_where_the_registry_gave_no_code() -> None:
    assert type(told("not here, sorry", kind=NotThere)) is ImageError
