"""Build the study of a campaign.

Priors, algorithms and baselines are imported in the functions that use them: they import torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from gdopt.errors import RenamedError, SettingsError
from gdopt.lab.campaign import GUIDED, RANDOM, Campaign, CorpusEntry
from gdopt.priors import corpus_file
from gdopt.space import strings
from gdopt.space.space import Space
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace
from gdopt.storage.store import Store
from gdopt.study.study import Study

if TYPE_CHECKING:
    from gdopt.algorithms.base import Algorithm
    from gdopt.diffusion.training import Progress
    from gdopt.priors.diffusion import DiffusionPrior
    from gdopt.priors.masked import MaskedPrior

__all__ = ["start_study"]

# Default maximum number of training steps, as in the priors: of designs in numbers, and of strings.
STEPS, STRING_STEPS = 3000, 2000


def start_study(
    campaign: Campaign, folder: Path, storage: str | Path | Store | None = None, fit: "Progress | None" = None
) -> Study:
    """The study of a campaign. If the campaign has a corpus, a prior is fitted to it.

    Args:
        campaign: the campaign.
        folder: the folder of the campaign's file, to which the files that it names are relative.
        storage: as in `Study`.
        fit: called with the progress of the prior's training.

    Raises:
        CorpusError: the corpus cannot be read or used.
        SettingsError: the algorithm or a setting is unknown, or the algorithm needs a corpus.
        SpaceError, StoreError: as in `Study`.

    Example:
        >>> from gdopt.lab.campaign_template import EXAMPLE
        >>> start_study(EXAMPLE, Path()).space.names
        ('temperature', 'loading', 'hours', 'base')
    """
    from gdopt.algorithms.user_functions import FunctionReference, with_filter

    space, algorithm = _space_and_algorithm(campaign, folder, fit)
    algorithm = _configured(algorithm, campaign.settings)
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


def _space_and_algorithm(campaign: Campaign, folder: Path, fit: "Progress | None") -> "tuple[Space, Algorithm]":
    """The search space and the algorithm with its default settings."""
    space = campaign.space
    if campaign.table is not None:
        return campaign.table.space(folder), _without_prior(campaign)
    if campaign.prior is not None:
        prior = _prior_in(folder / campaign.prior.file)
        return space or prior.space, _with_prior(campaign, prior)
    if campaign.corpus is not None:
        path = folder / campaign.corpus.file
        if space is not None and any(isinstance(p, strings.Sequence | strings.Molecule) for p in space.parameters):
            return _from_strings(campaign, campaign.corpus, space, path, fit)
        return _from_designs(campaign, campaign.corpus, space, path, fit)
    # `campaign_reader` accepts a campaign without parameters only if one of the tables above gives the space.
    assert space is not None
    if campaign.expert:
        return space, _with_prior(campaign, _expert_prior(campaign, space))
    if isinstance(space.parameters[0], strings.Molecule):
        raise SettingsError("a molecule parameter needs a prior of molecules: give a [corpus] of SMILES")
    return space, _without_prior(campaign)


def _without_prior(campaign: Campaign) -> "Algorithm":
    """The campaign's algorithm without a prior."""
    from gdopt.algorithms.guided import GuidedDiffusion
    from gdopt.baselines import baseline

    return GuidedDiffusion() if campaign.algorithm == GUIDED else baseline(campaign.algorithm)


def _with_prior(campaign: Campaign, prior: "DiffusionPrior | MaskedPrior") -> "Algorithm":
    """The campaign's algorithm with a prior."""
    from gdopt.algorithms.guided import GuidedDiffusion
    from gdopt.algorithms.masked import MaskedDiffusion
    from gdopt.baselines import baseline
    from gdopt.priors.masked import MaskedPrior

    if isinstance(prior, MaskedPrior):
        if campaign.algorithm != GUIDED:
            raise SettingsError(f"{campaign.algorithm} takes no prior of strings: give a [corpus] of them")
        return MaskedDiffusion(prior=prior)
    return GuidedDiffusion(prior=prior) if campaign.algorithm == GUIDED else baseline(campaign.algorithm, prior)


def _prior_in(path: Path) -> "DiffusionPrior | MaskedPrior":
    """The prior in a file."""
    from gdopt import files
    from gdopt.algorithms.serialization import prior_of

    prior: DiffusionPrior | MaskedPrior = prior_of(*files.read(path), path)
    return prior


def _expert_prior(campaign: Campaign, space: Space) -> "DiffusionPrior":
    """The prior of the campaign's expert beliefs."""
    from gdopt.priors.diffusion import DiffusionPrior

    beliefs = {name: entry.belief() for name, entry in campaign.expert.items()}
    return DiffusionPrior.expert(space, beliefs, seed=campaign.seed)


def _from_designs(
    campaign: Campaign, corpus: CorpusEntry, space: Space | None, path: Path, fit: "Progress | None"
) -> "tuple[Space, Algorithm]":
    """The space and the algorithm, with a prior fitted to the designs of a CSV file."""
    from gdopt.priors.diffusion import DiffusionPrior

    direction = campaign.direction
    table = corpus_file.read(
        path,
        space,
        weights=corpus.weights,
        outcome=corpus.outcome,
        # With several objectives, the direction of the first.
        direction=direction if isinstance(direction, str) else next(iter(direction.values())),
    )
    prior = DiffusionPrior.fit(
        table.designs,
        weights=table.weights,
        space=space,
        names=None if space else table.names,
        seed=campaign.seed,
        steps=corpus.steps or STEPS,
        progress=fit,
    )
    return prior.space, _with_prior(campaign, prior)


def _from_strings(
    campaign: Campaign, corpus: CorpusEntry, space: Space, path: Path, fit: "Progress | None"
) -> "tuple[Space, Algorithm]":
    """The space of the file's strings and the algorithm, with a prior fitted to them if it takes one."""
    from gdopt.algorithms.masked import MaskedDiffusion
    from gdopt.baselines import string_baseline
    from gdopt.priors.masked import MaskedPrior

    if corpus.weights or corpus.outcome:
        raise SettingsError("[corpus]: weights and outcome are of designs in numbers, not of strings")
    string_space = _string_space(space, path)
    if campaign.algorithm != GUIDED:
        name = "corpus-random" if campaign.algorithm == RANDOM else campaign.algorithm
        return string_space, string_baseline(name, string_space)
    prior = MaskedPrior.fit(string_space, seed=campaign.seed, progress=fit, steps=corpus.steps or STRING_STEPS)
    return string_space, MaskedDiffusion(prior=prior)


def _string_space(space: Space, path: Path) -> MoleculeSpace | SequenceSpace:
    """The space of the one string parameter, with the strings of a file as its corpus."""
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
        corpus=corpus_file.sequences(path),
        forbidden=only.forbidden,
        name=only.name,
    )


def _configured(algorithm: "Algorithm", settings: dict[str, bool | int | float | str]) -> "Algorithm":
    """The algorithm with the campaign's settings, which are numbers, booleans or words."""
    from gdopt.algorithms.serialization import PLAIN
    from gdopt.algorithms.settings import setting_names, with_settings

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
