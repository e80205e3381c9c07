"""Files of any schema are read as deploy.yaml is."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

import pytest
from pydantic import AfterValidator, BeforeValidator, ValidationInfo, model_validator

import shipper


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _of_a_known_wall(value: str, info: ValidationInfo) -> str:
    assert info.context
    walls = info.context["walls"]
    if value not in walls:
        raise ValueError("is no wall" + shipper.did_you_mean(value, walls, otherwise=" of ours"))
    return value


class Window(shipper.Section):
    wall: Annotated[str, AfterValidator(_of_a_known_wall)]
    panes: Annotated[tuple[int, ...], BeforeValidator(_listed)] = ()


class House(shipper.Section):
    walls: dict[str, shipper.Duration]
    windows: tuple[Window, ...] = ()

    @model_validator(mode="after")
    def _light_enough(self) -> Self:
        if not self.windows:
            raise shipper.contradictions([("windows", "it would be dark")])
        found = [
            (("windows", index, "panes"), "is a hole") for index, each in enumerate(self.windows) if not each.panes
        ]
        if found:
            raise shipper.contradictions(found)
        return self


class Door(shipper.Section):
    way: str


def read(text: str, **environ: str) -> House:
    return shipper.parse_document(House, {"house.yaml": text}, environ)


def test_values_of_the_environment_and_free_keys_are_known_to_it() -> None:
    house = read("x-wall: &wall 5m\nwalls: {north: *wall}\nwindows: [{wall: '${SIDE}', panes: 2}]", SIDE="north")
    assert (house.walls, house.windows) == ({"north": 300.0}, (Window.model_construct(wall="north", panes=(2,)),))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("wals: {}", '1: wals: is not a key here; did you mean "walls"?'),
        ("walls: {north: 5}", '1: walls.north: "5" is not a duration such as 500ms, 30s, 5m or 2h'),
        ("windows:\n- {wall: nort, panes: 1}", '2: windows[0].wall: "nort" is no wall; did you mean "north"?'),
        ("windows:\n- {wall: x, panes: 1}", '2: windows[0].wall: "x" is no wall of ours'),
        ("windows:\n- {wall: north}", "2: windows[0].panes: is a hole"),
        (
            "windows:\n- wall: north\n  panes: blue",
            '3: windows[0].panes: "blue" should be a valid integer, unable to parse string as an integer',
        ),
        ("windows: []", "1: windows: it would be dark"),
    ],
)
def test_a_mistake_is_told_where_it_stands(text: str, complaint: str) -> None:
    with pytest.raises(shipper.ConfigError) as caught:
        read(text if "walls" in text else f"{text}\nwalls: {{north: 5m}}")
    assert caught.value.what == f"house.yaml:{complaint}"


@pytest.mark.parametrize(("environ", "expected"), [({"SIDE": "north"}, "to north"), ({"SIDE": ""}, "a"), ({}, "a")])
def test_text_may_stand_where_a_variable_is_set(environ: dict[str, str], expected: str) -> None:
    assert shipper.parse_document(Door, {"door.yaml": "way: ${SIDE:+to }${SIDE:-a}"}, environ).way == expected


def test_what_is_beside_the_environment_counts_where_that_lacks_something() -> None:
    asked: list[Mapping[str, str]] = []

    def beside(written: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        asked.extend(written)
        return {"ONE": "of file", "TWO": "of file", "THREE": ""}

    class Names(shipper.Section):
        file: str
        names: tuple[str, ...]

    text = "file: private.env\nnames: ['${ONE}', '${TWO}', '${THREE:-none}']"
    names = shipper.parse_document(Names, {"names.yaml": text}, {"ONE": "of environment"}, beside=beside).names
    assert names == ("of environment", "of file", "none")
    assert asked == [{"file": "private.env"}]
