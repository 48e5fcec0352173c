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

KINDS = ("cluster", "browser", "crash", "training", "process", "core")
# A fixture or function that only tests of a kind use. Kinds are tried in this order.
SIGNS = {
    "cluster": {"elasticsearch_url", "elasticsearch_server"},  # the latter is a module
    "browser": {"chromium"},
    "crash": {"crashes"},
    "training": {"train_model", "train_embedder"},
    "process": {"subprocess"},
}
SHARE: set[str] = set()


def kind_of(item):
    """Return the kind of a collected test."""
    if item.get_closest_marker("elasticsearch"):
        return "cluster"
    used = _used(item)
    if _engine_of(item) == "embedded":  # the other engines of the same test are marked
        used -= SIGNS["cluster"]
    return next((kind for kind, signs in SIGNS.items() if signs & used), "core")


def is_shared(item):
    """Return whether a test is in the share of `make test`."""
    return getattr(item, "originalname", item.name) in SHARE


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
    nested = [each for each in code.co_consts if inspect.iscode(each)]
    return set(code.co_names).union(*(_names_in(each) for each in nested))


def _methods(kind):
    return [each for each in vars(kind).values() if inspect.isfunction(each)]


def _is_ours(value):
    path = getattr(inspect.getmodule(value), "__file__", None) or ""
    return "/tests/" in path
