"""Where Prometheus asks."""

import socket

import pytest

from botkit import metrics


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"\AMETRICS_PORT: {port} cannot be listened on: "):
            metrics.serve(port)
