"""A federation from its plan to its run folder, on one machine or as a job for real sites."""

from __future__ import annotations

from pathlib import Path

from bundle.consumers.fl.average import FederatedAverage
from bundle.consumers.fl.own_log import ERROR, error_of
from bundle.consumers.fl.plan import FederationPlan
from bundle.consumers.fl.result import federated_network, federated_run, write_server
from bundle.consumers.fl.site import Site
from bundle.consumers.fl.update import SiteUpdate

_ABORTED = "request to abort the job"
"""In the error of a site that NVFlare ends because another one failed."""


def federate(plan_file: str | Path, output_dir: str | Path, how: str = "processes") -> str:
    """Run a federation, and say where its run is.

    Args:
        plan_file: YAML, see `FederationPlan`.
        output_dir: of the run, a new folder; the files of server and sites go below it.
        how: "processes" lets NVFlare start server and sites on this machine; "here" lets them take turns in this
            process, without NVFlare; "job" writes NVFlare's job for real sites; "result" makes the run of what their
            server left.

    Returns:
        A sentence for people.

    Raises:
        ImportError: NVFlare is not installed.
        RuntimeError: a site failed; tells its reason.
        ValueError: the plan is wrong, for any of its sites, or the folder holds a federation.
    """
    plan, folder = FederationPlan.read(plan_file), Path(output_dir)
    for site in plan.sites:
        plan.config(site)
    if how != "result" and (folder / "server").exists():
        raise ValueError(f"{folder} must be a new folder, got one with a federation: remove it, or choose another.")
    if how == "here":
        take_turns(plan, folder)
    elif how != "result":
        _call_nvflare(plan, Path(plan_file), folder, how)
    if how == "job":
        return f"The job is in {folder / 'job'}: docs/how-to/federate.md says what each site needs."
    if plan.patch_norm_statistics == "local":
        return f"Every site has a run of its own: {', '.join(str(folder / site) for site in plan.sites)}."
    return f"The run is in {federated_run(plan, folder / 'server', folder)}: evaluated, and ready to pack."


def take_turns(plan: FederationPlan, folder: Path) -> list[tuple[str, SiteUpdate]]:
    """Run all sites of a federation one after the other in this process, by the rounds that NVFlare makes.

    Args:
        plan: of the federation.
        folder: where the files of all go.

    Returns:
        Every message, with the site that sent it.
    """
    sites = {name: Site(plan, name, folder / name) for name in plan.sites}
    average, messages = FederatedAverage(list(sites)), list[tuple[str, SiteUpdate]]()
    weights = federated_network(plan).state_dict()
    for number in range(plan.rounds + 1):
        average.reset()
        for name, site in sites.items():
            is_last = number == plan.rounds
            update = (
                site.close(weights, average.pooled("position")) if is_last else site.train(weights, scored=number > 0)
            )
            average.add(name, update)
            messages.append((name, update))
        weights = average.weights(number)
        write_server(average, weights, folder / "server")
    for site in sites.values():
        site.finish()
    return messages


def _call_nvflare(plan: FederationPlan, plan_file: Path, folder: Path, how: str) -> None:
    """Call NVFlare, which is imported late: the rest works without it."""
    try:
        from bundle.consumers.fl import nvflare_job
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is not installed: pip install 'nvflare>=2.9,<2.10'.") from error
    if how == "job":
        nvflare_job.write_job(plan, folder)
        return
    try:
        nvflare_job.simulate(plan, plan_file, folder)
    except RuntimeError as error:
        reasons = {site: error_of(folder / site) for site in (*plan.sites, "server")}
        told = [
            f"{site}: {reason} (more in {folder / site / ERROR})"
            for site, reason in reasons.items()
            if reason and _ABORTED not in reason
        ]
        raise RuntimeError("\n".join(told) or str(error)) from error
