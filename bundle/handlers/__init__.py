"""Small Ignite handlers that extend MONAI's engines by their named events."""

from bundle.handlers.attribution_images import AttributionImages
from bundle.handlers.best_epoch import BestEpoch
from bundle.handlers.case_folder import case_folder, finished_cases
from bundle.handlers.case_results import CaseResultSaver, write_case
from bundle.handlers.collect_predictions import CollectPredictions
from bundle.handlers.early_stopping import EarlyStopping
from bundle.handlers.epoch_losses import EpochLosses
from bundle.handlers.epoch_seed import EpochSeed
from bundle.handlers.evaluation_report import EvaluationReport
from bundle.handlers.evidence_split import EvidenceSplit
from bundle.handlers.input_profile import InputProfile
from bundle.handlers.learnable_data import LearnableData
from bundle.handlers.load_weights import LoadWeights
from bundle.handlers.localization_loss import LocalizationLoss
from bundle.handlers.out_of_memory import OutOfMemory
from bundle.handlers.prepare_batch import PrepareSliceBatch
from bundle.handlers.run_estimate import RunEstimate
from bundle.handlers.run_progress import RunProgress
from bundle.handlers.segmentation_loss import SegmentationLoss
from bundle.handlers.self_training import SelfTraining
from bundle.handlers.skip_failed_cases import SkipFailedCases
from bundle.handlers.slice_scores_metric import SliceScores
from bundle.handlers.start_weights import StartWeights
from bundle.handlers.training_checkpoint import TrainingCheckpoint
from bundle.handlers.training_history import TrainingHistory, read_history
from bundle.handlers.weight_average import UpdateWeightAverage, WeightAverage

__all__ = [
    "AttributionImages",
    "BestEpoch",
    "CaseResultSaver",
    "CollectPredictions",
    "EarlyStopping",
    "EpochLosses",
    "EpochSeed",
    "EvaluationReport",
    "EvidenceSplit",
    "InputProfile",
    "LearnableData",
    "LoadWeights",
    "LocalizationLoss",
    "OutOfMemory",
    "PrepareSliceBatch",
    "RunEstimate",
    "RunProgress",
    "SegmentationLoss",
    "SelfTraining",
    "SkipFailedCases",
    "SliceScores",
    "StartWeights",
    "TrainingCheckpoint",
    "TrainingHistory",
    "UpdateWeightAverage",
    "WeightAverage",
    "case_folder",
    "finished_cases",
    "read_history",
    "write_case",
]
