"""PURE: what tells a plan that somebody has seen, and confirmed, from another one.

Two looks at a world that did not change give one fingerprint. So what is new in each look is not in it (the id of the
deploy, which the names of new containers end with; times, salts), nor is who asks, nor the subjects of commits, of
which a shallow clone knows fewer. Nor is what is pruned: that follows from `retain`, and an image that was added
meanwhile changes nothing of what was confirmed. How the image gets to the servers is in it.
"""

import hashlib
import json
from typing import TYPE_CHECKING

from shipper.steps.prune import Prune
from shipper.steps.tidy import Tidy

if TYPE_CHECKING:
    from shipper.planning.changes import Changes
    from shipper.planning.plan import Plan
    from shipper.steps import Step

_HOUSEKEEPING = (Prune, Tidy)
_LENGTH = 16  # hexadecimal digits


def fingerprint_of(plan: "Plan") -> str:
    seen = [
        plan.command,
        plan.title,
        [(release.number, release.version, release.image, release.config_hash) for release in plan.releases],
        plan.role_names,
        [_step(step, plan.deploy_id) for step in plan.steps if not isinstance(step, _HOUSEKEEPING)],
        [_changes(changes) for changes in plan.changes],
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:_LENGTH]


def _step(step: "Step", deploy_id: str) -> tuple[str, ...]:
    texts = (step.name, step.host_name, step.role_name, step.detail, step.because)
    return tuple(text.replace(f"-{deploy_id}", "") for text in texts)


def _changes(of_role: "Changes") -> object:
    told = [(c.sign, c.kind, c.name, c.before, c.after) for c in of_role.changes if c.kind != "commit"]
    return of_role.role_name, of_role.host_names, told
