"""Reaching a server: what can go wrong on the way, what is said of it, and that nothing is touched then."""

import os
import pty
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.hosts.login import login
from shipper.hosts.session import access
from tests.integration.conftest import Project, Result, fingerprint
from tests.machines import Machine, machine

pytestmark = pytest.mark.builds

SSH = "{user: deploy, key_env: SAMPLE_KEY}"


@pytest.fixture(scope="module")
def bare(_parts: None) -> Iterator[Machine]:
    """Nobody has prepared it, and it has no Docker. Its sshd listens on port 2222 too."""
    with machine("bare", docker=False, sshd="Port 22\nPort 2222") as made:
        yield made


@pytest.fixture
def unprepared(server: Machine) -> Iterator[None]:
    """Docker is there, but no folder that belongs to those who deploy."""
    server.run("mv /var/lib/shipper /var/lib/prepared")
    yield
    server.run("mv /var/lib/prepared /var/lib/shipper")


def aim(project: Project, host: str = "", ssh: str = SSH, **top: str) -> None:
    """The config with another name for the server, or other settings of SSH."""
    project.configure(**top)
    config = (project.folder / "config/deploy.yaml").read_text()
    config = config.replace(f"ssh: {SSH}", f"ssh: {ssh}")
    project.write(
        "config/deploy.yaml", config.replace(f"[{project.server.address}]", f'["{host or address(project)}"]')
    )


def address(project: Project) -> str:
    return project.server.address


def pinned(project: Project) -> str:
    file = project.folder / "config/known_hosts"
    return file.read_text() if file.exists() else ""


def refused(project: Project, exit_code: int, **environ: str) -> str:
    """Tries to deploy, and checks what must hold whenever there is no way to a server; gives the message."""
    before = pinned(project)

    result = project.shipper("deploy", **environ)

    assert result.exit_code == exit_code, result.everything
    assert_plain(result)
    assert result.output == ""
    assert pinned(project) == before
    assert_untouched(project)
    return result.errors


def assert_plain(result: Result) -> None:
    assert "Traceback" not in result.everything
    assert "bug in shipper" not in result.everything


def assert_untouched(project: Project) -> None:
    assert project.containers(running=False) == []
    assert project.server.docker("images", "--quiet", project.service).stdout == ""
    assert not list(state_folder(project).glob("releases/*"))
    assert not (state_folder(project) / "journal").exists()


def state_folder(project: Project) -> Path:
    return project.server.root / "var/lib/shipper" / project.service


def key_line(public_key: Path, host: str) -> str:
    return f"{host} {public_key.read_text().strip()}\n"


def another_key(project: Project, host: str = "") -> str:
    """A known_hosts line with a key that is not the server's."""
    return key_line(project.server.folder / "key.pub", host or address(project))


