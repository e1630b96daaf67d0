"""The metric registry: what each metric is called, and which direction or value is best.

Sources of the names are in docs/metrics.md; how those are computed that Runshelf computes is in `storage.scores`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from storage.errors import BadInput

PARTITIONS = ("train", "val", "test")
_COUNTS = frozenset({"samples", "folds"})


@dataclass(frozen=True)
class Metric:
    """One metric; with `target` set the best value is the nearest to it, and `lower_is_better` is None."""

    name: str
    title: str
    lower_is_better: bool | None
    digits: int = 3
    target: float | None = None


class MetricLike(Protocol):
    """What a workspace says of a metric of its own: a `Metric`, or a `MetricRecord` of its document."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def lower_is_better(self) -> bool | None: ...
    @property
    def digits(self) -> int: ...
    @property
    def target(self) -> float | None: ...


# Each with the other names it goes by; its title in the form of a column name is one of them without being listed.
_REGISTRY: tuple[tuple[Metric, str], ...] = (
    # regression
    (Metric("rmse", "RMSE", True), "root_mean_squared_error root_mean_square_error rmsd"),
    (Metric("mse", "MSE", True), "mean_squared_error mean_square_error"),
    (Metric("mae", "MAE", True), "mean_absolute_error"),
    (Metric("medae", "Median AE", True), "median_absolute_error"),
    (Metric("max_error", "Max error", True), ""),
    (Metric("mape", "MAPE", True), "mean_absolute_percentage_error"),
    (Metric("mdape", "Median APE", True), "median_absolute_percentage_error"),
    (Metric("smape", "SMAPE", True), "symmetric_mean_absolute_percentage_error"),
    (Metric("wape", "WAPE", True), "weighted_absolute_percentage_error"),
    (Metric("mase", "MASE", True), "mean_absolute_scaled_error"),
    (Metric("rmspe", "RMSPE", True), "root_mean_squared_percentage_error"),
    (Metric("msle", "MSLE", True), "mean_squared_log_error mean_squared_logarithmic_error"),
    (Metric("rmsle", "RMSLE", True), "root_mean_squared_log_error root_mean_squared_logarithmic_error"),
    (Metric("nrmse", "nRMSE", True), "normalized_rmse normalized_root_mean_squared_error"),
    (Metric("rrmse", "rRMSE", True), "relative_rmse relative_root_mean_squared_error"),
    (Metric("cvrmse", "CVRMSE", True), "coefficient_of_variation_of_rmse"),
    (Metric("rsr", "RSR", True), ""),
    (Metric("rae", "RAE", True), "relative_absolute_error"),
    (Metric("rse", "RSE", True), "relative_squared_error"),
    (Metric("sse", "SSE", True), "sum_of_squared_errors rss residual_sum_of_squares"),
    (Metric("press", "PRESS", True), "predicted_residual_sum_of_squares"),
    (Metric("pinball", "Pinball loss", True), "mean_pinball_loss quantile_loss"),
    (Metric("huber_loss", "Huber loss", True), "huber"),
    (Metric("poisson_deviance", "Poisson deviance", True), "mean_poisson_deviance"),
    (Metric("gamma_deviance", "Gamma deviance", True), "mean_gamma_deviance"),
    (Metric("tweedie_deviance", "Tweedie deviance", True), "mean_tweedie_deviance"),
    (Metric("crps", "CRPS", True), "continuous_ranked_probability_score"),
    (Metric("r2", "R²", False), "r_2 r_squared rsquared coefficient_of_determination r2c r2cv r2p r2v"),
    (Metric("adjusted_r2", "Adjusted R²", False), "adj_r2 r2_adj r2_adjusted adjusted_r_2 adjusted_r_squared"),
    (Metric("q2", "Q²", False), "q_2 q_squared q2y"),
    (Metric("explained_variance", "Explained variance", False), ""),
    (Metric("d2_absolute_error", "D² absolute error", False), ""),
    (Metric("d2_pinball", "D² pinball", False), ""),
    (Metric("d2_tweedie", "D² Tweedie", False), ""),
    (Metric("pearson_r", "Pearson r", False), "r pearson pearsonr corr corrcoef correlation correlation_coefficient"),
    (Metric("spearman", "Spearman ρ", False), "spearmanr spearman_r spearman_rho spearman_correlation"),
    (Metric("kendall_tau", "Kendall τ", False), "kendalltau kendall"),
    (Metric("ccc", "CCC", False), "lin_ccc lins_ccc concordance_correlation_coefficient"),
    (Metric("nse", "NSE", False), "nash_sutcliffe nash_sutcliffe_efficiency"),
    (Metric("kge", "KGE", False), "kling_gupta kling_gupta_efficiency"),
    (Metric("ioa", "Index of agreement", False), "willmott_d"),
    (Metric("bias", "Bias", None, target=0.0), "mbe mean_error mean_bias_error"),
    (Metric("pbias", "Percent bias", None, target=0.0), "percentage_bias"),
    (Metric("slope", "Slope", None, target=1.0), ""),
    (Metric("intercept", "Intercept", None, target=0.0), "offset"),
    # chemometrics
    (Metric("rmsec", "RMSEC", True), "root_mean_squared_error_of_calibration"),
    (Metric("rmsecv", "RMSECV", True), "root_mean_squared_error_of_cross_validation"),
    (Metric("rmsep", "RMSEP", True), "root_mean_squared_error_of_prediction"),
    (Metric("rmsev", "RMSEV", True), "root_mean_squared_error_of_validation"),
    (Metric("sec", "SEC", True), "standard_error_of_calibration"),
    (Metric("secv", "SECV", True), "standard_error_of_cross_validation"),
    (Metric("sep", "SEP", True), "standard_error_of_prediction"),
    (Metric("rpd", "RPD", False), "ratio_of_performance_to_deviation"),
    (Metric("rpiq", "RPIQ", False), "ratio_of_performance_to_interquartile_distance"),
    (Metric("rer", "RER", False), "range_error_ratio"),
    # classification
    (Metric("accuracy", "Accuracy", False), "acc"),
    (Metric("balanced_accuracy", "Balanced accuracy", False), "bacc bal_acc balanced_acc"),
    (Metric("top_k_accuracy", "Top-k accuracy", False), ""),
    (Metric("ner", "Non-error rate", False), ""),
    (Metric("precision", "Precision", False), ""),
    (Metric("recall", "Recall", False), ""),
    (Metric("sensitivity", "Sensitivity", False), "tpr true_positive_rate"),
    (Metric("specificity", "Specificity", False), "tnr true_negative_rate"),
    (Metric("ppv", "PPV", False), "positive_predictive_value"),
    (Metric("npv", "NPV", False), "negative_predictive_value"),
    (Metric("f1", "F1", False), "f_1 f1score f1_measure f_measure"),
    (Metric("f2", "F2", False), "f_2"),
    (Metric("f0_5", "F0.5", False), ""),
    (Metric("fbeta", "F-beta", False), ""),
    (Metric("jaccard", "Jaccard", False), "jaccard_index iou intersection_over_union"),
    (Metric("dice", "Dice", False), "dice_coefficient"),
    (Metric("g_mean", "G-mean", False), "gmean geometric_mean"),
    (Metric("mcc", "MCC", False), "matthews_corrcoef matthews_correlation_coefficient"),
    (Metric("kappa", "Cohen's kappa", False), "cohen_kappa cohens_kappa"),
    (Metric("weighted_kappa", "Weighted kappa", False), "quadratic_weighted_kappa qwk"),
    (Metric("informedness", "Informedness", False), "youden_j youdens_j youden_index bookmaker_informedness"),
    (Metric("markedness", "Markedness", False), ""),
    (Metric("roc_auc", "ROC AUC", False), "auc_roc auroc rocauc"),
    (Metric("pr_auc", "PR AUC", False), "auc_pr auprc aucpr prauc"),
    (Metric("auc", "AUC", False), ""),
    (Metric("average_precision", "Average precision", False), "mean_average_precision"),
    (Metric("gini", "Gini", False), "gini_coefficient"),
    (Metric("ks", "KS", False), "ks_statistic kolmogorov_smirnov"),
    (Metric("positive_likelihood_ratio", "Positive likelihood ratio", False), ""),
    (Metric("d2_log_loss", "D² log loss", False), ""),
    (Metric("d2_brier", "D² Brier", False), ""),
    (Metric("ndcg", "NDCG", False), ""),
    (Metric("dcg", "DCG", False), ""),
    (Metric("mrr", "MRR", False), "mean_reciprocal_rank"),
    (Metric("lrap", "LRAP", False), "label_ranking_average_precision"),
    (Metric("error_rate", "Error rate", True), "misclassification_rate misclassification_error classification_error"),
    (Metric("zero_one_loss", "Zero-one loss", True), ""),
    (Metric("hamming_loss", "Hamming loss", True), ""),
    (Metric("hinge_loss", "Hinge loss", True), "hinge"),
    (
        Metric("log_loss", "Log loss", True),
        "logloss cross_entropy crossentropy binary_cross_entropy binary_crossentropy categorical_cross_entropy "
        "categorical_crossentropy",
    ),
    (Metric("brier", "Brier score", True), "brier_score_loss"),
    (Metric("fpr", "FPR", True), "false_positive_rate false_alarm_rate"),
    (Metric("fnr", "FNR", True), "false_negative_rate miss_rate"),
    (Metric("fdr", "FDR", True), "false_discovery_rate"),
    (Metric("false_omission_rate", "False omission rate", True), ""),
    (Metric("eer", "EER", True), "equal_error_rate"),
    (Metric("ece", "ECE", True), "expected_calibration_error calibration_error"),
    (Metric("negative_likelihood_ratio", "Negative likelihood ratio", True), ""),
    (Metric("label_ranking_loss", "Label ranking loss", True), ""),
    (Metric("coverage_error", "Coverage error", True), ""),
    # any model
    (Metric("loss", "Loss", True), ""),
    (Metric("nll", "NLL", True), "negative_log_likelihood neg_log_likelihood"),
    (Metric("log_likelihood", "Log-likelihood", False), "loglikelihood"),
    (Metric("aic", "AIC", True), "aicc"),
    (Metric("bic", "BIC", True), ""),
    (Metric("fit_time", "Fit time", True), "train_time training_time"),
    (Metric("score_time", "Score time", True), ""),
    (Metric("predict_time", "Predict time", True), "prediction_time inference_time"),
)
MAIN_METRIC = {"regression": "rmse", "classification": "accuracy"}


