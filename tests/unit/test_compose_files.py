"""What is written for Docker Compose. That it makes the same containers is in tests/integration/test_compose.py."""

from typing import Any

import pytest

from shipper.model.specification import ContainerSpec
from shipper.operations.compose import ComposeFiles, compose_files
from shipper.planning.spec import container_spec
from tests.unit.nouns import a_config, a_payload, env


def files_for(values: dict[str, str], **role: Any) -> ComposeFiles:
    config = a_config(roles={"web": {"hosts": ["a.example"], **role}}, secrets={"KEY": None})
    contents = {path: "k" for path in role.get("files", {})}
    payload = a_payload(config, env={"web": env(**values)}, files={"web": env(**contents)})
    made: ContainerSpec = container_spec(
        "web", payload, name="shop-web", image_name="shop:1", network_name="shop", labels={}, aliases=()
    )
    return compose_files("shop", {"web": made})


def service(made: ComposeFiles) -> dict[str, Any]:
    web: dict[str, Any] = made.document["services"]["web"]
    return web


@pytest.mark.parametrize("value", ["", "1e3", "no", " a # b ", 'say "hi"', "a$b$$c", "größer"])
def test_a_value_that_all_read_alike_between_quotes_stands_in_the_env_file(value: str) -> None:
    made = files_for({"NAME": value})
    assert made.env_files == {"web.env": f"NAME='{value}'\n"}
    assert "environment" not in service(made)


@pytest.mark.parametrize("value", ["it's", "a\\nb", "ends\\", "${HOME}", "a\rb", "a\tb"])
def test_a_value_that_versions_of_compose_read_in_different_ways_stands_in_the_document(value: str) -> None:
    made = files_for({"NAME": value})
    assert made.env_files == {}
    assert service(made)["environment"] == {"NAME": value.replace("$", "$$")}


def test_all_that_makes_a_container_what_it_is_is_written() -> None:
    made = files_for(
        {"A": "b"},
        command="echo $HOME",
        singleton=True,
        handover={},
        volumes=["data:/data", "/srv:/srv:ro"],
        files={"/etc/key": {"secret": "KEY", "mode": "0400"}},
        publish=["127.0.0.1:80:8080", "[::1]:53:53/udp"],
        memory="64m",
        cpus=0.5,
        stop_timeout="1500ms",
        init=False,
        labels={"price": "5$"},
    )
    assert made.document == {
        "services": {
            "web": {
                "image": "shop:1",
                "container_name": "shop-web",
                "command": ["/bin/sh", "-c", "echo $$HOME"],
                "restart": "always",
                "init": False,
                "env_file": ["./web.env"],
                "volumes": [
                    {"type": "volume", "source": "data", "target": "/data", "read_only": False},
                    {"type": "bind", "source": "/srv", "target": "/srv", "read_only": True},
                    {"type": "volume", "source": "shop-web-lease", "target": "/run/shipper-lease", "read_only": False},
                    {"type": "bind", "source": "./files/web/etc/key", "target": "/etc/key", "read_only": False},
                ],
                "ports": ["127.0.0.1:80:8080/tcp", "[::1]:53:53/udp"],
                "mem_limit": 64 * 1024**2,
                "cpus": 0.5,
                "stop_grace_period": "2s",
                "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
                "labels": {"price": "5$$"},
            }
        },
        "networks": {"default": {"external": True, "name": "shop"}},
        "volumes": {
            "data": {"external": True, "name": "data"},
            "shop-web-lease": {"external": True, "name": "shop-web-lease"},
        },
    }
    assert made.env_files == {
        "web.env": "A='b'\nSHIPPER_LEASE='/run/shipper-lease'\nSHIPPER_HEALTH_PORT='8080'\n",
    }
    assert [(path, file.mode) for path, file in made.mounted.items()] == [("files/web/etc/key", 0o400)]


@pytest.mark.parametrize("path", ["/../../../home/ann/.profile", "//../home/ann/.profile", "/home/x/../ann/./.profile"])
def test_no_file_is_written_outside_of_the_folder(path: str) -> None:
    made = files_for({}, files={path: {"secret": "KEY"}})
    assert [*made.mounted] == ["files/web/home/ann/.profile"]
