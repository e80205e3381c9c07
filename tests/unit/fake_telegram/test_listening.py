"""Where the Telegram of the tests listens."""

import pytest

from tests.fakes.telegram import Telegram


def test_an_address_that_is_taken_is_an_error(telegram: Telegram) -> None:
    with pytest.raises(OSError, match="in use"), Telegram(port=telegram.port):
        pass
