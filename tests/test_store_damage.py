"""Damaged files are rebuilt or refused by name."""

# ruff: noqa: S311 - seeded draws

import json
import random
import shutil
from dataclasses import fields

import pytest
from small_collections import SETTINGS, answers, fill, one_line

from rag.errors import MismatchError, StoreError
from rag.stores.contract import Manifest
from rag.stores.embedded.store import EmbeddedStore

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

# -- mutations of the derived folders


def cut(path, draw):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * draw.random())])


def flip(path, draw):
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(content))


def zero(path, draw):
    path.write_bytes(bytes(path.stat().st_size))


def delete(path, draw):
    path.unlink()


def grow(path, draw):
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.randint(1, 40)))


def swap(path, draw):
    """Another collection's file of the same kind."""
    other = sorted((path.parents[2] / "foreign").glob(f"{path.parent.name}/*{path.suffix}"))
    shutil.copyfile(other[0], path) if other else path.unlink()


MUTATIONS = (cut, flip, flip, flip, zero, delete, grow, swap)


def derived_files(folder):
    newest = [sorted(folder.glob(f"{name}-*"))[-1] for name in ("bm25", "dense")]
    return [path for each in newest for path in sorted(each.iterdir()) if path.stat().st_size]


def test_damaged_indexes_are_named_by_the_check_and_rebuilt(tmp_path, sound, foreign, expected):
    shutil.copytree(foreign, tmp_path / "foreign")
    draw, tried = random.Random(3), 0
    for round_number in range(9):
        for place in range(len(derived_files(sound))):
            folder = tmp_path / f"{round_number}-{place}"
            shutil.copytree(sound, folder)
            path = derived_files(folder)[place]
            before = path.read_bytes()
            draw.choice(MUTATIONS)(path, draw)
            if path.exists() and path.read_bytes() == before:
                continue
            tried += 1
            store = EmbeddedStore(folder, create=False, settings=SETTINGS)
            named = store.check()
            store.close()
            assert any(str(path.parent) in line and "\n" not in line for line in named), path
            assert answers(folder) == expected, path
            shutil.rmtree(folder)
    assert tried >= 100


def test_a_damaged_seal_never_passes(tmp_path, sound, expected):
    draw = random.Random(4)
    for number in range(40):
        folder = tmp_path / str(number)
        shutil.copytree(sound, folder)
        path = draw.choice([each for each in derived_files(folder) if each.name == "seal.json"])
        draw.choice((cut, flip, zero))(path, draw)
        assert answers(folder) == expected
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "content", ["", "[]", "5", "null", "{}", '{"files": 5}', '{"files": {"x": 1}}', '{"files": {}}']
)
def test_a_strange_seal_never_passes(tmp_path, sound, expected, content):
    shutil.copytree(sound, tmp_path / "c")
    for path in derived_files(tmp_path / "c"):
        if path.name == "seal.json":
            path.write_text(content)
    store = EmbeddedStore(tmp_path / "c", create=False, settings=SETTINGS)
    assert len(store.check()) == 2
    store.close()
    assert answers(tmp_path / "c") == expected


@pytest.mark.parametrize("name", ["bm25", "dense"])
def test_an_index_of_another_collection_is_replaced(tmp_path, sound, foreign, expected, name):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder)
    mine = sorted(folder.glob(f"{name}-*"))[-1]
    shutil.rmtree(mine)
    shutil.copytree(sorted(foreign.glob(f"{name}-*"))[-1], mine)
    store = EmbeddedStore(folder, create=False, settings=SETTINGS)
    assert "another" in store.check()[0]
    store.close()
    assert answers(folder) == expected


def test_an_older_index_under_a_newer_name_is_noticed(tmp_path, sound, expected):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder)
    oldest, *_, newest = sorted(folder.glob("bm25-*"))
    shutil.rmtree(newest)
    oldest.rename(newest)
    assert answers(folder) == expected


def test_missing_indexes_are_rebuilt(tmp_path, sound, expected):
    shutil.copytree(sound, tmp_path / "c", ignore=shutil.ignore_patterns("bm25-*", "dense-*"))
    assert answers(tmp_path / "c") == expected


def test_a_damaged_index_does_not_stop_a_publish(tmp_path, sound):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder)
    for path in folder.glob("dense-*/numbers.i8"):
        path.unlink()
    for path in folder.glob("bm25-*/numbers.i8"):
        path.write_bytes(b"12345")
    store = EmbeddedStore(folder, create=False, settings=SETTINGS)
    fill(store, 9, 3)
    assert store.generation == 3
    assert store.check() == []
    store.close()


def test_rebuild_makes_a_damaged_collection_sound(tmp_path, sound, expected):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder)
    for path in derived_files(folder):
        path.write_bytes(b"")
    store = EmbeddedStore(folder, create=False, settings=SETTINGS)
    assert len(store.check()) == 2
    store.rebuild()
    assert store.check() == []
    store.close()
    assert answers(folder) == expected


# -- the journal


