"""Restart, stop and start; and a deploy of a part: one role of two, one host of two."""

from tests.integration.conftest import Project
from tests.integration.visiting import visitor


def test_a_restart_leaves_no_gap_and_changes_nothing_but_the_container(project: Project) -> None:
    project.deploy()
    before = project.serving

    with visitor(project):
        result = project.shipper("restart")

    assert result.exit_code == 0, result.everything
    after = project.serving
    assert after["Id"] != before["Id"]
    assert [c["Config"]["Labels"]["shipper.release"] for c in (before, after)] == ["1", "1"]
    assert after["Config"]["Env"] == before["Config"]["Env"]
    assert project.shipper("deploy").output.endswith("nothing was done.\n")
    assert [row["outcome"] for row in project.shipper("history", "--json").json] == ["deployed", "restarted"]
