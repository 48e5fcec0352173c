import pytest
import yaml
from places import ROOT

from rag.config import Config, data_folder, load_config
from rag.config.abstention import precision_at, threshold_for
from rag.errors import ConfigError


def write(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_need_no_file():
    assert load_config(environ={}) == Config()


def test_the_defaults_written_out_are_the_defaults():
    assert load_config(ROOT / "rag.yaml", environ={}) == Config()


def test_the_file_written_out_names_every_setting_and_explains_it():
    text = (ROOT / "rag.yaml").read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    expected = Config().model_dump(mode="json")
    assert set(written) == set(expected)
    for name, section in expected.items():
        if section is not None:
            assert set(written[name]) == set(section), name
    assert set(written["store"]["elasticsearch"]) == set(expected["store"]["elasticsearch"])
    for name in ("gguf", "transformers", "openai", "base_url", "api_key", "max_tokens", "ranker"):
        assert name in text, name


def test_every_mistake_is_named_at_once(tmp_path):
    path = write(
        tmp_path,
        "retrieval: {method: fts, topk: 3}\nchunking: {length: 20, overlap: 30}\nstore: 5\n"
        "generator: {kind: openai, modle: x, api_key: '${NOPE}'}\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    lines = str(caught.value).splitlines()
    assert lines[0] == f"`{path}` has 7 problems:"
    assert sorted(line.strip() for line in lines[1:]) == [
        "chunking: `overlap` (30) must be less than `length`",
        "generator.api_key: the environment variable `NOPE` is not set",
        "generator.model: required",
        "generator.modle: unknown key; did you mean `model`?",
        "retrieval.method: expected 'bm25', 'dense' or 'hybrid' (got 'fts')",
        "retrieval.topk: unknown key; did you mean `top_k`?",
        "store: expected keys and values (got 5)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("retrieval: {top_k: 0}", "retrieval.top_k: expected greater than or equal to 1 (got 0)"),
        ("retrieval: [1, 2]", "retrieval: expected keys and values (got [1, 2])"),
        ("- a\n- b", "the file: expected keys and values (got ['a', 'b'])"),
        ("abstention: {precision: .nan}", "abstention.precision"),
        ("abstention: {confidence: 2}", "abstention: expected a number from 0 to 1"),
        ("fusion: {dense: .inf}", "fusion.dense"),
    ],
)
def test_a_value_out_of_range_is_shown_with_what_was_expected(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), environ={})
    assert message in str(caught.value)


def test_a_broken_file_says_where(tmp_path):
    with pytest.raises(ConfigError, match=r"not valid YAML at line 3, column"):
        load_config(write(tmp_path, "store:\n  kind: [embedded\n"), environ={})


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load_config(tmp_path / "none.yaml", environ={})


def test_the_path_wins_over_the_environment_and_that_over_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in (("rag", 1), ("environment", 2), ("given", 3)):
        text = f"retrieval: {{top_k: {value}}}"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    environ = {"RAG_CONFIG": str(tmp_path / "environment.yaml")}
    assert load_config(environ={}).retrieval.top_k == 1
    assert load_config(environ=environ).retrieval.top_k == 2
    assert load_config(tmp_path / "given.yaml", environ=environ).retrieval.top_k == 3


def test_a_secret_comes_from_the_environment_and_is_never_shown(tmp_path):
    path = write(tmp_path, "generator: {kind: openai, model: m, api_key: '${KEY}'}")
    config = load_config(path, environ={"KEY": "canary-1234"})
    assert config.generator.api_key.get_secret_value() == "canary-1234"
    assert "canary-1234" not in repr(config)
    assert "canary-1234" not in str(config.model_dump(mode="json"))


def test_a_configuration_never_changes():
    with pytest.raises(ValueError, match="frozen"):
        Config().retrieval.top_k = 3


def test_the_data_folder_is_where_the_environment_says():
    assert data_folder({"RAG_HOME": "/somewhere"}).as_posix() == "/somewhere"
    assert data_folder({}).as_posix() == ".rag"


