"""The main job, for real: containers shipped over SSH to a throwaway server on this machine. Run by `make demo`."""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.machines import Machine, machine, prepare
from tests.repository import Repository


class Demo:
    def __init__(self, folder: Path, server: Machine, laptop: Machine) -> None:
        self.folder = folder
        self.repository = Repository(folder, "sample", server.address)
        self.server = server
        self.environ = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(laptop.folder / "home"),
            "TMPDIR": str(laptop.folder / "home"),  # goes with the laptop, whatever a killed client leaves there
            "DOCKER_HOST": laptop.docker_host,
            "SAMPLE_HOST": server.address,
            "SAMPLE_KEY": server.key.read_text(),
        }

    def commit(self, text: str, mode: str = "well") -> None:
        self.repository.write("www/index.html", f"hello from {text}\n")
        self.repository.write("config/env.j2", f"MODE={mode}\n")
        self.repository.commit(text)

    def run(self, *arguments: str, exit_code: int = 0) -> None:
        """Runs a command as one would type it; its output goes to the terminal as it comes."""
        print(
            f"\n\033[1m$ {shlex.join(arguments)}\033[0m" if sys.stdout.isatty() else f"\n$ {shlex.join(arguments)}",
            flush=True,
        )
        begun = time.monotonic()
        done = subprocess.run(arguments, cwd=self.folder, env=self.environ, check=False)
        if done.returncode != exit_code:
            sys.exit(f"demo: expected exit code {exit_code}, got {done.returncode}")
        print(f"  (exit code {done.returncode}, {time.monotonic() - begun:.1f} s)", flush=True)

    def kill_a_deploy(self) -> None:
        """SIGKILL when the new container is about to be checked: nothing can be tidied up."""
        command = ["shipper", "deploy", "--json"]
        with subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for line in process.stdout:
                event = json.loads(line)
                if (event["event"], event.get("step")) == ("step_started", "check"):
                    break
            process.kill()
        print("\n$ shipper deploy\n  … killed with SIGKILL while the new container was at its gate", flush=True)

    def address(self) -> str:
        """Of the container that serves, on the server's own network."""
        done = subprocess.run(
            ["shipper", "status", "--json"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        (host,) = json.loads(done.stdout)
        return str(host["roles"][0]["container"]["address"])

    def ask(self) -> None:
        print(f"  the app answers: {self.answer(self.address())}", flush=True)

    def answer(self, address: str) -> str:
        return self.server.run(f"busybox wget -q -O - http://{address}:8080/").stdout.strip()

    @contextlib.contextmanager
    def visitor(self) -> Iterator[None]:
        """Someone who goes on asking the container that serves."""
        address, done, answers = self.address(), threading.Event(), list[str]()

        def visit() -> None:
            while not done.is_set():
                answers.append(self.answer(address))

        thread = threading.Thread(target=visit)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        good = [answer for answer in answers if answer]
        print(f"  meanwhile a visitor asked {len(answers)} times and got {len(good)} answers: {good[-1]}", flush=True)
        if len(good) < len(answers):
            sys.exit("demo: a visitor got no answer")


def say(text: str) -> None:
    print(f"\n── {text}", flush=True)


def main() -> None:
    begun = time.monotonic()
    prepare(lambda text: print(text, flush=True), others={})
    with (
        tempfile.TemporaryDirectory(prefix="shipper-demo-") as folder,
        machine("server") as server,
        machine("laptop") as laptop,
    ):
        say(
            f"up: a throwaway server at {server.address} with a dockerd, sshd and network of its own, "
            "and a laptop with a dockerd that builds images"
        )
        server.run("install -d -m 2770 -g docker /var/lib/shipper")
        tell_the_story(Demo(Path(folder), server, laptop))
    say(f"the server and all that was on it are gone; {time.monotonic() - begun:.0f} s in all")


def tell_the_story(demo: Demo) -> None:
    demo.repository.create()
    demo.commit("version 1")
    say("nothing is accepted silently: the server's key must be pinned first")
    demo.run("shipper", "status", exit_code=12)
    demo.run("shipper", "trust", demo.server.address, "--yes")
    demo.commit("version 1")
    say("what would happen?")
    demo.run("shipper", "plan")
    say("first deploy: the whole image travels, over SSH, with no registry")
    demo.run("shipper", "deploy")
    demo.ask()
    say("version 2: only the layer that changed travels")
    demo.commit("version 2")
    demo.run("shipper", "deploy")
    demo.ask()
    say("version 3 is broken: it is refused, and version 2 goes on serving")
    demo.commit("version 3", mode="exits-late")
    with demo.visitor():
        demo.run("shipper", "deploy", exit_code=20)
    demo.ask()
    say("back to version 1, with no SHA from memory")
    demo.run("shipper", "rollback")
    demo.ask()
    say("a deploy of version 4 is killed half-way: the same command finishes it, with no lock to clear by hand")
    demo.commit("version 4")
    with demo.visitor():
        demo.kill_a_deploy()
    demo.run("shipper", "deploy", "--wait", "5")
    demo.ask()
    say("the other days: how does it do, what did it write, what is in there, who did what, is anything in the way?")
    demo.run("shipper", "status")
    demo.run("shipper", "logs", "-n", "3")
    demo.run("shipper", "exec", "--", "sh", "-c", "cat /www/index.html")
    demo.run("shipper", "history")
    demo.run("shipper", "doctor")


if __name__ == "__main__":
    main()