def use_all(folder):
    """Open, check, read and write a collection whose journal is damaged."""
    store = EmbeddedStore(folder, settings=SETTINGS)
    try:
        store.check()
        store.filter_documents()
        store.bm25_retrieval("alpha", top_k=5)
        store.dense_retrieval([1.0] * 8, top_k=5)
        assert store.manifest is None
        assert store.failures() == []
        list(store.documents())
        fill(store, 7, 2)
    finally:
        store.close()


def test_a_damaged_journal_is_refused_with_advice(tmp_path, sound):
    draw, refused = random.Random(5), 0
    for number in range(40):
        folder = tmp_path / str(number)
        shutil.copytree(sound, folder)
        path = folder / "journal.db"
        content = bytearray(path.read_bytes())
        if number % 3 == 0:
            content = content[: draw.randrange(1, len(content))]
        else:
            start, size = draw.randrange(len(content)), draw.choice((1, 64, 4096))
            content[start : start + size] = draw.randbytes(len(content[start : start + size]))
        path.write_bytes(bytes(content))
        try:
            use_all(folder)
        except StoreError as error:
            refused += 1
            assert str(path) in str(error)
            assert "\n" not in str(error)
            assert "backup" in str(error) or "Check free space" in str(error)
        shutil.rmtree(folder)
    assert refused >= 15


@pytest.mark.parametrize("create", [True, False])
def test_an_emptied_journal_is_never_taken_for_a_new_one(tmp_path, sound, create):
    shutil.copytree(sound, tmp_path / "c")
    (tmp_path / "c" / "journal.db").write_bytes(b"")
    with pytest.raises(StoreError, match="empty"):
        EmbeddedStore(tmp_path / "c", create=create)


def test_another_file_in_place_of_the_journal_is_refused(tmp_path):
    (tmp_path / "journal.db").write_text("hello " * 1000)
    with pytest.raises(StoreError, match="is damaged: file is not a database") as error:
        EmbeddedStore(tmp_path)
    one_line(error)


def test_values_that_do_not_parse_are_refused(tmp_path, sound):
    statements = {
        "UPDATE state SET value = 'x' WHERE key = 'generation'": lambda s: s.generation,
        "UPDATE state SET value = 'x' WHERE key = 'schema'": lambda s: s.generation,
        "INSERT INTO state VALUES ('manifest', '{')": lambda s: s.manifest,
        "INSERT INTO state VALUES ('manifest', '{\"a\": 1}')": lambda s: s.manifest,
        "UPDATE passages SET meta = '{'": lambda s: s.filter_documents(),
        "UPDATE passages SET meta = '{', id = id || 'x'": lambda s: s.filter_documents(
            {"field": "meta.a", "operator": "==", "value": 1}
        ),
        "UPDATE vectors SET embedding = x'0000'": lambda s: s.rebuild(),
        "UPDATE vectors SET embedding = x'000000'": lambda s: s.filter_documents(),
        "UPDATE passages SET blob = x'00000009'": lambda s: s.filter_documents(),
        "UPDATE passages SET content = CAST(x'ff' AS TEXT)": lambda s: s.filter_documents(),
        "DROP TABLE vectors": lambda s: s.filter_documents(),
    }
    for number, (statement, read) in enumerate(statements.items()):
        shutil.copytree(sound, tmp_path / str(number))
        store = EmbeddedStore(tmp_path / str(number), settings=SETTINGS)
        store.journal.rows(statement)
        store.close()
        with pytest.raises(StoreError, match="is damaged") as error:
            read(EmbeddedStore(tmp_path / str(number), settings=SETTINGS))
        one_line(error)


def test_a_text_that_is_not_its_document_s_is_named(tmp_path, sound):
    shutil.copytree(sound, tmp_path / "c")
    store = EmbeddedStore(tmp_path / "c", settings=SETTINGS)
    store.journal.rows("UPDATE passages SET content = content || '!' WHERE id = '1:3'")
    assert store.check() == ["journal: the text of passage `1:3` is not what its document says."]
    store.close()


def test_a_journal_of_a_newer_version_is_refused(tmp_path, sound):
    shutil.copytree(sound, tmp_path / "c")
    store = EmbeddedStore(tmp_path / "c", settings=SETTINGS)
    store.journal.rows("UPDATE state SET value = '99' WHERE key = 'schema'")
    store.close()
    with pytest.raises(StoreError, match="newer version: update citewell"):
        EmbeddedStore(tmp_path / "c", settings=SETTINGS)


def test_a_manifest_of_a_newer_version_is_refused(tmp_path, sound):
    shutil.copytree(sound, tmp_path / "c")
    store = EmbeddedStore(tmp_path / "c", settings=SETTINGS)
    names = (*(each.name for each in fields(Manifest)), "later")
    made = json.dumps(dict.fromkeys(names, 1))
    store.journal.rows("INSERT OR REPLACE INTO state VALUES ('manifest', ?)", (made,))
    with pytest.raises(MismatchError, match="newer version: update citewell"):
        store.manifest  # noqa: B018 - it is read
    store.close()
