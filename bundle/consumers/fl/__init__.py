"""Federated training with NVFlare: hospitals share weights and numbers, never scans, names or predictions.

`Site` and `FederatedAverage` are the two sides and need nothing but the bundle's own packages; `nvflare_client` and
`nvflare_job` carry their messages, and need the extra ``fl``.
"""

from bundle.consumers.fl.average import FederatedAverage
from bundle.consumers.fl.federate import federate
from bundle.consumers.fl.plan import FederationPlan
from bundle.consumers.fl.result import federated_network, federated_run
from bundle.consumers.fl.site import Site
from bundle.consumers.fl.site_folders import make_site_folders
from bundle.consumers.fl.update import SiteUpdate

__all__ = [
    "FederatedAverage",
    "FederationPlan",
    "Site",
    "SiteUpdate",
    "federate",
    "federated_network",
    "federated_run",
    "make_site_folders",
]
