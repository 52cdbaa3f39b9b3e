"""NVFlare's job: its FedAvg recipe with the bundle's network, client and average. Needs the extra ``fl``."""

from __future__ import annotations

import itertools
import os
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import torch
from monai.bundle import ConfigParser
from nvflare.app_common.abstract.fl_model import FLModel, ParamsType
from nvflare.app_common.aggregators.model_aggregator import ModelAggregator
from nvflare.app_opt.pt.recipes.fedavg import FedAvgRecipe
from nvflare.recipe import SimEnv

from bundle.consumers.fl import FederatedAverage, FederationPlan, SiteUpdate, federated_network
from bundle.consumers.fl import nvflare_client as client
from bundle.consumers.fl.own_log import note_error
from bundle.consumers.fl.plan import ROOT
from bundle.consumers.fl.result import write_server
from bundle.networks.weights import save_tensors

NAME = "lgm_vit"
START = "start.pt"
_LOOK_S, _GRACE_S = 2.0, 30.0
"""How often the sites' processes are counted, and how long the others may go on without one."""


class SitesAverage(ModelAggregator):
    """NVFlare's door to `FederatedAverage`; writes its record and weights below the folder of the environment.

    Args:
        sites: names of all that take part.
    """

    def __init__(self, sites: list[str]) -> None:
        super().__init__()
        self.sites = sites
        self._average = FederatedAverage(sites)

    def accept_model(self, model: FLModel) -> None:
        """Take the message of a site."""
        weights = {name: torch.as_tensor(value) for name, value in model.params.items()}
        self._average.add(model.meta["client_name"], SiteUpdate(weights, **model.meta[client.NUMBERS]))

    def aggregate_model(self) -> FLModel:
        """Return the average, and the counts of positions that the last round needs."""
        folder = Path(os.environ[client.FOLDER]) / "server"
        try:
            weights = self._average.weights(len(self._average.rounds))
        except ValueError as error:
            note_error(folder, error)
            raise
        write_server(self._average, weights, folder)
        return FLModel(
            params_type=ParamsType.FULL,
            params={name: value.numpy() for name, value in weights.items()},
            meta={"position": self._average.pooled("position")},
        )

    def reset_stats(self) -> None:
        """Begin a round."""
        self._average.reset()


def federation_recipe(plan: FederationPlan, start: Path) -> FedAvgRecipe:
    """Return the job of a plan: its rounds, and one more in which the sites score.

    Args:
        plan: of the federation.
        start: file for the weights at the start, which the server reads.
    """
    parser = ConfigParser({**plan.config(), "bundle_root": str(ROOT)})
    entries = parser["network_def"]
    arguments = {name: parser.get_parsed_content(f"network_def#{name}") for name in entries if not name.startswith("_")}
    save_tensors(federated_network(plan).state_dict(), start)
    return FedAvgRecipe(
        name=NAME,
        model={"class_path": entries["_target_"], "args": arguments},
        initial_ckpt=str(start.absolute()),
        min_clients=len(plan.sites),
        num_rounds=plan.rounds + 1,
        train_script=client.__file__,
        aggregator=SitesAverage(list(plan.sites)),
    )


def write_job(plan: FederationPlan, folder: Path) -> None:
    """Write the job that an administrator submits to `folder`/job, and the start weights beside it."""
    federation_recipe(plan, folder / "server" / START).export(str(folder / "job"))


def simulate(plan: FederationPlan, plan_file: Path, folder: Path) -> None:
    """Run server and sites on this machine, a process for each site.

    Args:
        plan: of the federation.
        plan_file: from which each site reads it.
        folder: where the files of all parties go.
    """
    os.environ |= {
        client.PLAN: str(plan_file.absolute()),
        client.FOLDER: str(folder.absolute()),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    recipe = federation_recipe(plan, folder / "server" / START)
    watch = _Watch(list(plan.sites))
    watch.start()
    try:
        recipe.run(
            SimEnv(clients=list(plan.sites), num_threads=len(plan.sites), workspace_root=str(folder / "nvflare"))
        )
    except RuntimeError as error:
        if watch.gone:
            raise RuntimeError(
                f"every site must answer, got no process of {', '.join(watch.gone)} any more (killed, or "
                f"out of memory): {folder} has a folder with the log of each site."
            ) from error
        raise
    finally:
        watch.over.set()


class _Watch(threading.Thread):
    """Ends a simulation in which a site's process is gone: NVFlare's server would wait for its answer forever."""

    def __init__(self, sites: list[str]) -> None:
        super().__init__(daemon=True)
        self.sites, self.over, self.gone = sites, threading.Event(), list[str]()

    def run(self) -> None:
        """Look at the processes until the simulation is over."""
        seen, lonely = set[str](), 0.0
        while not self.over.wait(_LOOK_S):
            started = psutil.Process().children(recursive=True)
            there = {site for site in self.sites if any(_works_for(process, site) for process in started)}
            seen |= there
            lonely = lonely + _LOOK_S if there and seen - there else 0.0
            if lonely >= _GRACE_S:
                self.gone = sorted(seen - there)
                for process in started:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                return


def _works_for(process: psutil.Process, site: str) -> bool:
    """Return whether a process is the one that NVFlare's simulator started for a site."""
    try:
        words = process.cmdline()
    except psutil.Error:  # it has just ended
        return False
    return ("--client", site) in itertools.pairwise(words)
