"""Plans what was asked for, and shows it: a confirm is bound to that very plan, for a few minutes."""

import time
from dataclasses import replace

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb
from opsbot.views import plans, words
from opsbot.views.plans import Known

CHANGED = "The world has changed since that plan was confirmed. Nothing was done; this is what would be done now:"


async def propose(desk: Desk, request: Request) -> None:
    """Raises ShipperError."""
    plan = await _planned(desk, request)
    await show(desk, request, plan)


async def show(desk: Desk, request: Request, plan: shipper.Plan, note: str = "") -> None:
    """To be confirmed, if there is something to do."""
    known = Known()
    if request.verb == Verb.PLAN or plan.is_empty:
        await desk.end(request, plans.shown(request, plan, known))
        return
    environment = desk.config.environments[request.environment]
    await desk.show(
        request,
        plans.proposed(request, plan, known, note),
        phase=Phase.PROPOSED,
        fingerprint=plan.fingerprint,
        release=plan.release.number,
        command=replace(request.command, version=plan.facts.version),
        expires_at=time.time() + environment.confirm_within,
        approved_by="",
    )


async def _planned(desk: Desk, request: Request) -> shipper.Plan:
    performer = words.performer(request)
    match request.verb:
        case Verb.ROLLBACK:
            base = desk.projects.base(request.environment, performer)
            return await shipper.plan_rollback(base, request.command.release)
        case Verb.RESTART:
            base = desk.projects.base(request.environment, performer, request.command.role)
            return await shipper.plan_restart(base)
        case _:
            project = await desk.projects.of(request.environment, request.command.version, performer)
            return await shipper.plan_deploy(project)
