"""What a shell completes: it asks `shipper` itself, which looks at the config of the folder and at no server."""

import os
from pathlib import Path

import click

import shipper


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete commands and options.

    Hosts, roles and destinations too: those of the config in the folder where you are.

    \b
    bash: echo 'source <(shipper completion bash)' >> ~/.bashrc
    zsh:  echo 'source <(shipper completion zsh)' >> ~/.zshrc    (below `autoload -Uz compinit && compinit`)
    fish: shipper completion fish > ~/.config/fish/completions/shipper.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made
    print(made(click.get_current_context().find_root().command, {}, "shipper", "_SHIPPER_COMPLETE").source())


def host_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    names = dict.fromkeys(name for hosts in _roles(context).values() for name in hosts)
    return [name for name in names if name.startswith(begun)]


def role_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    return [name for name in _roles(context) if name.startswith(begun)]


def destinations(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    config = Path(_config_file(context))
    overlays = config.parent.glob(f"{config.stem}.*{config.suffix}")
    names = sorted(path.name.removeprefix(f"{config.stem}.").removesuffix(config.suffix) for path in overlays)
    return [name for name in names if name.startswith(begun)]


def _roles(context: click.Context) -> dict[str, tuple[str, ...]]:
    try:
        return shipper.roles_in(
            config_file=_config_file(context), destination=context.params.get("destination"), environ=os.environ
        )
    except shipper.ShipperError:  # whoever completes a word is not to be told of mistakes
        return {}


def _config_file(context: click.Context) -> str:
    return context.params.get("config_file") or "config/deploy.yaml"
