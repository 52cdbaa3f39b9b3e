"""Out of memory, with the knobs to turn."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events

_SIGNS = ("out of memory", "allocate memory", "_STATUS_ALLOC_FAILED")
"""In the words of CUDA, of PyTorch's allocator for the CPU and of the operating system, and of CUDA's libraries."""


class OutOfMemory:
    """Raises an error that ended an engine again; where memory ran out, in words that name the knobs to turn.

    Attach it before other handlers of the event: Ignite swallows an error that no handler raises.

    Raises:
        RuntimeError: memory ran out; any other error is raised as it is.

    Example:
        >>> def fail(engine, batch):
        ...     raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        >>> engine = Engine(fail)
        >>> OutOfMemory().attach(engine)
        >>> try:
        ...     engine.run([0])
        ... except RuntimeError as error:
        ...     print(str(error).split(":")[0])
        batch_size must be what the memory holds, got out of memory (CUDA out of memory. Tried to allocate 2.00 GiB)
    """

    def attach(self, engine: Engine) -> None:
        """Look at every error that ends `engine`."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self)

    def __call__(self, engine: Engine, error: BaseException) -> None:
        """Raise the error, reworded or not."""
        if not _is_out_of_memory(error) or _is_out_of_memory(error.__cause__):
            raise error  # Ignite fires the event twice, for the epoch and for the run
        message = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RuntimeError(
            f"batch_size must be what the memory holds, got out of memory ({message}): lower batch_size (in training, "
            "accumulation_steps adds up the gradients of several batches), turn on amp, or choose a smaller image_size "
            "or network (configs/sizes)."
        ) from error


def _is_out_of_memory(error: BaseException | None) -> bool:
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError | OSError) and any(sign in str(error) for sign in _SIGNS)
