"""Production takes only the image that is healthy in staging: two destinations, on one server."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import Project, container_ids


@pytest.fixture
def promoted(project: Project) -> Iterator[Project]:
    project.configure(promote_from="{destination: staging}")
    project.write("config/deploy.staging.yaml", "promote_from:\n")
    project.version("version 1")
    yield project
    ids = container_ids(project.server, f"{project.service}-staging", running=False)
    project.server.docker("rm", "--force", *ids)


def test_production_takes_what_is_healthy_in_staging_or_what_somebody_gives_a_reason_for(promoted: Project) -> None:
    host_name = promoted.server.address
    first = promoted.git("rev-parse", "HEAD")

    refused = promoted.shipper("deploy")
    assert refused.exit_code == 35
    what = (
        f"{first[:7]} is not proven in staging: web on {host_name} does not serve: nothing serves.\nNothing was done."
    )
    assert what in refused.errors
    assert promoted.containers(running=False) == []
    diagnosed = promoted.shipper("doctor", "-q")
    assert f"promotion: {what.splitlines()[0]}" in diagnosed.output
    assert "Nothing is in the way" not in diagnosed.output

    promoted.deploy("-d", "staging")
    plan = promoted.shipper("plan", "--json").json
    assert (plan["proof"]["destination"], plan["proof"]["release_numbers"]) == ("staging", [1])
    assert "\nproven in staging: healthy there, up for " in promoted.deploy("--expect", plan["fingerprint"]).output

    second = promoted.version("version 2")
    refused = promoted.shipper("plan")
    assert refused.exit_code == 35
    assert f"{second[:7]} is not proven in staging: web on {host_name} runs {first[:7]} (release 1)." in refused.errors
    promoted.deploy("--unproven", "the site is down")
    assert promoted.answer() == "version 2"
    assert f"release 2 of {second[:7]} replaces release 1 of {first[:7]}; not proven in staging: the site is down" in (
        promoted.shipper("history").output
    )


def test_what_brings_no_new_image_goes_ahead_though_staging_is_down(promoted: Project) -> None:
    nowhere = f"{promoted.server.address}:23"
    promoted.configure(promote_from="{destination: staging}", secrets="{TOKEN: }")
    promoted.write("config/deploy.staging.yaml", f"promote_from:\nroles: {{web: {{hosts: ['{nowhere}']}}}}\n")
    promoted.write("config/env.j2", "TOKEN={{ secrets.TOKEN }}\n")
    commit = promoted.commit()

    refused = promoted.shipper("deploy", TOKEN="old")
    promoted.deploy("--unproven", "staging is down", TOKEN="old")
    promoted.deploy(TOKEN="new")

    assert refused.exit_code == 35
    assert (
        f"{commit[:7]} is not proven, as staging cannot be asked: {nowhere}: the connection was refused"
        in refused.errors
    )
    assert "TOKEN=new" in promoted.serving["Config"]["Env"]
    assert promoted.shipper("rollback").exit_code == 0
    assert "TOKEN=old" in promoted.serving["Config"]["Env"]