def column_name(text: str) -> str:
    """A column name from any text: lower case letters, digits and underscores, not starting with a digit.

    Superscripts and the like are read as what they stand for: `R²` gives `r2`.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    name = re.sub(r"\W+", "_", plain, flags=re.ASCII).strip("_")
    return f"m_{name}" if not name or name[0].isdigit() else name


_ALIASES = {column_name(metric.title): metric.name for metric, _ in _REGISTRY}
_ALIASES |= {alias: metric.name for metric, aliases in _REGISTRY for alias in aliases.split()}

# What may stand before a metric: the samples it was computed on, or which value of several it is.
_PREFIX = re.compile(
    r"(?:train|training|val|valid|validation|test|testing|cv|cross_val|cross_validation|oof|out_of_fold|oob|out_of_bag"
    r"|loo|holdout|hold_out|eval|evaluation|cal|calibration|pred|prediction|external|overall|(?:fold|split)_?\d+"
    r"|mean|average|avg|median|min|max|best|(?P<spread>std))_+(?=[a-z])"
)
# What may stand after one. Free words may not: `rmse_gap`, `accuracy_drop` and `f1_rank` turn the direction round.
_SUFFIX = re.compile(
    r"__(?P<about>[a-z0-9]\w*)$|_(?:(?P<average>macro|micro|weighted|binary|ovr|ovo)|(?P<samples>samples)"
    r"|(?P<index>(?:(?:at|class|target|output|fold)_)?\d+(?:_\d+)?)"
    r"|(?P<score>score)|(?P<loss>loss)|(?P<middle>mean|median|min|max)|(?P<spread>std))$",
    re.ASCII,
)
_PER_SAMPLE = frozenset({"precision", "recall", "f1", "f2", "f0_5", "fbeta", "jaccard", "roc_auc", "average_precision"})


def best_in_words(metric: Metric | None) -> str:
    """What is best of a metric: lower, higher, nearest to 0, or unknown."""
    if metric is None:
        return "unknown"
    if metric.target is not None:
        return f"nearest to {metric.target:g}"
    return {True: "lower", False: "higher", None: "unknown"}[metric.lower_is_better]


class Metrics:
    """The metrics one workspace knows: the built-in ones, and `extra`, which override built-in ones of their name.

    Immutable. Finding is one dictionary look-up for a column asked for before.
    """

    def __init__(self, extra: Iterable[MetricLike] = ()) -> None:
        self._metrics = {metric.name: metric for metric, _ in _REGISTRY}
        for own in extra:
            name = column_name(own.name)
            title = own.title or (self._metrics[name].title if name in self._metrics else own.name)
            self._metrics[name] = Metric(name, title, own.lower_is_better, own.digits, own.target)
        self._found: dict[str, Metric | None] = {}

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._metrics.values())

    def find(self, column: str) -> Metric | None:
        """The metric a name or column is about: `rmse`, `test_rmse`, `mean_test_neg_root_mean_squared_error`.

        What is not certainly a metric of known direction is None, never a guess: `rmse_protein` may be the RMSE of a
        target, `rmse_gap` is a difference. A target or class is told by two underscores (`rmse__protein`) or by a
        number (`rmse_0`, `f1_class_1`). The spread of any metric (`std_r2`, `r2_std`) is better when lower.
        """
        try:
            return self._found[column]
        except KeyError:
            found = self._found[column] = self._find(column_name(column))
            return found

    def best(self, column: str) -> Metric:
        """The metric of a column, of which it is known what is best: a low value, a high one, or a `target`.

        Raises BadInput where nobody can know, with the way to say it.
        """
        metric = self.find(column)
        if metric is None or (metric.lower_is_better is None and metric.target is None):
            name = column_name(column)
            while prefix := _PREFIX.match(name):
                name = name[prefix.end() :]
            raise BadInput(
                _unknown(column),
                advice=f"Say which with: runshelf metrics add {name} --lower-is-better.",
            )
        return metric

    def lower_is_better(self, column: str) -> bool:
        """Which end of a metric column is best. Raises BadInput where nobody can know, or neither end is."""
        metric = self.find(column)
        if metric is None or metric.lower_is_better is None:
            nearest = metric is not None and metric.target is not None
            raise BadInput(
                f"Neither a low nor a high '{column}' is best." if nearest else _unknown(column),
                advice="Sort by the column instead: order by it ascending or descending.",
            )
        return metric.lower_is_better

    def main(self, task_type: str) -> Metric:
        """The metric that results of a task, regression or classification, are judged by."""
        return self._metrics[MAIN_METRIC[task_type]]

    def _find(self, name: str) -> Metric | None:
        spread = False
        while (found := self._without_prefix(name)) is None:
            prefix = _PREFIX.match(name)
            if prefix is None:
                return None
            spread = spread or prefix["spread"] is not None
            name = name[prefix.end() :]
        return _spread(found) if spread else found

    def _without_prefix(self, name: str) -> Metric | None:
        suffixes = []
        while (found := self._named(name)) is None:
            suffix = _SUFFIX.search(name)
            if suffix is None:
                return None
            suffixes.append(suffix)
            name = name[: suffix.start()]
        for suffix in reversed(suffixes):
            found = found and _with_suffix(found, suffix)
        return found

    def _named(self, name: str) -> Metric | None:
        if found := self._exactly(name):
            return found
        if top := re.fullmatch(r"top_?(\d+)_acc(?:uracy)?", name):
            k, any_k = top[1], self._metrics["top_k_accuracy"]
            return replace(any_k, name=f"top_{k}_accuracy", title=f"Top-{k} accuracy")
        if negated := re.fullmatch(r"neg(?:ative)?_(\w+)", name):  # scikit-learn's scorers: higher is always better
            found = self._exactly(negated[1])
            if found and found.lower_is_better:  # the recall of a class "neg" is no negated recall
                return Metric(f"neg_{found.name}", f"Negative {found.title}", False, found.digits)
        return None

    def _exactly(self, name: str) -> Metric | None:
        return self._metrics.get(name) or self._metrics.get(_ALIASES.get(name, ""))


def _unknown(column: str) -> str:
    return f"Whether a low or a high '{column}' is better is not known."


def _spread(metric: Metric) -> Metric:
    return Metric(f"std_{metric.name}", f"{metric.title} spread", True, metric.digits)


def _with_suffix(metric: Metric, suffix: re.Match[str]) -> Metric | None:
    """The metric that a suffix makes of another; None where both together may mean something else."""
    kind = suffix.lastgroup
    if kind == "spread":
        return _spread(metric)
    if kind == "score":  # an RMSE "score" may be one turned round
        return metric if metric.lower_is_better is False else None
    if kind == "loss":
        return metric if metric.lower_is_better else None
    if kind == "samples" and metric.name not in _PER_SAMPLE:  # a number of samples
        return None
    if kind == "middle":
        return metric
    said = suffix[0].replace("_", " ").strip()
    return replace(metric, name=metric.name + suffix[0], title=f"{metric.title} {said}")


BUILT_IN = Metrics()


def metric_for(name: str) -> Metric | None:
    """The built-in metric a name or column is about; see `Metrics.find`."""
    return BUILT_IN.find(name)


def lower_is_better(column: str) -> bool:
    """Which end of a column of a built-in metric is best; see `Metrics.lower_is_better`."""
    return BUILT_IN.lower_is_better(column)


def spread_column(metric: str) -> str | None:
    """The column with the spread over folds that belongs to a metric column: to `val_rmse`, for example.

    None for what isn't measured on held-out folds.
    """
    for prefix in ("val_", "cross_validation_mean_"):
        if metric.startswith(prefix):
            return f"cross_validation_std_{metric.removeprefix(prefix)}"
    return None


def key_metric(columns: Mapping[str, Any], task_type: str | None) -> str | None:
    """The column a result is judged by: the main metric of its task, cross-validated before test before train."""
    tasks = [task_type] if task_type in MAIN_METRIC else list(MAIN_METRIC)
    names = [f"{partition}_{MAIN_METRIC[task]}" for task in tasks for partition in ("val", "test", "train")]
    return next((name for name in names if columns.get(name) is not None), None)


def flatten(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Flatten metrics.json to catalog columns: `{"test": {"rmse": 0.4}}` gives `{"test_rmse": 0.4}`.

    Counts (samples, folds) and anything that is no number are left out; None stands for a value that is undefined.
    """
    flat: dict[str, float] = {}
    for partition, values in metrics.items():
        if not isinstance(values, Mapping):
            continue
        for name, value in values.items():
            if name in _COUNTS or isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            with suppress(OverflowError):  # a whole number beyond the range of a double
                flat[column_name(f"{partition}_{name}")] = float(value)
    return flat
