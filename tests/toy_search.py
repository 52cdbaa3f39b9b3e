"""A search whose trials are toys; in a module of its own, so that processes can import it."""

import sys

from bundle.experiments import BundleRun, Experiment, Search

# scores that rise to 1 - (log10(localization_weight) - 2)^2 / 10 over the epochs; each start is noted
TRAINING = """
import json, math, sys, time
from pathlib import Path
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
folder, weight, epochs, pause = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
with (folder / "starts").open("a") as file:
    file.write("x")
best = 1 - (math.log10(weight) - 2) ** 2 / 10
writer = EventFileWriter(str(folder))
for epoch in range(1, epochs + 1):
    score = Summary.Value(tag="key_score", simple_value=best * epoch / epochs)
    writer.add_event(Event(step=epoch, wall_time=time.time(), summary=Summary(value=[score])))
    writer.flush()
    time.sleep(pause)
writer.close()
(folder / "run.json").write_text(json.dumps({"completed": "now"}))
"""
EXPERIMENT = Experiment("toy", ["configs/train.json"], {"lgmvit": ["configs/methods/lgmvit.yaml"]}, {"fold0": {}})


class ToyRun(BundleRun):
    def commands(self):
        weight, epochs = self.overrides["localization_weight"], self.overrides.get("max_epochs", 3)
        pause = self.overrides.get("pause", 0)
        return [[sys.executable, "-c", TRAINING, self.output_dir, str(weight), str(epochs), str(pause)]]


class ToySearch(Search):
    def trial(self, values):
        run = super().trial(values)
        return ToyRun(run.name, run.output_dir, run.config_files, run.overrides, run.evaluates)
