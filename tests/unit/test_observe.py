"""Which container is our own."""

import pytest

from shipper.observe import own_among
from shipper.world import Inside
from tests.unit.nouns import a_container

ID = "db4f" * 16


def called(name: str) -> Inside:
    return Inside(container_id=name, give_way=lambda: None, take_back=lambda: None, leave=lambda: None)


@pytest.mark.parametrize("name", [ID, ID[:12]])
def test_a_container_is_known_by_its_id_or_by_the_host_name_that_docker_makes_of_it(name: str) -> None:
    own = a_container(id=ID)
    assert own_among((a_container(id="c0ffee" * 10), own), called(name)) == own


@pytest.mark.parametrize("name", ["db", "laptop", ""])
def test_a_machine_whose_name_an_id_begins_with_is_no_container(name: str) -> None:
    assert own_among((a_container(id=ID),), called(name)) is None


def test_who_does_not_say_where_he_runs_has_none() -> None:
    assert own_among((a_container(id=ID),), None) is None
