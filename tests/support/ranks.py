"""Processes of a process group, played by threads: exact, and started in no time."""

import threading

import ignite.distributed as idist
import torch
import torch.distributed as dist


def on_ranks(monkeypatch, *ranks):
    """Call every function as the process of one rank; return what they return, in order."""
    barrier, shared, results = threading.Barrier(len(ranks)), {}, {}

    def all_reduce(values):
        shared[threading.get_ident()] = values.detach().clone()
        barrier.wait(timeout=20)
        total = torch.stack(list(shared.values())).sum(dim=0)
        barrier.wait(timeout=20)
        return values.copy_(total)

    def play(number, rank):
        results[number] = rank()

    with monkeypatch.context() as patch:
        patch.setattr(dist, "is_initialized", lambda: True)
        patch.setattr(dist, "get_world_size", lambda: len(ranks))
        patch.setattr(dist, "all_reduce", all_reduce)
        patch.setattr(idist, "get_world_size", lambda: len(ranks))
        patch.setattr(idist, "all_reduce", lambda values: all_reduce(values) or values)
        threads = [threading.Thread(target=play, args=pair) for pair in enumerate(ranks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return [results[number] for number in range(len(ranks))]
