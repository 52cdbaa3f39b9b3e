"""Three sites and a server in one process: weights and numbers go to and fro, nothing else; the result packs."""

import json

from bundle.consumers.fl import FederatedAverage, Site, federated_network, federated_run
from bundle.files import write_json
from bundle.networks.weights import save_tensors
from bundle.packing import pack_bundle


def federate(plan, folder):
    """Return the server's side after all rounds; its files lie in `folder`/server, a site's in `folder`/<site>."""
    sites = {name: Site(plan, name, folder / name) for name in plan.sites}
    average = FederatedAverage(list(sites))
    weights = {name: value.numpy() for name, value in federated_network(plan).state_dict().items()}
    for number in range(plan.rounds + 1):
        average.reset()
        for name, site in sites.items():
            closing = number == plan.rounds
            update = (
                site.close(weights, average.pooled("position")) if closing else site.train(weights, scored=number > 0)
            )
            average.add(name, update)
        weights = average.weights(number)
    save_tensors(weights, folder / "server/federation.pt")
    write_json(folder / "server/federation.json", average.record())
    return average


def test_a_federation_of_three(plan, tmp_path):
    average = federate(plan, tmp_path)
    run = federated_run(plan, tmp_path / "server", tmp_path / "run")
    print(json.dumps(json.loads((run / "metrics.json").read_text()), indent=1)[:3000])
    print([{s: {k: v for k, v in n.items() if k != "counts"} for s, n in r.items()} for r in average.rounds])
    pack_bundle(run, tmp_path / "x.zip")
    for site in plan.sites:
        pack_bundle(tmp_path / site, tmp_path / f"{site}.zip")
