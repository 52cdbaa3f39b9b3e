"""NVFlare's client script: carries weights and numbers between the server and a `Site`. Needs the extra ``fl``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bundle.consumers.fl import FederationPlan, Site
from bundle.consumers.fl.own_log import kept_at_site

PLAN, FOLDER = "LGM_VIT_PLAN", "LGM_VIT_FEDERATION"
"""Variables of the environment that name the site's plan and the folder below which its files go."""
NUMBERS = "lgm_vit"
"""Entry of a message's meta that has all but the weights."""


def main() -> None:
    """Take part until the server ends the federation; an error says nothing of the data."""
    from nvflare import client as flare  # here, because the bundle works without it

    flare.init()
    name = flare.get_site_name()
    folder = Path(os.environ[FOLDER]) / name
    with kept_at_site(folder):
        take_part(Site(FederationPlan.read(os.environ[PLAN]), name, folder), flare)


def take_part(site: Site, flare: Any) -> None:
    """Answer the server's rounds, the last of which only scores.

    Args:
        site: trains and scores.
        flare: the module `nvflare.client`.

    Example:
        >>> from types import SimpleNamespace
        >>> site = SimpleNamespace(finish=lambda: print("The site has ended."))
        >>> take_part(site, SimpleNamespace(is_running=lambda: False))
        The site has ended.
    """
    while flare.is_running() and (model := flare.receive()) is not None:
        if model.current_round < model.total_rounds - 1:
            update = site.train(model.params, scored=model.current_round > 0)
        else:
            update = site.close(model.params, model.meta["position"])
        meta = {NUMBERS: update.numbers(), "NUM_STEPS_CURRENT_ROUND": update.steps}
        flare.send(flare.FLModel(params=dict(update.weights), meta=meta))
    site.finish()


if __name__ == "__main__":
    main()
