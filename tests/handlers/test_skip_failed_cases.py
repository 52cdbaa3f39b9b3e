"""A case that fails in any step is reported; the others go on, unless the failure is everybody's."""

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines import IterationEvents, SupervisedEvaluator
from monai.transforms import Compose, Lambda

from bundle.handlers import SkipFailedCases

STEPS = ["network", "postprocessing", "writing"]


def run(step, error, cases="abc", bad="b"):
    """Infer cases of which one fails in a step; return what was reported and what was written."""
    reported, written, now = {}, [], []

    def fail_at(place, value=None):
        if place == step and now[-1] == bad:
            raise error
        return value

    def inferer(image, network):
        return fail_at("network", network(image))

    class Writer:
        def attach(self, engine):
            engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

        def __call__(self, engine):
            fail_at("writing")
            written.extend(batch["case"] for batch in engine.state.batch)

    def batches():
        for case in cases:
            now.append(case)
            yield {"image": torch.zeros(1, 1, 2, 2), "case": [case]}

    evaluator = SupervisedEvaluator(
        device="cpu",
        val_data_loader=batches(),
        epoch_length=len(cases),
        network=torch.nn.Identity(),
        inferer=inferer,
        postprocessing=Compose([Lambda(lambda data: fail_at("postprocessing", data))]),
        iteration_update=SkipFailedCases(lambda case, error: reported.update({case: error})),
        val_handlers=[Writer()],
    )
    evaluator.run()
    return reported, written


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("bad", ["a", "c"])
def test_the_others_have_their_results_whatever_step_fails(step, bad):
    reported, written = run(step, ValueError("odd"), bad=bad)
    assert list(reported) == [bad]
    assert written == [case for case in "abc" if case != bad]


def test_nothing_is_reported_where_nothing_fails():
    assert run(None, None) == ({}, ["a", "b", "c"])


@pytest.mark.parametrize("step", STEPS)  # MONAI wraps what a transform raises
@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, torch.AcceleratorError, KeyboardInterrupt])
def test_what_the_next_case_would_meet_too_ends_the_run(step, kind):
    with pytest.raises((RuntimeError, KeyboardInterrupt)) as caught:
        run(step, kind("of all"))
    causes = [caught.value, caught.value.__cause__, getattr(caught.value.__cause__, "__cause__", None)]
    assert any(isinstance(cause, kind) for cause in causes)


def test_handlers_see_no_case_after_a_failure():
    class Failing(Engine):
        def _iteration(self, engine, batch):
            raise ValueError("odd")

    engine, seen = Failing(SkipFailedCases(lambda case, error: None)), []
    engine.add_event_handler(
        Events.ITERATION_COMPLETED, lambda _: seen.extend([engine.state.batch, engine.state.output])
    )
    engine.run([{"case": ["a"]}])
    assert seen == [[], []]
