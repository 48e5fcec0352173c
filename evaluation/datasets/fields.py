"""Fields of a question or document in a data set, whose errors name their place.

A question whose field is misspelled must never count as one without an answer: unknown fields are
refused with the nearest known name. Only an empty list of answers says that a question is
unanswerable.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rag.errors import DatasetError

NEAR = 0.85  # similarity of a misspelling to the name that was meant, from 0 to 1
# Names of other tools -> ours.
_ALIKE = {
    "answers": (
        "answer ground_truth ground_truths gold golds gold_answer gold_answers golden_answer "
        "golden_answers golden expected expected_answer expected_answers expected_output "
        "reference references reference_answer label target output response"
    ),
    "question": "query text input prompt user_input",
    "evidence": "evidences context contexts passages supporting_facts reference_contexts quotes",
    "document": "source file doc filename path document_id",
    "text": "quote passage content words query question",
    "id": "_id qid query_id question_id",
    "_id": "id qid query_id question_id",
    "filters": "filter where",
}


def check_fields(
    value: Mapping[str, Any], known: Sequence[str], where: str, *, further: bool = False
) -> None:
    """Check that an object has no unknown field.

    Args:
        value: The object.
        known: Its fields.
        where: Its location, for the error.
        further: Accept unknown fields, except misspellings of known ones that are missing.

    Raises:
        DatasetError: If there is one; names it and the field that may have been meant.

    Example:
        >>> check_fields({"anwsers": []}, ("question", "answers"), "line 1")
        Traceback (most recent call last):
        rag.errors.DatasetError: line 1: `anwsers`: unknown field; did you mean `answers`?
    """
    for name in [each for each in value if each not in known]:
        missing = [each for each in known if each not in value]
        near = misspelt(name, missing) if further else _meant(name, missing) or _meant(name, known)
        told = f"{where}: `{_shown(name)}`: unknown field"
        if near:
            raise DatasetError(f"{told}; did you mean `{near}`?")
        if not further:
            names = ", ".join(f"`{each}`" for each in known)
            raise DatasetError(f"{told}; known are {names}.")


def _meant(name: str, known: Collection[str]) -> str:
    """Return the known field that a name stands for in other tools, or resembles; "" if none."""
    plain = name.strip().casefold().replace("-", "_").replace(" ", "_")
    alike = (each for each in known if plain in _ALIKE.get(each, "").split())
    found = next(alike, None) or next(iter(difflib.get_close_matches(plain, known, 1)), None)
    return found or ""


def misspelt(name: str, known: Collection[str]) -> str:
    """Return the known field of which a name is a misspelling; "" if of none."""
    plain = name.strip().casefold()
    return next(iter(difflib.get_close_matches(plain, known, 1, NEAR)), "")


def text_of(value: Mapping[str, Any], key: str, where: str, *, blank: bool = True) -> str:
    """Return the string under a key of an object.

    Args:
        value: The object.
        key: The key.
        where: The object's location, for the error.
        blank: Whether the string may be blank.

    Raises:
        DatasetError: If it is missing, not a string, or blank and must not be.
    """
    if not isinstance(value.get(key), str):
        raise DatasetError(f"{where}: `{key}` must be a text ({_got(value, key)}).")
    text = str(value[key])
    if not blank and not text.strip():
        raise DatasetError(f"{where}: `{key}` is blank.")
    return text


def texts_of(value: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return the strings under a key of an object: none if it is missing, one if it is a string.

    Raises:
        DatasetError: If it is anything else, or one of them is blank.
    """
    if key not in value:
        return ()
    found = [value[key]] if isinstance(value[key], str) else value[key]
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise DatasetError(f"{where}: `{key}` must be a list of texts ({_got(value, key)}).")
    if not all(each.strip() for each in found):
        raise DatasetError(
            f'{where}: `{key}` holds a blank text. `"{key}": []` says that the documents do not '
            "answer."
        )
    return tuple(found)


def objects_of(value: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """Return the list of objects under a key of an object.

    Raises:
        DatasetError: If it is missing or anything else.
    """
    found = value.get(key)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise DatasetError(f"{where}: `{key}` must be a list of objects ({_got(value, key)}).")
    return found


def id_of(value: Mapping[str, Any], keys: Sequence[str], where: str, default: str = "") -> str:
    """Return the id under the first of some keys that an object has, or the default.

    Raises:
        DatasetError: If it is neither a text nor a whole number, or blank or missing without a
            default.
    """
    for key in keys:
        if key in value:
            found = value[key]
            if isinstance(found, bool) or not isinstance(found, str | int) or not str(found):
                raise DatasetError(
                    f"{where}: `{key}` must be a text or a whole number ({_got(value, key)})."
                )
            return str(found)
    if not default:
        raise DatasetError(f"{where}: `{keys[0]}` is missing or no text.")
    return default


def filters_of(value: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
    """Return the `filters` of an object; None if it has none.

    Raises:
        DatasetError: If they do not follow Haystack's syntax.
    """
    found = value.get("filters")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise DatasetError(f"{where}: `filters` must be an object ({_got(value, 'filters')}).")
    from haystack.errors import FilterError

    from rag.stores.filters import check_filter

    try:
        check_filter(found)
    except FilterError as error:
        raise DatasetError(f"{where}: `filters` cannot be used: {error}.") from None
    return found


def _got(value: Mapping[str, Any], key: str) -> str:
    if key in value:
        return f"got {value[key]!r:.60}"
    meant = next((name for name in value if _meant(name, (key,))), None)
    return "it is missing" + ("" if meant is None else f"; is `{_shown(meant)}` meant for it?")


def _shown(name: str) -> str:
    return " ".join(name.split())[:80]
