"""The study of a campaign."""

from pathlib import Path

from gdopt import files
from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.algorithms.masked import MaskedDiffusion
from gdopt.algorithms.serialization import PLAIN, prior_of
from gdopt.algorithms.settings import setting_names, with_settings
from gdopt.algorithms.user_functions import FunctionReference, with_filter
from gdopt.baselines import baseline, string_baseline
from gdopt.diffusion.training import Progress
from gdopt.errors import RenamedError, SettingsError
from gdopt.lab.campaign import GUIDED, RANDOM, Campaign
from gdopt.priors import corpus_file as corpora
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.priors.masked import MaskedPrior
from gdopt.space import strings
from gdopt.space.space import Space
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace
from gdopt.storage.store import Store
from gdopt.study.study import Study

__all__ = ["start_study"]

# Of training at most, as the priors have it by default: of designs in numbers, and of strings.
STEPS, STRING_STEPS = 3000, 2000


def start_study(
    campaign: Campaign, folder: Path, storage: str | Path | Store | None = None, fit: Progress | None = None
) -> Study:
    """The study of a campaign, with a prior fitted to its corpus if it has one.

    Args:
        campaign: what it is of.
        folder: where the corpus is looked for.
        storage: as `Study` takes it.
        fit: told of the progress of the prior's training.

    Raises:
        CorpusError: the corpus cannot be read or used.
        SettingsError: there is no such algorithm or setting, or it needs a corpus.
        SpaceError, StoreError: as `Study` raises.
    """
    space, algorithm = _algorithm(campaign, folder, fit)
    algorithm = _with_settings(algorithm, campaign.settings)
    if campaign.design_filter is not None:
        algorithm = with_filter(algorithm, FunctionReference(campaign.design_filter))
    return Study(
        space,
        direction=campaign.direction,
        objective=campaign.objective,
        reference_point=campaign.reference_point,
        outcome_constraints=campaign.outcome_constraints,
        tracking_metrics=campaign.tracking_metrics,
        algorithm=algorithm,
        storage=storage,
        seed=campaign.seed,
        batch=campaign.batch,
    )


def _algorithm(campaign: Campaign, folder: Path, fit: Progress | None) -> tuple[Space, Algorithm]:
    """The space, with what came from the corpus, and the algorithm with its default settings."""
    space, corpus = campaign.space, campaign.corpus
    if campaign.table is not None:
        rows = campaign.table.space(folder)
        return rows, GuidedDiffusion() if campaign.algorithm == GUIDED else baseline(campaign.algorithm)
    if campaign.prior is not None:
        path = folder / campaign.prior.file
        prior = prior_of(*files.read(path), path)
        return space or prior.space, _with_prior(campaign, prior)
    if corpus is None:
        assert space is not None
        if campaign.expert:
            beliefs = {name: one.belief() for name, one in campaign.expert.items()}
            return space, _with_prior(campaign, DiffusionPrior.expert(space, beliefs, seed=campaign.seed))
        if isinstance(space.parameters[0], strings.Molecule):
            raise SettingsError("molecules are found by a prior of some: give a [corpus] of SMILES")
        return space, GuidedDiffusion() if campaign.algorithm == GUIDED else baseline(campaign.algorithm)
    path = folder / corpus.file
    of_strings = space is not None and any(isinstance(p, strings.Sequence | strings.Molecule) for p in space.parameters)
    if space is not None and of_strings:
        if corpus.weights or corpus.outcome:
            raise SettingsError("[corpus]: weights and outcome are of designs in numbers, not of strings")
        strings_space = _of_strings(space, path)
        if campaign.algorithm != GUIDED:
            name = "corpus-random" if campaign.algorithm == RANDOM else campaign.algorithm
            return strings_space, string_baseline(name, strings_space)
        masked = MaskedPrior.fit(strings_space, seed=campaign.seed, progress=fit, steps=corpus.steps or STRING_STEPS)
        return strings_space, MaskedDiffusion(prior=masked)
    read = corpora.read(
        path,
        space,
        weights=corpus.weights,
        outcome=corpus.outcome,
        # Of several objectives, the first.
        direction=direction if isinstance(direction := campaign.direction, str) else next(iter(direction.values())),
    )
    prior = DiffusionPrior.fit(
        read.designs,
        weights=read.weights,
        space=space,
        names=None if space else read.names,
        seed=campaign.seed,
        steps=corpus.steps or STEPS,
        progress=fit,
    )
    return prior.space, _with_prior(campaign, prior)


def _with_prior(campaign: Campaign, prior: DiffusionPrior | MaskedPrior) -> Algorithm:
    """The campaign's algorithm, which learns from a prior."""
    if isinstance(prior, MaskedPrior):
        if campaign.algorithm != GUIDED:
            raise SettingsError(f"{campaign.algorithm} takes no prior of strings: give a [corpus] of them")
        return MaskedDiffusion(prior=prior)
    return GuidedDiffusion(prior=prior) if campaign.algorithm == GUIDED else baseline(campaign.algorithm, prior)


def _of_strings(space: Space, path: Path) -> MoleculeSpace | SequenceSpace:
    """The space of one string, with the corpus of a file."""
    only = space.parameters[0]
    if len(space.parameters) > 1:
        raise SettingsError(f"a corpus of strings is of one parameter; there are {list(space.names)}")
    if isinstance(only, strings.Molecule):
        return MoleculeSpace.from_smiles(path, name=only.name)
    assert isinstance(only, strings.Sequence)
    return SequenceSpace(
        only.alphabet,
        min_length=only.shortest,
        max_length=only.longest,
        corpus=corpora.sequences(path),
        forbidden=only.forbidden,
        name=only.name,
    )


def _with_settings(algorithm: Algorithm, settings: dict[str, bool | int | float | str]) -> Algorithm:
    """The algorithm with other settings, of those that are numbers or words."""
    known = {name for name, value in setting_names(algorithm).items() if isinstance(value, PLAIN)}
    known -= {"design_filter"}  # a function, with a key of its own
    unknown = [name for name in settings if name not in known]
    try:
        changed = with_settings(algorithm, settings)
    except RenamedError as error:
        raise SettingsError(f"[settings]: {error}") from error
    except (TypeError, SettingsError) as error:
        if not unknown:
            raise SettingsError(f"[settings]: {error}") from error
    if unknown:
        kind = type(algorithm).__name__
        raise SettingsError(f"[settings], keys {unknown}: {kind} has no such settings; it has {sorted(known)}")
    return changed
