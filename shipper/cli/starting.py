"""The first files of a project."""

from pathlib import Path

import click

import shipper

_IGNORED = ("config/secrets*.env", "config/deploy_key*", "*.dump")


@click.command()
def init() -> None:
    """Write a first config/deploy.yaml and config/env.j2 into this folder."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path.cwd().name.lower()).strip("-")[:40] or "app"
    templates = Path(shipper.__file__).parent / "templates"
    targets = {templates / "deploy.yaml": Path("config/deploy.yaml"), templates / "env.j2": Path("config/env.j2")}
    if existing := [str(target) for target in targets.values() if target.exists()]:
        raise shipper.UsageError(
            f"{' and '.join(existing)} exist{'s' * (len(existing) == 1)} already.",
            now="Nothing was written.",
            next="shipper config shows what is in force; move it away for a new one.",
        )
    Path("config").mkdir(exist_ok=True)
    for template, target in targets.items():
        target.write_text(template.read_text().replace("my-service", name))
        print(f"wrote {target}")
    ignored = Path(".gitignore")
    rules = ignored.read_text() if ignored.exists() else ""
    if missing := [rule for rule in _IGNORED if rule not in rules.splitlines()]:
        with ignored.open("a") as file:
            file.write("\n" * (rules != "" and not rules.endswith("\n")) + "".join(f"{rule}\n" for rule in missing))
        print(f"added {' and '.join(missing)} to .gitignore")
    print("Next: put your server into config/deploy.yaml, then: shipper setup && shipper doctor")
