import random

import pytest

from shipper.env.dotenv import dotenv
from shipper.errors import SecretError
from shipper.model.secret import Secret
from tests.unit.godotenv import read

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA+/=\n-----END OPENSSH PRIVATE KEY-----\n"
PIECES = [*"\\\"'$#\n\r\t (){}=:aN", "---\n", r"\n", "$HOME", "${HOME}", "$(", "\r\n", " #", r"\$", "\xa0", "é", "😀"]


@pytest.mark.parametrize(
    "value",
    [
        "123456:AA-e_x",
        KEY,
        "postgresql://bot:p@ss$HOME${HOME}$(id)@host/name?sslmode=require#x",
        r"\n is no line break, \\ are two, \$ is two",
        " \"double\", 'single', `others` # no comment ",
        'ends with "',
        "ends with \\",
        '"quoted"',
        "C:\\dir\\",
        "carriage\r\nreturn\ttab",
        "=: export A=b",
        "привет 😀\u2028",
    ],
)
def test_gh_reads_back_what_was_written(value: str) -> None:
    assert read(dotenv({"FIRST": Secret("x"), "VALUE": Secret(value), "LAST": Secret("y")}), {"HOME": "/root"}) == {
        "FIRST": "x",
        "VALUE": value,
        "LAST": "y",
    }


def test_whatever_is_written_at_all_is_read_back() -> None:
    dice, refused = random.Random(8), 0
    for _ in range(5000):
        value = "".join(dice.choices(PIECES, k=dice.randint(1, 8)))
        try:
            written = dotenv({"VALUE": Secret(value)})
        except SecretError:
            refused += 1
            assert value.endswith(("\\", '"')), value
        else:
            assert read(written, {"HOME": "/root", "N": "n"}) == {"VALUE": value}, written
    assert refused < 250


def test_what_gh_would_read_otherwise_is_refused_with_its_name_and_without_its_value() -> None:
    with pytest.raises(SecretError) as refused:
        dotenv({"GOOD": Secret("x"), "ODD": Secret("two\nlines, hush\\")})

    assert str(refused.value).startswith("ODD: gh would not read back as it is what ends so")
    assert "hush" not in str(refused.value)


def test_what_is_too_long_for_github_is_refused() -> None:
    assert dotenv({"A": Secret("x" * 49_152)})

    with pytest.raises(SecretError, match="A has 49153 bytes, and a secret of GitHub at most 49152"):
        dotenv({"A": Secret("x" * 49_153)})
