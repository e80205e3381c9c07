"""From staging to production: what is proven there is deployed, as long as it is."""

from tests.integration.conftest import container_ids
from tests.integration.opsbot.house import House


def test_what_is_proven_in_staging_is_deployed_unless_it_stops_being_so_before_the_confirm(ops: House) -> None:
    project = ops.project
    project.configure(promote_from="{destination: staging}")
    project.write("config/deploy.staging.yaml", "promote_from:\n")
    commit = project.version("version 1")[:7]
    ops.configure("approvals: 1", "  staging: { destination: staging }")
    ops.active()

    asked = ops["deployer"].sends_text(f"/deploy production {commit}")
    refused = ops.answer(asked, f"{commit} is not proven in staging: web on {project.host_name} does not serve")
    assert f"/deploy production {commit} force REASON" in refused.text

    project.deploy(commit, "-d", "staging")
    ops.presses("deployer", "Try again", asked)
    plan = ops.answer(refused, "✅ proven in staging: healthy there, up for ")
    assert plan.labels == ["✅ Approve", "Refuse", "Withdraw"]

    ids = container_ids(project.server, f"{project.service}-staging", running=False)
    project.server.docker("rm", "--force", *ids)
    ops.presses("approver", "Approve", refused)
    ops.answer(refused, "does not serve: nothing serves")
    assert project.containers(running=False) == []

    forced = ops["admin"].sends_text(f"/deploy production {commit} force the site is down")
    ops.answer(forced, "⚠️ Not proven in staging\n⚠️ Forced by admin: the site is down")
    ops.presses("approver", "Approve", forced)
    ops.answer(forced, f"release 1 of {commit} serves")
