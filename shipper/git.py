"""Git on this machine: which commit is meant, what it holds, and its files for the builder."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shipper.errors import SourceError
from shipper.model.release import Lacking


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What is to be deployed, as Git knows it."""

    version: str
    """Full SHA, with `-dirty-<tree>` when it is the working tree with changes; "" if nothing tells."""
    commit: str | None = None
    is_dirty: bool = False
    tree: str | None = None
    """The Git object that holds the files; None where there is no checkout."""
    from_commit: bool = False
    """Read files from the commit, not from the working folder."""
    lacking: Lacking | None = None


def revision(root: Path, asked: str | None) -> Revision:
    """The commit that was asked for; without one, the working folder as it is. Raises SourceError.

    Nothing names a version where Git has no commit: only what makes a release of it minds.
    """
    if not _is_checkout(root):
        return Revision(version=asked or "", lacking=Lacking.REPOSITORY if _is_there() else Lacking.GIT)
    if asked:
        commit = _resolved(root, asked)
        return Revision(version=commit, commit=commit, tree=commit, from_commit=True)
    commit = _commit(root, "HEAD")
    if not commit:
        return Revision(version="", lacking=Lacking.COMMIT)
    if not _git(root, "status", "--porcelain"):
        return Revision(version=commit, commit=commit, tree=commit)
    tree = _tree_of_working_folder(root)
    return Revision(version=f"{commit}-dirty-{tree[:8]}", commit=commit, is_dirty=True, tree=tree)


def read(root: Path, commit: str, path: str) -> str | None:
    if not _succeeds(root, "cat-file", "-e", f"{commit}:./{path}"):
        return None
    return _git(root, "show", f"{commit}:./{path}", strip=False)


def knows(root: Path, asked: str) -> bool:
    """Whether this is a checkout that has such a commit."""
    return _is_name(asked) and _is_checkout(root) and bool(_commit(root, asked))


def dated(root: Path, commit: str) -> tuple[str, str]:
    """When it was committed, as ISO 8601, and its subject."""
    date, _, subject = _git(root, "log", "-1", "--no-color", "--format=%cI %s", commit).partition(" ")
    return date, subject


def subjects(root: Path, old: str, new: str) -> tuple[str, ...]:
    """What `new` has that `old` has not, the newest first: short SHA and subject of each commit.

    Nothing where one of the two is not known here.
    """
    try:
        return tuple(_git(root, "log", "--no-color", "--format=%h %s", f"{old}..{new}").splitlines())
    except (SourceError, FileNotFoundError):
        return ()


def paths(root: Path, commit: str, path: str) -> tuple[str, ...]:
    """Those of all files in a folder of a commit, or of that one file."""
    return tuple(filter(None, _git(root, "ls-tree", "-r", "-z", "--name-only", commit, "--", path).split("\0")))


def is_tracked(root: Path, path: str) -> bool:
    return _is_checkout(root) and _succeeds(root, "ls-files", "--error-unmatch", path)


def lines_with(root: Path, pattern: str, *globs: str) -> tuple[str, ...]:
    """`file:line:text` of each line of tracked files below `root` that matches an extended regular expression."""
    if not _is_checkout(root):
        return ()
    command = ["git", "grep", "--line-number", "-I", "--extended-regexp", "-e", pattern, "--", *globs]
    found = subprocess.run(command, cwd=root, capture_output=True, check=False)
    return tuple(found.stdout.decode(errors="replace").splitlines())


def is_ignored(root: Path, path: str) -> bool:
    """Also where there is no checkout, and for what lies outside of it."""
    if not _is_checkout(root):
        return True
    checked = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=root, capture_output=True, check=False)
    return checked.returncode != 1


def export(root: Path, tree: str, destination: Path) -> None:
    """Writes the files of `tree` below `root` to a folder, with those of its submodules.

    Only what Git tracks gets there, so that no ignored file (a secrets file, say) can end in an image.
    """
    prefix = _git(root, "rev-parse", "--show-prefix")
    _extract(root, f"{tree}:{prefix}" if prefix else tree, destination)
    for entry in _git(root, "ls-tree", "-r", "-z", tree).split("\0"):
        if entry.startswith("160000 "):
            description, _, path = entry.partition("\t")
            if not (root / path / ".git").exists():
                raise SourceError(
                    f"The submodule {path} is not checked out, so the image cannot be built.",
                    next="Run: git submodule update --init --recursive",
                )
            export(root / path, description.split()[2], destination / path)


def _extract(root: Path, treeish: str, destination: Path) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    archive = subprocess.Popen(["git", "archive", "--format=tar", treeish], cwd=_toplevel(root), stdout=subprocess.PIPE)
    with archive:
        try:
            unpacked = subprocess.run(["tar", "-x", "-C", destination], stdin=archive.stdout, check=False)
        except FileNotFoundError:
            archive.kill()  # else it waits for a reader
            raise SourceError(
                "There is no tar command on this machine.", next="Install it: apt-get install tar"
            ) from None
    if archive.returncode or unpacked.returncode:
        raise SourceError(f"The files of {treeish} could not be written to {destination}.")


def _tree_of_working_folder(root: Path) -> str:
    """The tree that `git add --all` would commit, without touching the index."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        _git(root, "read-tree", "HEAD", index=index)
        _git(_toplevel(root), "add", "--all", index=index)
        return _git(root, "write-tree", index=index)


def _resolved(root: Path, asked: str) -> str:
    if not _is_name(asked):
        raise SourceError(f"{asked!r} is not the name of a commit.")
    commit = _commit(root, asked)
    if not commit:
        raise SourceError(
            f"Git knows no commit {asked} here.",
            now="Nothing was done.",
            next="Fetch it (git fetch --all), or look for it with git log --oneline.",
        )
    return commit


def _is_name(asked: str) -> bool:
    return re.fullmatch(r"(?!-)[\w./@{}^~+-]+", asked) is not None


def _commit(root: Path, asked: str) -> str:
    """Its full SHA; empty where there is none."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{asked}^{{commit}}"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).stdout.decode().strip()


def _is_checkout(root: Path) -> bool:
    try:
        return _succeeds(root, "rev-parse", "--is-inside-work-tree")
    except FileNotFoundError:  # no Git on this machine
        return False


def _is_there() -> bool:
    return shutil.which("git") is not None


def _toplevel(root: Path) -> Path:
    return Path(_git(root, "rev-parse", "--show-toplevel"))


def _succeeds(root: Path, *arguments: str) -> bool:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False).returncode == 0


def _git(root: Path, *arguments: str, strip: bool = True, index: Path | None = None) -> str:
    with_index = ["env", f"GIT_INDEX_FILE={index}"] if index else []
    result = subprocess.run([*with_index, "git", *arguments], cwd=root, capture_output=True, check=False)
    if result.returncode:
        raise SourceError(f"git {arguments[0]} failed: {result.stderr.decode(errors='replace').strip()}")
    text = result.stdout.decode(errors="replace")
    return text.strip() if strip else text
