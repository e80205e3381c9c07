"""The bot of singleton.py that deploys itself: the sample for "A program that deploys itself" in docs/handover.md.

A file HOSTNAME-1 in the folder CONTROL asks it to, then HOSTNAME-2 and so on: JSON of the environment for the deploy.
"""

import asyncio
import itertools
import json
import os
from pathlib import Path

import shipper
from shipper.handover import Handover
from tests.app.singleton import lease, poll, work_on

CONTROL = Path(os.environ["CONTROL"])
HOST_NAME = os.uname().nodename


async def main() -> None:
    inbox: asyncio.Queue[int | None] = asyncio.Queue()
    async with Handover(lease=lease()) as handover, asyncio.TaskGroup() as group:
        group.create_task(work_on(inbox))
        print("standby", flush=True)
        deploying: asyncio.Task[None] | None = None
        while await handover.wanted():
            async with handover.active():
                print("active", flush=True)
                deploying = deploying or group.create_task(deploy_when_asked(handover))
                await poll(handover, inbox)
            print("draining", flush=True)
        if deploying:
            await deploying  # it is what gave way, and has more to do
        inbox.put_nowait(None)
    print("ended", flush=True)


async def deploy_when_asked(handover: Handover) -> None:
    inside = shipper.Inside(
        container_id=HOST_NAME, give_way=handover.give_way, take_back=handover.take_back, leave=handover.leave
    )
    for number in itertools.count(1):
        asked = await handover.until_stop(request(number))
        if asked is None:
            return
        project = shipper.open_project("/project", environ={**os.environ, **asked}, inside=inside)
        outcome = await shipper.deploy(project)
        print(type(outcome).__name__, *([outcome.restored] if isinstance(outcome, shipper.Failed) else []), flush=True)


async def request(number: int) -> dict[str, str]:
    file = CONTROL / f"{HOST_NAME}-{number}"
    while not file.exists():  # noqa: ASYNC110 — a sample needs no better
        await asyncio.sleep(0.02)
    asked: dict[str, str] = json.loads(file.read_text())
    return asked


if __name__ == "__main__":
    asyncio.run(main())
