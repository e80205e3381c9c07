"""Each host is looked at on its own."""

import pytest

import shipper
from opsbot.looks.hosts import on_each
from tests.unit.nouns import A, B, a_role
from tests.unit.test_lifecycle import a_project

BOTH = a_project(a_role(hosts=[A, B]))


async def test_a_host_that_does_not_answer_hides_nothing_of_the_others() -> None:
    async def look(project: shipper.Project) -> str:
        (host_name,) = project.hosts
        if host_name == A:
            raise shipper.ConnectError(f"{A}: no route to it")
        return f"seen on {host_name}"

    seen = await on_each(BOTH, look)
    assert (seen.told, seen.problems) == ({B: f"seen on {B}"}, {A: f"{A}: no route to it"})


async def test_where_no_host_answers_the_first_ones_reason_is_told() -> None:
    async def look(project: shipper.Project) -> None:
        raise shipper.ConnectError(f"{project.hosts[0]}: no route to it")

    with pytest.raises(shipper.ConnectError, match=A):
        await on_each(BOTH, look)
