"""Search whose trials a sampler chooses (Optuna)."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from filelock import FileLock

from bundle.experiments.make_tables import write_text
from bundle.experiments.process_group import ended_like_ctrl_c
from bundle.experiments.run import BundleRun
from bundle.experiments.search import Search, grid_search, search_report
from bundle.experiments.searched_knob import SearchedKnob
from bundle.experiments.validation import validation_scores

POLL_S = 2.0
"""Seconds between two looks at a trial's validation scores."""
_HEARTBEAT_S = 60
"""A process that gave no sign for twice as long is dead; another takes its trial over."""


def sampled_search(search: Search, trials: int, seed: int | None = None) -> None:
    """Train until `trials` trials have ended, chosen by TPE and pruned by the median validation score of an epoch.

    The study is `study.db` (SQLite) in the search's folder. The same call in several processes shares it, one trial
    at a time in each; after a kill it goes on, and the trial that was at work continues from its checkpoint.

    Args:
        search: whose knobs are ranges or lists of values.
        trials: of all processes together; pruned ones count, failed ones do not.
        seed: of the sampler. Processes that share a search need different ones, or None.

    Raises:
        ModuleNotFoundError: Optuna is not installed.
        ValueError: a trial of the search was started with other settings.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("a sampled search must have the package optuna: pip install optuna.") from error
    search.tried()
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    study = open_study(search, seed)
    todo = trials - len(study.get_trials(deepcopy=False, states=states))
    if todo <= 0:
        return
    with ended_like_ctrl_c():
        study.optimize(
            lambda trial: _objective(search, trial),
            n_trials=todo,
            callbacks=[optuna.study.MaxTrialsCallback(trials, states=states)],
            catch=(RuntimeError,),
        )


def open_study(search: Search, seed: int | None) -> Any:
    """Return the study of the search, made or found."""
    import optuna

    search.folder.mkdir(parents=True, exist_ok=True)
    # one at a time: two processes that make the database at once fail in Alembic
    with FileLock(search.folder / "study.lock"), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # what heartbeats are to Optuna
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{search.folder.absolute() / 'study.db'}",
            engine_kwargs={"connect_args": {"timeout": 60}},  # others may be writing
            heartbeat_interval=_HEARTBEAT_S,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
        )
        return optuna.create_study(
            study_name=str(list(search.knobs)),  # Optuna refuses other values in one study
            storage=storage,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=5, constant_liar=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
            load_if_exists=True,
        )


def _objective(search: Search, trial: Any) -> float:
    """Return the best validation score of one trial."""
    run = search.trial({knob.name: _suggested(trial, knob) for knob in search.knobs})
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                _follow(trial, run, pool)
            finally:
                run.end()
    except KeyboardInterrupt:  # the next call takes these values up again and continues the run
        trial.study.enqueue_trial(trial.params)
        raise
    if not run.is_finished:
        raise RuntimeError(f"{run.name} failed; the end of {run.log}:\n{run.last_words()}")
    return max(validation_scores(run.output_dir).values())


def _suggested(trial: Any, knob: SearchedKnob) -> float:
    """Return the value that the sampler chooses, with six digits so that it can name a folder."""
    if not knob.is_range:
        return trial.suggest_categorical(knob.name, list(knob.values))
    return float(f"{trial.suggest_float(knob.name, knob.low, knob.high, log=knob.low > 0):.6g}")


def _follow(trial: Any, run: BundleRun, pool: ThreadPoolExecutor) -> None:
    """Report each epoch of a run until it has ended; end it where the pruner says so."""
    import optuna

    ended, reported = (pool.submit(run) if not run.is_finished else pool.submit(bool)), 0
    while True:
        at_end = bool(wait([ended], timeout=POLL_S).done)
        for epoch, score in sorted(validation_scores(run.output_dir).items()):
            if epoch > reported:
                trial.report(score, epoch)
                reported = epoch
        if at_end:
            return
        if trial.should_prune():
            raise optuna.TrialPruned


def run_search(
    search: Search, trials: int | None = None, seed: int | None = None, parallel: int = 2
) -> tuple[str, list[BundleRun]]:
    """Run a search, write trials.csv and winner.yaml into its folder; return their text and the trials that failed.

    Args:
        search: row, repeat and knobs.
        trials: number of trials of a sampled search; None trains every combination of the values.
        seed: of the sampler.
        parallel: processes at a time of a grid.
    """
    failed = grid_search(search, parallel) if trials is None else []
    if trials is not None:
        sampled_search(search, trials, seed)
    table, overlay = search_report(search)
    for name, text in (("trials.csv", table.csv()), ("winner.yaml", overlay)):
        write_text(search.folder / name, text)
    return f"{table.text()}\n\n{search.folder / 'winner.yaml'}:\n\n{overlay}", failed
