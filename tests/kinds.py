"""Kinds of tests, found by what a test uses: its fixtures, and the functions that it calls.

    cluster   a real Elasticsearch
    browser   a real Chromium
    crash     a program that is ended at one operation after the other
    training  models that are trained
    process   interpreters that are started
    core      everything else

`make test` runs the core and `share`: one whole path through each of the other kinds, named in
`SHARE`, so that it cannot be green on a broken product. `make test-all` runs everything.
"""

import inspect
import zlib

import pytest

KINDS = ("cluster", "browser", "crash", "training", "process", "core")
# A fixture or function that only tests of a kind use. Kinds are tried in this order.
SIGNS = {
    "cluster": {"elasticsearch_url", "elasticsearch_server"},  # the latter is a module
    "browser": {"chromium"},
    "crash": {"crashes"},
    "training": {"train_model", "train_embedder", "`train`"},  # or the command `rag train`
    "process": {"subprocess"},
}
SLOW_FILES = ("tests/test_golden.py", "tests/test_evaluation_cli.py")  # of the core; begin first
SHARE = {
    "test_every_command_works_on_a_cluster": "cluster",
    "test_an_answer_is_proven_by_cards_that_mark_what_is_cited": "browser",
    "test_enter_searches_and_the_address_opens_the_same_elsewhere": "browser",
    "test_a_crash_at_any_operation_leaves_one_whole_state": "crash",
    "test_the_command_makes_a_model_that_reads_and_ranks": "training",
    "test_importing_it_loads_nothing_heavy": "process",
    "test_a_killed_process_loses_nothing_and_the_same_command_goes_on": "process",
    "test_a_question_in_a_process_of_its_own_gets_a_cited_answer_and_no_noise": "process",
}


def kind_of(item):
    """Return the kind of a collected test."""
    if item.get_closest_marker("elasticsearch"):
        return "cluster"
    used = _used(item)
    if _engine_of(item) == "embedded":  # the other engines of the same test are marked
        used -= SIGNS["cluster"]
    return next((kind for kind, signs in SIGNS.items() if signs & used), "core")


def is_shared(item, kind):
    """Return whether a test is in the share of `make test`; its kind must be the one it is for."""
    wanted = SHARE.get(getattr(item, "originalname", item.name))
    if wanted not in (None, kind):
        raise pytest.UsageError(f"{item.nodeid} is {kind}, and tests/kinds.py says {wanted}")
    return wanted is not None


def is_slow(item):
    """Return whether a test of the core is in a file that takes long."""
    return item.nodeid.startswith(SLOW_FILES)


def _engine_of(item):
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("engine") or parameters.get("kind")


def part_of(item, count):
    """Return to which of so many parts the file of a test belongs, from 1."""
    return zlib.crc32(item.nodeid.partition("::")[0].encode()) % count + 1


_names = {}


def _used(item):
    """Return the names of a test's fixtures, and of all that it and they call in the tests."""
    info = getattr(item, "_fixtureinfo", None)
    if info is None or not hasattr(item, "function"):  # a doctest
        return set()
    functions = [item.function]
    functions += [each[-1].func for each in info.name2fixturedefs.values() if each]
    return set(info.names_closure).union(*(_called(each) for each in functions))


def _called(function, depth=4):
    """Return the names in a function, and in the functions of the tests that it calls."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None or depth == 0:
        return set()
    if code not in _names:
        _names[code] = set()  # for functions that call themselves
        found = _names_in(code)
        for name in list(found):
            other = function.__globals__.get(name)
            if inspect.isclass(other) and _is_ours(other):
                found = found.union(*(_called(each, depth - 1) for each in _methods(other)))
            elif callable(other) and _is_ours(other):
                found |= _called(other, depth - 1) | {inspect.getmodule(other).__name__}
        _names[code] = found
    return _names[code]


def _names_in(code):
    """Return the names in a function's code, and in backticks its single words as texts."""
    nested = [each for each in code.co_consts if inspect.iscode(each)]
    flat = [each for part in code.co_consts for each in (part if type(part) is tuple else (part,))]
    words = {f"`{each}`" for each in flat if isinstance(each, str) and each.isidentifier()}
    return (set(code.co_names) | words).union(*(_names_in(each) for each in nested))


def _methods(kind):
    return [each for each in vars(kind).values() if inspect.isfunction(each)]


def _is_ours(value):
    path = getattr(inspect.getmodule(value), "__file__", None) or ""
    return "/tests/" in path
