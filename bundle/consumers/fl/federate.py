"""A federation from its plan to its run folder, on one machine or as a job for real sites."""

from __future__ import annotations

from pathlib import Path

from bundle.consumers.fl.own_log import ERROR, error_of
from bundle.consumers.fl.plan import FederationPlan
from bundle.consumers.fl.result import federated_run

_ABORTED = "request to abort the job"
"""In the error of a site that NVFlare ends because another one failed."""


def federate(plan_file: str | Path, output_dir: str | Path, only: str | None = None) -> str:
    """Run a federation, and say where its run is.

    Args:
        plan_file: YAML, see `FederationPlan`.
        output_dir: of the run; the files of server and sites go below it.
        only: "job" writes NVFlare's job for real sites, "result" makes the run of what their server left.

    Returns:
        A sentence for people.

    Raises:
        ImportError: NVFlare is not installed.
        RuntimeError: a site failed; names the folder with its log.
        ValueError: the plan is wrong, for any of its sites.
    """
    plan, folder = FederationPlan.read(plan_file), Path(output_dir)
    for site in plan.sites:
        plan.config(site)
    if only != "result":
        _run_or_write(plan, Path(plan_file), folder, only)
    if only == "job":
        return f"The job is in {folder / 'job'}: see docs/how-to/federate.md for what each site needs."
    if plan.patch_norm_statistics == "local":
        return f"Every site has a run of its own: {', '.join(str(folder / site) for site in plan.sites)}."
    return f"The run is in {federated_run(plan, folder / 'server', folder)}: evaluated, and ready to pack."


def _run_or_write(plan: FederationPlan, plan_file: Path, folder: Path, only: str | None) -> None:
    """Call NVFlare, which is imported late: the rest works without it."""
    try:
        from bundle.consumers.fl import nvflare_job
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is not installed: pip install -r requirements-fl.txt.") from error
    if only == "job":
        nvflare_job.write_job(plan, folder)
        return
    try:
        nvflare_job.simulate(plan, plan_file, folder)
    except RuntimeError as error:
        reasons = {site: error_of(folder / site) for site in plan.sites}
        told = [
            f"{site}: {reason} (more in {folder / site / ERROR})"
            for site, reason in reasons.items()
            if reason and _ABORTED not in reason
        ]
        raise RuntimeError("\n".join(told) or str(error)) from error
