"""Processes that begin with all imported that a deploy or a bot needs: each import would cost up to three seconds.

A process of tests has one server that forks, so all that its children need is named here.
"""

import multiprocessing

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    [
        "__main__",
        "opsbot.app",
        "tests.bots",
        "tests.integration.killing",
        "tests.others",
        "shipper.operations.deployment",
        "shipper.reporters.plain",
        "voicebot.app",
        "voicebot.check",
    ]
)