def new_key(file: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", file], check=True)
    return file


def home_file(project: Project, path: str, text: str) -> None:
    file = Path(project.environ["HOME"], path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def logged(made: Machine) -> str:
    return (made.folder / "sshd.log").read_text()


def shipper_with_names(project: Project, names: str, *arguments: str) -> Result:
    """Runs the CLI where `names` is all of /etc/hosts, and no question about others leaves this machine."""
    home_file(project, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
    home_file(project, "hosts", names)
    script = 'for name in hosts nsswitch.conf; do mount --bind "$HOME/$name" "/etc/$name"; done; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", sys.executable, "-m", "shipper", *arguments],
        cwd=project.folder,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Result(exit_code=done.returncode, output=done.stdout, errors=done.stderr)


# No answer


@pytest.mark.parametrize(
    ("ssh", "compression"), [(SSH, "zlib@openssh.com"), (f"{SSH[:-1]}, compression: false}}", "none")]
)
async def test_what_goes_through_is_compressed_unless_the_config_says_no(
    project: Project, ssh: str, compression: str
) -> None:
    aim(project, ssh=ssh)
    async with login(address(project), access(project.opened())) as connection:
        assert connection.get_extra_info("send_compression") == compression


def test_a_refused_connection_is_told_with_its_port(project: Project) -> None:
    aim(project, host=f"{address(project)}:2")

    message = refused(project, 10)

    assert f"error: {address(project)}:2: the connection was refused: no sshd listens on port 2." in message
    assert "next: Is sshd running there, and is this its port (ssh.port)?" in message


def test_a_host_name_that_nobody_knows_is_told(project: Project) -> None:
    aim(project, host="nowhere.invalid")

    result = shipper_with_names(project, "", "deploy")

    assert result.exit_code == 10, result.everything
    assert "error: nowhere.invalid: there is no host of this name." in result.errors
    assert "next: " in result.errors
    assert_plain(result)


def test_a_host_name_that_cannot_be_one_is_told(project: Project) -> None:
    aim(project, host="two..dots")

    message = refused(project, 10)

    assert "error: two..dots: " in message


def test_a_server_that_stays_silent_is_given_up_after_the_deadline(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        aim(project, host=host, timeouts="{connect: 200ms}")

        message = refused(project, 10)

    assert f"error: {host}: no answer within 0.2 s." in message
    assert "next: Is the server up, and does a firewall let you through? The deadline is timeouts.connect." in message


def test_trust_gives_up_on_a_silent_server_too(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        aim(project, timeouts="{connect: 200ms}")

        result = project.shipper("trust", host, "--yes")

    assert result.exit_code == 10, result.everything
    assert f"error: {host}: no answer within 0.2 s." in result.errors
    assert pinned(project) == project.server.host_key + "\n"


# Keys to log in with


def test_a_key_that_the_server_does_not_accept_is_told(project: Project, tmp_path: Path) -> None:
    key = new_key(tmp_path / "other")
    message = refused(project, 11, SAMPLE_KEY=key.read_text())

    listed = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout
    fingerprint = listed.split()[1]
    assert f"error: {address(project)}: the server accepts none of your keys for user deploy." in message
    assert f"next: The key was {fingerprint}, from $SAMPLE_KEY. Is its public half in ~/.ssh" in message


def test_a_key_env_that_is_not_set_is_a_config_error(project: Project) -> None:
    message = refused(project, 2, SAMPLE_KEY="")

    assert "error: ssh.key_env: the environment variable SAMPLE_KEY is not set" in message


def test_a_key_file_counts_where_the_variable_beside_it_is_not_set(project: Project) -> None:
    aim(project, ssh=f"{{user: deploy, key: {project.server.key}, key_env: OTHER_KEY}}")
    assert project.shipper("status").exit_code == 0
    assert project.shipper("status", OTHER_KEY="no key").exit_code == 2
    aim(project, ssh="{user: deploy, key: nowhere, key_env: OTHER_KEY}")
    message = project.shipper("status").errors
    assert f"error: ssh.key: there is no file {project.folder}/nowhere, and OTHER_KEY is not set" in message


def test_a_key_env_that_holds_no_key_is_a_config_error_that_does_not_show_it(project: Project) -> None:
    message = refused(project, 2, SAMPLE_KEY="not-a-key-but-perhaps-a-password")

    assert "error: ssh.key_env: SAMPLE_KEY does not hold a private key without passphrase" in message
    assert "next: It must hold the whole file, from -----BEGIN to END-----" in message
    assert "perhaps-a-password" not in message


def test_a_key_file_that_is_missing_is_a_config_error(project: Project) -> None:
    aim(project, ssh="{user: deploy, key: keys/nowhere}")

    message = refused(project, 2)

    assert f"error: ssh.key: there is no file {project.folder}/keys/nowhere" in message


def test_a_key_file_that_holds_no_key_is_a_config_error(project: Project) -> None:
    project.write("keys/deploy", "not a key\n")
    project.write(".gitignore", "keys/\n")
    aim(project, ssh="{user: deploy, key: keys/deploy}")

    message = refused(project, 2)

    assert "error: keys/deploy cannot be used: " in message


def test_a_key_file_with_a_passphrase_is_a_config_error(project: Project, tmp_path: Path) -> None:
    file = new_key(tmp_path / "locked", "opensesame")
    aim(project, ssh=f"{{user: deploy, key: {file}}}")

    message = refused(project, 2)

    assert f"error: {file} cannot be used: " in message
    assert "next: A key with a passphrase belongs into ssh-agent: ssh-add" in message


def test_a_key_is_taken_from_a_file(project: Project) -> None:
    shutil.copy(project.server.key, Path(project.environ["HOME"], "deploy_key"))
    aim(project, ssh="{user: deploy, key: ~/deploy_key}")

    result = project.shipper("status")

    assert result.exit_code == 0, result.everything


# Keys that servers show


def test_an_unknown_host_key_is_refused_with_its_fingerprint(project: Project) -> None:
    project.write("config/known_hosts", "")

    message = refused(project, 12)

    shown = f"ssh-ed25519 {fingerprint(project.server)}"
    assert f"error: {address(project)}: the server's host key is not known. It shows {shown}." in message
    assert "Nothing was sent to it." in message
    assert f"If it is right: shipper trust {address(project)}\n" in message


def test_an_unknown_host_key_of_a_server_with_a_name_is_refused(project: Project) -> None:
    aim(project, host="box.example")
    project.write("config/known_hosts", another_key(project, "elsewhere"))

    result = shipper_with_names(project, f"{address(project)} box.example\n", "deploy")

    assert result.exit_code == 12, result.everything
    assert "error: box.example: the server's host key is not known." in result.errors
    assert "If it is right: shipper trust box.example\n" in result.errors
    assert_plain(result)
    assert_untouched(project)


def test_a_server_with_a_name_can_be_trusted(project: Project) -> None:
    aim(project, host="box.example")
    project.write("config/known_hosts", another_key(project, "elsewhere"))
    names = f"{address(project)} box.example\n"

    result = shipper_with_names(project, names, "trust", "box.example", "--yes")

    assert result.exit_code == 0, result.everything
    assert pinned(project).splitlines()[-1].split()[0] == "box.example"
    assert shipper_with_names(project, names, "status").exit_code == 0


def test_a_changed_host_key_is_refused_with_its_fingerprint(project: Project) -> None:
    project.write("config/known_hosts", another_key(project))

    message = refused(project, 12)

    shown = f"ssh-ed25519 {fingerprint(project.server)}"
    assert f"error: {address(project)}: the server's host key HAS CHANGED. It now shows {shown}." in message
    assert "Someone may be listening in" in message
    assert f"If it is right: shipper trust {address(project)}\n" in message


def test_a_changed_host_key_is_told_as_such_where_the_config_names_the_usual_port(project: Project) -> None:
    project.write("config/known_hosts", another_key(project))
    aim(project, ssh="{user: deploy, port: 22, key_env: SAMPLE_KEY}")

    message = refused(project, 12)

    assert "HAS CHANGED" in message


def test_a_known_hosts_that_cannot_be_read_is_a_config_error(project: Project) -> None:
    project.write("config/known_hosts", "rubbish\n")

    message = refused(project, 2)

    assert "config/known_hosts cannot be read" in message


def test_trust_pins_a_key_and_the_next_command_gets_through(project: Project) -> None:
    (project.folder / "config/known_hosts").unlink()

    result = project.shipper("trust", address(project), "--yes")

    assert result.exit_code == 0, result.everything
    assert f"{address(project)} shows the host key ssh-ed25519 {fingerprint(project.server)}\n" in result.output
    assert "Pinned in config/known_hosts; commit it." in result.output
    assert pinned(project) == f"{' '.join(project.server.host_key.split()[:3])}\n"
    assert project.shipper("status").exit_code == 0


def test_trust_says_of_a_pinned_key_that_it_is_pinned_and_compares_it_all_the_same(project: Project) -> None:
    before = pinned(project)

    result = project.shipper("trust", address(project))
    wrong = project.shipper("trust", address(project), "--yes", "--fingerprint", f"SHA256:{'A' * 43}")

    assert result.exit_code == 0, result.everything
    assert "It is pinned already." in result.output
    assert wrong.exit_code == 12
    assert f"its key has another fingerprint than SHA256:{'A' * 43}.\nIt was pinned before, and still is.\n" in (
        wrong.errors
    )
    assert pinned(project) == before


def test_trust_pins_the_key_that_has_the_fingerprint(project: Project) -> None:
    project.write("config/known_hosts", "")

    result = project.shipper("trust", address(project), "--fingerprint", fingerprint(project.server))

    assert result.exit_code == 0, result.everything
    assert pinned(project).split()[0] == address(project)


def test_trust_pins_nothing_when_the_fingerprint_is_another(project: Project) -> None:
    project.write("config/known_hosts", "")
    wrong = f"SHA256:{'A' * 43}"

    result = project.shipper("trust", address(project), "--fingerprint", wrong)

    assert result.exit_code == 12
    assert (
        f"error: {address(project)}: its key has another fingerprint than {wrong}.\nNothing was pinned.\n"
        in result.errors
    )
    assert pinned(project) == ""


def test_trust_refuses_where_there_is_nobody_to_ask(project: Project) -> None:
    project.write("config/known_hosts", "")

    result = project.shipper("trust", address(project))

    assert result.exit_code == 12
    assert f"error: {address(project)}: nobody is here to compare the key.\nNothing was pinned.\n" in result.errors
    assert f"next: If it is the same there: shipper trust {address(project)} --fingerprint SHA256:" in result.errors
    assert_plain(result)
    assert pinned(project) == ""


@pytest.mark.parametrize(("answer", "exit_code"), [("y\n", 0), ("n\n", 12), ("\x04", 130)])
def test_trust_does_what_the_person_at_the_terminal_answers(project: Project, answer: str, exit_code: int) -> None:
    project.write("config/known_hosts", "")
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())

    done = subprocess.run(
        [sys.executable, "-m", "shipper", "trust", address(project)],
        cwd=project.folder,
        env=project.environ,
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    os.close(ours)
    os.close(theirs)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert bool(pinned(project)) == (exit_code == 0)


def test_trust_replaces_a_changed_key_and_keeps_all_other_lines(project: Project) -> None:
    others = f"# of the team\n\n{another_key(project, 'elsewhere')}{another_key(project, f'[{address(project)}]:2222')}"
    project.write("config/known_hosts", another_key(project) + others)

    result = project.shipper("trust", address(project), "--yes")

    assert result.exit_code == 0, result.everything
    assert "ANOTHER KEY IS PINNED for this host" in result.output
    assert pinned(project) == f"{others}{' '.join(project.server.host_key.split()[:3])}\n"


def test_trust_takes_the_changed_key_from_a_line_that_names_several_hosts(project: Project) -> None:
    project.write("config/known_hosts", another_key(project, f"{address(project)},elsewhere"))

    project.shipper("trust", address(project), "--yes")

    old = (project.server.folder / "key.pub").read_text().split()[1]
    assert [line.split()[0] for line in pinned(project).splitlines() if old in line] in ([], ["elsewhere"])


def test_a_port_of_its_own_has_a_pinned_key_of_its_own(project: Project, bare: Machine) -> None:
    project.write("config/known_hosts", "")

    result = project.shipper("trust", f"{bare.address}:2222", "--yes")

    assert result.exit_code == 0, result.everything
    assert pinned(project).split()[0] == f"[{bare.address}]:2222"


def test_a_key_pinned_for_a_port_of_its_own_is_honoured(project: Project, bare: Machine) -> None:
    project.move(bare)
    project.write("config/known_hosts", key_line(bare.folder / "host_key.pub", f"[{bare.address}]:2222"))
    aim(project, host=f"{bare.address}:2222")

    refused(project, 14)  # it has no Docker, but there we are


def test_the_users_own_known_hosts_is_honoured_where_nothing_is_pinned(project: Project) -> None:
    (project.folder / "config/known_hosts").unlink()
    home_file(project, ".ssh/known_hosts", project.server.host_key + "\n")

    result = project.shipper("status")

    assert result.exit_code == 0, result.everything


def test_a_pinned_key_wins_over_the_users_own_known_hosts(project: Project) -> None:
    project.write("config/known_hosts", another_key(project))
    home_file(project, ".ssh/known_hosts", project.server.host_key + "\n")

    assert "HAS CHANGED" in refused(project, 12)


# ~/.ssh/config


def alias(project: Project, port: int = 22) -> None:
    """A config that says nothing but `box`, which ~/.ssh/config explains."""
    aim(project, host="box", ssh="{key_env: SAMPLE_KEY}")
    home_file(project, ".ssh/config", f"Host box\n  HostName {address(project)}\n  User deploy\n  Port {port}\n")


def test_the_users_ssh_config_says_what_a_host_is(project: Project) -> None:
    alias(project)

    result = project.shipper("status", "--json")

    assert result.exit_code == 0, result.everything
    assert [(host["host_name"], host["roles"][0]["container"]) for host in result.json] == [("box", None)]


def test_the_users_ssh_config_says_which_port(project: Project, bare: Machine) -> None:
    project.move(bare)
    alias(project, port=2222)
    project.write("config/known_hosts", key_line(bare.folder / "host_key.pub", f"[{bare.address}]:2222"))

    refused(project, 14)  # it has no Docker, but there we are


def test_a_host_of_the_users_ssh_config_can_be_trusted_by_its_alias(project: Project) -> None:
    alias(project)
    project.write("config/known_hosts", "")

    trusted = project.shipper("trust", "box", "--yes")

    assert trusted.exit_code == 0, trusted.everything
    status = project.shipper("status")
    assert status.exit_code == 0, status.everything


def test_a_changed_key_is_told_as_such_of_a_host_of_the_users_ssh_config(project: Project) -> None:
    alias(project)
    project.write("config/known_hosts", another_key(project))

    assert "HAS CHANGED" in refused(project, 12)


def test_an_ssh_config_that_cannot_be_read_is_a_config_error(project: Project) -> None:
    home_file(project, ".ssh/config", "Host *\n  Port twenty-two\n")

    message = refused(project, 2)

    assert ".ssh/config" in message


# Docker there


def test_a_server_without_docker_is_told_with_the_socket(project: Project, bare: Machine) -> None:
    project.move(bare)

    message = refused(project, 14)

    assert f"error: {bare.address}: there is no Docker socket at /var/run/docker.sock." in message
    assert f"next: shipper setup root@{bare.address} installs it, or starts it" in message


def test_a_user_who_may_not_use_docker_is_told_the_command(project: Project) -> None:
    aim(project, ssh="{user: stranger, key_env: SAMPLE_KEY}")

    message = refused(project, 14)

    assert f"error: {address(project)}: stranger may not use the Docker socket /var/run/docker.sock." in message
    assert f"next: shipper setup root@{address(project)}; or as root there: usermod -aG docker stranger\n" in message


def test_a_socket_that_nobody_listens_at_is_told(project: Project) -> None:
    bind = "import os, socket; socket.socket(socket.AF_UNIX).bind('/run/left.sock'); os.chmod('/run/left.sock', 0o666)"
    project.server.run(f'rm -f /run/left.sock; {sys.executable} -c "{bind}"')
    aim(project, docker_socket="/run/left.sock")

    message = refused(project, 14)

    assert f"error: {address(project)}: nothing answers at the Docker socket /run/left.sock." in message
    assert "next: Start Docker Engine there: systemctl start docker\n" in message


@pytest.mark.usefixtures("unprepared")
def test_a_folder_that_those_who_deploy_may_not_write_is_told_with_the_command(project: Project) -> None:
    result = project.shipper("deploy")

    host_name = address(project)
    assert result.exit_code == 15, result.everything
    assert result.errors.endswith(
        f"error: {host_name}: /var/lib/shipper is not there, and deploy may not make it.\n"
        "Nothing was done.\n"
        f"next: shipper setup root@{host_name}; or as root there: install -d -m 2770 -g docker /var/lib/shipper\n"
    )
    assert project.shipper("lock", "why").errors.endswith(result.errors[result.errors.index("error: ") :])
    assert project.containers(running=False) == []
    assert_plain(result)


def test_records_of_others_are_told_with_the_command(project: Project) -> None:
    state_folder(project).mkdir(mode=0o700)

    result = project.shipper("deploy")

    assert result.exit_code == 15, result.everything
    folder = f"/var/lib/shipper/{project.service}"
    assert f"{folder}: deploy cannot write there; another user made it.\nNothing was done.\n" in result.errors
    assert f"next: As root there: chgrp -R docker {folder} && chmod -R g+rwX {folder}\n" in result.errors
    assert project.containers(running=False) == []
    assert_plain(result)


# Jump hosts: the target is 127.0.0.1, as the jump host sees it


def jump(project: Project) -> None:
    through = f"deploy@{address(project)}"
    aim(project, host="127.0.0.1", ssh=f"{{user: deploy, key_env: SAMPLE_KEY, proxy_jump: [{through}]}}")


def test_a_server_is_reached_through_a_jump_host(project: Project) -> None:
    jump(project)
    host_key = project.server.folder / "host_key.pub"
    project.write("config/known_hosts", key_line(host_key, f"{address(project)},127.0.0.1"))
    before = len(logged(project.server))

    result = project.shipper("status", "--json")

    assert result.exit_code == 0, result.everything
    assert [(host["host_name"], host["roles"][0]["container"]) for host in result.json] == [("127.0.0.1", None)]
    assert "Accepted publickey for deploy from 127.0.0.1 " in logged(project.server)[before:]


def test_the_host_key_of_a_jump_host_is_verified(project: Project) -> None:
    jump(project)
    project.write("config/known_hosts", key_line(project.server.folder / "host_key.pub", "127.0.0.1"))

    message = refused(project, 12)

    assert f"error: deploy@{address(project)}: the server's host key is not known." in message


def test_the_host_key_behind_a_jump_host_is_verified(project: Project) -> None:
    jump(project)

    message = refused(project, 12)

    assert "error: 127.0.0.1: the server's host key is not known." in message


def test_trust_pins_the_key_of_a_server_behind_a_jump_host(project: Project) -> None:
    jump(project)

    result = project.shipper("trust", "127.0.0.1", "--yes")

    assert result.exit_code == 0, result.everything
    assert project.shipper("status").exit_code == 0


def test_trust_pins_the_key_of_a_jump_host(project: Project) -> None:
    jump(project)
    project.write("config/known_hosts", key_line(project.server.folder / "host_key.pub", "127.0.0.1"))

    result = project.shipper("trust", f"deploy@{address(project)}", "--yes")

    assert result.exit_code == 0, result.everything
    assert project.shipper("status").exit_code == 0


def test_a_target_that_the_jump_host_cannot_reach_is_told(project: Project) -> None:
    jump(project)
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config.replace('"127.0.0.1"', '"127.0.0.1:2"'))

    message = refused(project, 10)

    assert "error: 127.0.0.1:2: cannot connect: " in message