@pytest.mark.parametrize("place", ["server", "generator", "store.elasticsearch"])
@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("canary-1234", "canary-1234"),
        (" canary-1234\r\n", "canary-1234"),
        ("k", "k"),
        ("", "api_key: is empty: set the variable"),
        (" \n", "api_key: is empty: set the variable"),
        ("canary 1234", "api_key: has a blank or a letter that is not ASCII"),
        ("canary-钥匙", "api_key: has a blank or a letter that is not ASCII"),
        ("canary\n1234", "api_key: has a blank or a letter that is not ASCII"),
    ],
)
def test_a_key_is_stripped_and_must_be_visible_ascii(tmp_path, place, key, found):
    sections = {"server": "server: {%s}", "generator": "generator: {kind: openai, model: m, %s}",
                "store.elasticsearch": "store: {elasticsearch: {%s}}"}  # fmt: skip
    path = write(tmp_path, sections[place] % "api_key: '${KEY}'")
    if ":" not in found:
        section = load_config(path, environ={"KEY": key})
        for name in place.split("."):
            section = getattr(section, name)
        assert section.api_key.get_secret_value() == found
        return
    with pytest.raises(ConfigError) as told:
        load_config(path, environ={"KEY": key})
    assert f"{place}.{found}" in str(told.value)
    assert "canary" not in str(told.value)


def test_a_tilde_means_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder({"RAG_HOME": "~/data"}) == tmp_path / "data"
    write(tmp_path, "retrieval: {top_k: 7}")
    assert load_config(environ={"RAG_CONFIG": "~/bad.yaml"}).retrieval.top_k == 7


def test_keys_that_were_replaced_still_load_and_say_what_took_their_place(tmp_path, capsys):
    path = tmp_path / "rag.yaml"
    path.write_text("reader: {sentences: 3, share: 0.5, n_best: 4}\n", encoding="utf-8")
    assert load_config(path).reader.n_best == 4
    said = capsys.readouterr().err
    assert "`reader.sentences` is not used any more; `reader.characters`" in said
    assert "`reader.share`" in said


def test_the_former_least_probability_is_the_precision_that_it_gives(tmp_path, capsys):
    path = tmp_path / "rag.yaml"
    path.write_text("abstention: {confidence: 0.4}\n", encoding="utf-8")
    abstention = load_config(path).abstention
    assert abstention.threshold == pytest.approx(0.4)
    said = f"`abstention.confidence: 0.4` is `abstention.precision: {abstention.precision:.2f}` now"
    assert said in capsys.readouterr().err


def test_a_higher_precision_asks_for_a_likelier_answer():
    wanted = [0, 0.3, 0.6, 0.67, 0.75, 0.9, 1]
    thresholds = [threshold_for(each) for each in wanted]
    assert thresholds == sorted(thresholds) and (thresholds[0], thresholds[-1]) == (0, 1)
    assert 0 < thresholds[1] < thresholds[2]
    for share in (0.6, 0.67, 0.75, 0.9):
        assert precision_at(threshold_for(share)) == pytest.approx(share)


def fusion(given):
    config = Config.model_validate({"fusion": given}).fusion
    return config.kind, config.dense / (config.bm25 + config.dense)


@pytest.mark.parametrize(
    ("given", "kind", "share"),
    [
        ({}, "scores", 0.65),
        ({"k": 60}, "ranks", 0.5),
        ({"k": 60, "bm25": 1.0, "dense": 3.0}, "ranks", 0.75),
        ({"kind": "ranks"}, "ranks", 0.5),
        ({"kind": "scores", "k": 10}, "scores", 0.65),
        ({"dense": 3.0}, "scores", 0.75),
        ({"bm25": 3.0}, "scores", 0.25),
        ({"bm25": 0}, "scores", 1.0),
    ],
)
def test_a_fusion_of_older_versions_keeps_its_meaning(given, kind, share):
    assert fusion(given) == (kind, pytest.approx(share))


def test_a_fusion_without_any_weight_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="fusion: one of `bm25` and `dense` must be above 0"):
        load_config(write(tmp_path, "fusion: {bm25: 0, dense: 0}"), environ={})
