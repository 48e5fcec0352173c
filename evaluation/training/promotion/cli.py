"""The commands `rag train promote` and `rag train forget`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from evaluation.cli import ConfigOption, JsonOption
from rag.config import Config, load_config
from rag.config.paths import expanded
from rag.console import print_json, say, show
from rag.errors import ConfigError
from rag.models.default_models import ModelRole

if TYPE_CHECKING:
    from evaluation.training.promotion.verdict import Verdict

ROLES: tuple[ModelRole, ...] = get_args(ModelRole)

RoleArgument = Annotated[
    str, typer.Argument(metavar="ROLE", help="embedder, reader or ranker.", show_default=False)
]
ComparedOption = Annotated[
    list[Path],
    typer.Option("--held-out", help="A set to compare on; it was not trained on.", parser=expanded),
]
CollectionsOption = Annotated[
    list[str] | None,
    typer.Option("--collection", help="Embed this collection again, if an embedder is promoted."),
]


def promote(
    role: RoleArgument,
    model: Annotated[str, typer.Argument(help="Folder of the new model.", show_default=False)],
    *,
    held_out: ComparedOption,
    collection: CollectionsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Use a model instead of the one in use, if it is really better on questions of a set."""
    from evaluation.training.promotion.promotion_set import promotion_set_of_files
    from evaluation.training.promotion.verdict import PromotionTest, verdict_json, verdict_line
    from rag.models.model_files import find_model

    chosen = role_of(role)
    settings = load_config(config)
    if collection and chosen != "embedder":
        raise ConfigError("--collection: only an embedder's vectors are in a collection.")
    files = find_model(model, setting="MODEL")
    examination = PromotionTest(chosen)
    served = [str(language) for language in files.own.get("languages", ())]
    trial = promotion_set_of_files(held_out)
    examination.prepare_trial(trial, served[0] if served else "", new=model)
    verdict = examination.pass_judgement(files.folder, say)
    renewed = reembed_promoted(verdict, collection or (), settings)
    if as_json:
        print_json(verdict_json(verdict) | ({"reembedded": renewed} if renewed else {}))
    else:
        show(verdict_line(verdict))


def reembed_promoted(
    verdict: "Verdict", collections: Sequence[str], config: Config
) -> list[dict[str, Any]]:
    """Re-embed collections with a promoted embedder; return one report for each.

    Args:
        verdict: Verdict on the embedder; nothing is done if it was not promoted.
        collections: Names of the collections.
        config: Configuration of the store.
    """
    if not verdict.promoted or verdict.name is None:
        return []
    from indexing.reembedding import reembed_collection, reembedded_line

    done = []
    for name in collections:
        each = reembed_collection(name, config, model=verdict.name)
        say(f"Embedded {each.passages} passages of `{name}`, generation {each.generation}.")
        line = reembedded_line(each)
        if line:
            say(line)
        done.append(asdict(each))
    return done


def forget(
    role: Annotated[
        str | None, typer.Argument(metavar="ROLE", help="embedder, reader or ranker.")
    ] = None,
    language: Annotated[
        str | None, typer.Argument(metavar="LANGUAGE", help="Such as en or zh.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take a promoted model away, so that the one before it is used; without a role: list them."""
    from evaluation.training.promotion.installed_models import forget as take_away
    from evaluation.training.promotion.installed_models import list_promoted

    if role is None:
        found = list_promoted()
        if as_json:
            rows = [asdict(each) | {"folder": str(each.folder)} for each in found]
            print_json({"promoted": rows})
            return
        for each in found:
            before = ", the one before it is kept" if each.before else ""
            show(f"{each.role} {each.language}: {each.folder}{before}")
        if not found:
            say("No model was promoted yet.")
        return
    chosen = role_of(role)
    if language is None:
        raise ConfigError(f"LANGUAGE: name one, such as: rag train forget {chosen} en")
    now = take_away(chosen, language)
    if as_json:
        print_json({"role": chosen, "language": language, "forgotten": True, "used": now})
    else:
        show(f"Forgot the promoted {chosen} for `{language}`; used now: {now or 'none'}.")


def role_of(text: str) -> ModelRole:
    """Return the role of a name.

    Raises:
        ConfigError: If there is no such role.
    """
    if text not in ROLES:
        raise ConfigError(f"ROLE: expected embedder, reader or ranker (got {text[:40]})")
    return text
