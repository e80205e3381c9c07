"""Docker on this machine, by its CLI: it knows contexts, credentials and BuildKit, as the user has set them up."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from shipper import git, local
from shipper.config.parts import Build
from shipper.env import environment
from shipper.errors import BuildError, EngineError, SecretError
from shipper.images.build_cache import cache_options, wants_cache, why_no_cache
from shipper.images.cli_login import logged_in
from shipper.local import Finished
from shipper.model.container import Label
from shipper.model.image import Credentials, Image, ListedImage, image_of
from shipper.project import Project
from shipper.tasks import together

_SHOWN_LINES = 20
FIRST_CLI_WITH_BUILDX = 23  # from then on BuildKit needs the buildx plugin: https://docs.docker.com/build/buildkit/


class DockerCli:
    def __init__(self, project: Project) -> None:
        self._project = project

    async def find(self, image_name: str) -> Image | None:
        try:
            finished = await self._docker("image", "inspect", image_name)
        except FileNotFoundError:
            return None
        return image_of(json.loads(finished.output)[0]) if finished.exit_code == 0 else None

    async def save(self, image_name: str, file: Path) -> None:
        finished = await self._docker(
            "save", "--output", str(file), image_name, deadline=self._project.config.timeouts.ship
        )
        if finished.exit_code:
            raise BuildError(f"docker save {image_name} failed here: {finished.errors.strip()}")

    async def tag(self, image_name: str, new_name: str) -> None:
        finished = await self._docker("tag", image_name, new_name)
        if finished.exit_code:
            raise EngineError(f"docker tag {new_name} failed here: {finished.errors.strip()}")

    async def ours(self) -> tuple[ListedImage, ...]:
        config, mine = self._project.config, f"label={Label.IMAGE}={self._project.full_name}"
        repository = config.image.rpartition(":")[0] if config.fixed_version else config.image
        listing = ("image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}", "--filter", mine)
        try:
            listed = await together(
                {
                    "named": self._docker(*listing, repository),
                    "nameless": self._docker(*listing, "--filter", "dangling=true"),
                }
            )
        except FileNotFoundError:
            return ()
        named, nameless = (listed[kind].output.split("\n")[:-1] for kind in ("named", "nameless"))
        return (
            *(ListedImage(id=line.split()[0], names=(line.split()[1],)) for line in named if "<none>" not in line),
            *(ListedImage(id=line.split()[0], names=()) for line in nameless),
        )

    async def remove(self, image_name: str) -> None:
        finished = await self._docker("image", "rm", image_name)
        if finished.exit_code:
            raise EngineError(f"docker image rm {image_name} failed here: {finished.errors.strip()}")

    async def limit_cache(self, size: int) -> None:
        """The option has had another name since buildx 0.18, where the old one is on its way out."""
        prune = ("builder", "prune", "--force")
        finished = await self._docker(*prune, f"--keep-storage={size}")
        if finished.exit_code:
            finished = await self._docker(*prune, f"--reserved-space={size}")
        if finished.exit_code:
            raise EngineError(f"docker builder prune failed here: {finished.errors.strip()}")

    async def pull(self, reference: str, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Raises EngineError with what Docker says."""
        deadline = self._project.config.timeouts.ship
        finished = await self._docker("pull", reference, deadline=deadline, environ=environ, say=say)
        if finished.exit_code:
            raise EngineError(finished.errors.strip())

    async def push(self, image_name: str, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Raises EngineError with what Docker says."""
        deadline = self._project.config.timeouts.ship
        finished = await self._docker("push", image_name, deadline=deadline, environ=environ, say=say)
        if finished.exit_code:
            raise EngineError(finished.errors.strip())

    async def build(self, image_name: str, platform: str, say: Callable[[str], None]) -> None:
        """Builds the project's revision from what Git tracks of it. Raises BuildError and SourceError."""
        project, build = self._project, self._project.config.build
        if not build or not project.revision.tree:
            raise BuildError(
                f"{image_name} cannot be built here: there is no {'Git commit' if build else '`build` in the config'}.",
                now="Nothing was done.",
            )
        with tempfile.TemporaryDirectory(prefix="shipper-build-") as folder:
            await asyncio.to_thread(git.export, project.root, project.revision.tree, Path(folder))
            context = Path(folder, build.context)
            if not (context / build.dockerfile).is_file():
                raise BuildError(
                    f"{project.version} has no file {Path(build.context, build.dockerfile)}.",
                    now="Only what Git tracks is built.",
                    next="Commit it, or set build.dockerfile.",
                )
            labels = await asyncio.to_thread(_labels, project)
            arguments, buildkit = await self._build_arguments(build, context, image_name, platform, labels)
            cached, login = await self._cache(say)
            with logged_in(project, login) as environ:
                finished = await self._docker(
                    *(("buildx",) if cached else ()),  # by the builder that is in use, which `docker build` passes over
                    *arguments,
                    *cached,
                    str(context),
                    deadline=project.config.timeouts.build,
                    environ={**environ, "DOCKER_BUILDKIT": buildkit},
                    say=say,
                )
        if finished.exit_code:
            last = "\n".join((finished.output + finished.errors).strip().splitlines()[-_SHOWN_LINES:])
            raise BuildError(
                f"docker build failed with exit code {finished.exit_code}:\n{last}",
                now="Nothing was deployed.",
                next=f"Mend {Path(build.context, build.dockerfile)}, or what it builds; shipper build tries it alone.",
            )

    async def _build_arguments(
        self, build: Build, context: Path, image_name: str, platform: str, labels: Mapping[str, str]
    ) -> tuple[list[str], str]:
        version, has_buildx, server_platform = await self.abilities()
        project = self._project
        options = {
            "--file": str(context / build.dockerfile),
            "--tag": image_name,
        }
        arguments = [
            "build",
            *(word for option, value in options.items() for word in (option, value)),
            f"--tag={project.config.image}:latest",
            *(f"--label={name}={value}" for name, value in labels.items()),
            *(f"--build-arg={name}={value}" for name, value in build.args.items()),
        ]
        if build.target:
            arguments.append(f"--target={build.target}")
        if platform != server_platform:
            arguments.append(f"--platform={platform}")
        if has_buildx:
            arguments += ["--load", "--progress=plain"]
        elif version < FIRST_CLI_WITH_BUILDX:
            arguments += ["--progress=plain"]
        # empty is as if it were not set: of 0, which the user never set, Docker says that he should not
        return arguments, "1" if has_buildx or version < FIRST_CLI_WITH_BUILDX else ""

    async def _cache(self, say: Callable[[str], None]) -> tuple[tuple[str, ...], Credentials | None]:
        """Options of the build, and whose the registry's cache is. Where the builder can have none, that is said."""
        if not wants_cache(self._project.config):
            return (), None
        asked = {
            "buildx": ("buildx", "version"),
            "builder": ("buildx", "inspect"),
            "storage": ("info", "--format", "{{.DriverStatus}}"),
        }
        answers = await together({name: self._docker(*arguments) for name, arguments in asked.items()})
        why_not = why_no_cache(
            has_buildx=answers["buildx"].exit_code == 0,
            builder=answers["builder"].output,
            storage=answers["storage"].output,
        )
        if not why_not:
            try:
                return cache_options(self._project.config), await environment.registry_credentials(self._project)
            except SecretError as error:
                why_not = error.what.removesuffix(".")
        say(f"Built without the registry's cache: {why_not}.")
        return (), None

    async def abilities(self) -> tuple[int, bool, str]:
        """Major version of the CLI, whether it has buildx, and the platform of the Docker that it speaks to.

        Raises BuildError.
        """
        shown = "{{.Client.Version}} {{.Server.Os}}/{{.Server.Arch}}"
        try:
            asked = {"version": ("version", "--format", shown), "buildx": ("buildx", "version")}
            answers = await together({name: self._docker(*arguments) for name, arguments in asked.items()})
        except FileNotFoundError:
            raise BuildError(
                "There is no docker command on this machine to build with.",
                now="Nothing was done.",
                next="Install Docker (https://docs.docker.com/engine/install/), or deploy a commit whose image exists.",
            ) from None
        version, buildx = answers["version"], answers["buildx"]
        if version.exit_code:
            raise BuildError(
                f"Docker does not work on this machine: {version.errors.strip()}",
                now="Nothing was done.",
                next="Start Docker here, or set DOCKER_HOST; a user in group docker may use it, after a new login. "
                "Or deploy a commit whose image exists, from CI say.",
            )
        number, platform = version.output.split()
        return int(number.split(".")[0]), buildx.exit_code == 0, platform

    async def _docker(
        self,
        *arguments: str,
        deadline: float | None = None,
        environ: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> Finished:
        deadline = deadline or self._project.config.timeouts.call
        try:
            return await local.run(
                ["docker", *arguments],
                environ={**self._project.environ, **(environ or {})},
                folder=self._project.root,
                deadline=deadline,
                on_line=say,
            )
        except TimeoutError:
            raise BuildError(f"docker {arguments[0]} did not end within {deadline:g} s on this machine.") from None


def _labels(project: Project) -> dict[str, str]:
    """The date is the commit's, so that its image is the same whenever it is built."""
    assert project.revision.commit, "it has a tree"
    created, subject = git.dated(project.root, project.revision.commit)
    return {
        Label.IMAGE: project.full_name,
        Label.REVISION: project.version,
        Label.CREATED: created,
        Label.SUBJECT: subject,
    }
