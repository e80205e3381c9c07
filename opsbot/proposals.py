"""What was asked for → the plan of it, with all that people should know before they confirm it."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from opsbot import metrics
from opsbot.access import approvers
from opsbot.command import LATEST
from opsbot.desk import Desk
from opsbot.github import GitHubUnavailable
from opsbot.inquiry import Inquiry
from opsbot.metrics import Outcome
from opsbot.storage import requests
from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb
from opsbot.views import plans, refusals, words
from opsbot.views.pages import Page
from opsbot.views.plans import Known

PATIENCE = 0.5
"""Seconds that a plan which is made waits for GitHub, until it is shown without."""


async def propose(desk: Desk, request: Request) -> None:
    """Raises ShipperError."""
    request, remark = await _with_newest_commit(desk, request)

    async def planned(inquiry: Inquiry) -> tuple[shipper.Plan | Page, Known]:
        if request.verb in (Verb.DEPLOY, Verb.PLAN):
            inquiry.ask_for_checks(_sha(request.command.version))
        async with shipper.task_group() as group:
            around = group.create_task(_around(desk, request))
            planning = group.create_task(_planned(desk, request))
        return planning.result(), replace(around.result(), remark=remark)

    await _show(desk, request, planned)


async def propose_instead(desk: Desk, request: Request, plan: shipper.Plan) -> None:
    """Of the plan that was confirmed, which is not what would be done now."""

    async def planned(inquiry: Inquiry) -> tuple[shipper.Plan | Page, Known]:
        return plan, replace(await _around(desk, request), remark=words.CHANGED)

    await _show(desk, request, planned)


async def _show(
    desk: Desk, request: Request, planned: Callable[[Inquiry], Awaitable[tuple[shipper.Plan | Page, Known]]]
) -> None:
    async with shipper.task_group() as group:
        inquiry = Inquiry(desk.github, group)
        plan, known = await planned(inquiry)
        await _complete(desk, request, plan, known, inquiry)
        inquiry.close()


async def _complete(desk: Desk, request: Request, plan: shipper.Plan | Page, known: Known, inquiry: Inquiry) -> None:
    if isinstance(plan, Page):
        await desk.end(request, plan, outcome="dismissed")
        return
    facts = plan.facts
    if request.verb in (Verb.DEPLOY, Verb.PLAN):
        request = replace(request, command=replace(request.command, version=facts.version))
        inquiry.ask_for_checks(facts.commit)
    inquiry.ask_what_lies_between(_sha(facts.replaces_version), facts.commit)
    await inquiry.wait(PATIENCE)
    if inquiry.told.awaits_checks:
        page = plans.awaiting(request, plan, replace(known, told=inquiry.told))
        await desk.show(request, page, phase=request.phase)
        await inquiry.wait()
    await _offer(desk, request, plan, replace(known, told=inquiry.told))


async def _offer(desk: Desk, request: Request, plan: shipper.Plan, known: Known) -> None:
    """To be confirmed, if there is something to do and nothing stands against it."""
    told = known.told
    if request.verb == Verb.PLAN or plan.is_empty:
        await desk.end(request, plans.shown(request, plan, known))
    elif known.freeze:
        await desk.end(request, refusals.frozen(request, known.freeze), outcome="dismissed", command=request.command)
    elif told.checks and told.is_red and not request.command.force_reason:
        await desk.note(request, "refused", "CI is red: " + ", ".join(check.name for check in told.checks.failed))
        await desk.end(request, refusals.red(request, told.checks), outcome="dismissed")
    else:
        await _ask_to_confirm(desk, request, plan, known)


async def _ask_to_confirm(desk: Desk, request: Request, plan: shipper.Plan, known: Known) -> None:
    environment = desk.config.environments[request.environment]
    others = approvers(desk.config, request.environment, request.person_id) if environment.approvals else ()
    if environment.approvals and not others:
        page = plans.shown(request, plan, known, "Nobody else may approve here, so it cannot be done.")
        await desk.end(request, page, outcome="dismissed")
        return
    was_not_needed = known.told.checks and not known.told.is_red and not isinstance(plan.proof, shipper.Waiver)
    command = replace(request.command, force_reason="") if was_not_needed else request.command
    offered = replace(
        request,
        command=command,
        fingerprint=plan.fingerprint,
        release=plan.release.number,
        expires_at=time.time() + environment.confirm_within,
        approved_by="",
    )
    page = plans.proposed(offered, plan, known, others)
    if over := await desk.database.insist(lambda connection: _put(connection, desk, offered, page)):
        metrics.count(request, over)
    desk.signals.to_show.ring()


async def _put(connection: AsyncConnection, desk: Desk, offered: Request, page: Page) -> Outcome | None:
    """Not where somebody aborted it at the last moment, or another one asked for the same: `latest`, say, is one commit
    like another. How it ends then.
    """
    now = await requests.get(connection, offered.id)
    same = await requests.same(connection, offered.command, but=offered.id)
    over: Outcome | None = None
    if now and now.abort_by:
        over, page = "aborted", words.aborted(offered, now.abort_by)
    elif same:
        over, page = "dismissed", words.already(same)
    changed = await requests.change(
        connection,
        offered,
        Phase.LOOKING,
        Phase.ACTING,
        phase=Phase.OVER if over else Phase.PROPOSED,
        command=offered.command,
        fingerprint=offered.fingerprint,
        release=offered.release,
        expires_at=offered.expires_at,
        approved_by=offered.approved_by,
    )
    if changed:
        await desk.write(connection, offered, page)
    return over


async def _with_newest_commit(desk: Desk, request: Request) -> tuple[Request, str]:
    """What `latest` is, where GitHub knows it; and what there is to say of it."""
    config = desk.config.github
    if not (desk.github and config and request.command.version == LATEST):
        return request, ""
    try:
        commit = await desk.github.latest(config.branch)
    except GitHubUnavailable as error:
        return request, f"⚠️ {error}. So this is the newest that there is an image of."
    return replace(request, command=replace(request.command, version=commit.sha)), ""


async def _around(desk: Desk, request: Request) -> Known:
    """What is worth knowing, and no reason to fail: whoever plans hears of the same trouble. A freeze is of deploys."""
    base = await desk.projects.base(request.environment)
    try:
        async with shipper.task_group() as group:
            disks = group.create_task(shipper.disks(base))
            freezes = group.create_task(shipper.freezes(base))
    except shipper.ShipperError:
        return Known()
    frozen = freezes.result().values() if request.verb in (Verb.DEPLOY, Verb.PLAN) else ()
    return Known(disks=disks.result(), freeze=next(iter(frozen), None))


async def _planned(desk: Desk, request: Request) -> shipper.Plan | Page:
    """Or why there is none."""
    performer = words.performer(request)
    match request.verb:
        case Verb.ROLLBACK:
            return await _planned_rollback(desk, request)
        case Verb.RESTART:
            base = await desk.projects.base(request.environment, performer, request.command.role)
            return await shipper.plan_restart(base)
        case _:
            return await _planned_deploy(desk, request)


async def _planned_deploy(desk: Desk, request: Request) -> shipper.Plan | Page:
    """Who forces it need not wait for the environment that it is promoted from: nobody asks there."""
    project = await _project(desk, request)
    try:
        return await shipper.plan_deploy(project, unproven=request.command.force_reason)
    except shipper.Unproven as error:
        if request.verb == Verb.DEPLOY:
            await desk.note(request, "refused", error.what)
        return refusals.unproven(request, error)


async def _project(desk: Desk, request: Request) -> shipper.Project:
    """GitHub knows what a few digits of a SHA stand for, also where no host has the image: a registry may."""
    asked, performer = request.command.version, words.performer(request)
    try:
        return await desk.projects.of(request.environment, asked, performer)
    except shipper.ImageError:
        if not desk.github or not re.fullmatch("[0-9a-f]{4,39}", asked):
            raise
        try:
            sha = (await desk.github.commit(asked)).sha
        except GitHubUnavailable:
            sha = ""
        if not sha:
            raise
    return await desk.projects.of(request.environment, sha, performer)


async def _planned_rollback(desk: Desk, request: Request) -> shipper.Plan | Page:
    base = await desk.projects.base(request.environment, words.performer(request))
    leaving = request.command.leaving
    try:
        plan = await shipper.plan_rollback(base, request.command.release)
        if leaving in (None, plan.facts.replaces):
            return plan
        return refusals.left_already(request, _serving(await shipper.list_releases(base)))
    except shipper.ReleaseNotFound:
        serving = _serving(await shipper.list_releases(base))
        if leaving in (None, *serving):
            raise
        return refusals.left_already(request, serving)
    except shipper.Irreversible as error:
        number = f" {request.command.release}" if request.command.release else ""
        raise shipper.Irreversible(
            error.what,
            now=error.now,
            next="Deploy a version that mends it; if the old one can live with that, from a terminal: "
            f"shipper rollback{number} --force",
        ) from None


def _serving(hosts: dict[str, shipper.Observed]) -> dict[int, str]:
    """The releases that serve, with their versions; the newest first."""
    found = {c.release_number: c.short_version for host in hosts.values() for c in host.serving_all().values()}
    return dict(sorted(found.items(), reverse=True))


def _sha(version: str) -> str:
    """The commit that a version names; empty where it names none."""
    commit = version.partition("-")[0]
    return commit if re.fullmatch("[0-9a-f]{40}", commit) else ""
