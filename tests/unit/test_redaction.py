"""What no log shows, wherever it stands."""

import json

import pytest

from botkit.logs import redact

KEY = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
-----END OPENSSH PRIVATE KEY-----
"""


@pytest.mark.parametrize("token", ["ghp_" + "x1" * 18, "ghs_" + "x1" * 18, "github_pat_11AAAAAAA0" + "x1" * 30])
def test_a_token_of_github_is_redacted(token: str) -> None:
    assert redact(f"401 for Bearer {token}, again") == "401 for Bearer [secret], again"


def test_a_private_key_is_redacted_as_it_is_in_json_and_cut_off() -> None:
    assert redact(f"before {KEY}after") == "before [secret]\nafter"
    assert redact(json.dumps({"key": KEY, "event": "said"})) == r'{"key": "[secret]\n", "event": "said"}'
    assert redact(f"before {KEY[:60]}") == "before [secret]"


def test_what_only_looks_like_them_is_shown() -> None:
    said = "commit 2222222222222222222222222222222222222222 of github_pat_ and -----BEGIN CERTIFICATE-----"
    assert redact(said) == said
