"""The last words of a run that needs more memory than there is."""

import pytest
import torch
from ignite.engine import Engine

from bundle.handlers import OutOfMemory, RunProgress

CPU = "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"


def ended_by(error, handler):
    def fail(engine, batch):
        raise error

    engine = Engine(fail)
    handler.attach(engine)
    engine.run([0])


@pytest.mark.parametrize("handler", [OutOfMemory(), RunProgress(), RunProgress(show=False)])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore"), "Tried to allocate 2 GiB"),
        (RuntimeError(CPU), "DefaultCPUAllocator"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "CUBLAS"),
        (OSError(12, "Cannot allocate memory"), "Cannot allocate"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_the_knobs_to_turn_are_named(handler, error, told):
    with pytest.raises(RuntimeError, match=f"must .* out of memory .*{told}") as caught:
        ended_by(error, handler)
    assert caught.value.__cause__ is error
    assert all(knob in str(caught.value) for knob in ("batch_size", "accumulation_steps", "amp", "image_size"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(28, "No space left"), KeyboardInterrupt()])
def test_other_errors_are_handed_on(error):
    with pytest.raises(type(error)) as caught:
        ended_by(error, OutOfMemory())
    assert caught.value is error


def test_the_allocator_of_the_cpu_is_recognized():
    """A petabyte is more than any machine has."""

    def fill(engine, batch):
        return torch.empty(10**15, dtype=torch.uint8)

    engine = Engine(fill)
    OutOfMemory().attach(engine)
    with pytest.raises(RuntimeError, match="batch_size must be what the memory holds"):
        engine.run([0])
