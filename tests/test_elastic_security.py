"""A cluster with TLS and passwords: who is let in, and that no secret is ever shown."""

import json
import logging
import subprocess
import traceback

import pytest
from elasticsearch_server import running
from pydantic import SecretStr
from store_builders import ids, make_passages

from rag.config import StoreConfig, load_config
from rag.config.elasticsearch import ElasticsearchConfig
from rag.errors import ConfigError, StoreError
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.store import ElasticsearchStore

SECRET = "hunter2-of-the-test"  # noqa: S105 - of nobody

# -- without a server


def loaded(tmp_path, text, **environ):
    path = tmp_path / "rag.yaml"
    path.write_text(f"store: {{kind: elasticsearch, elasticsearch: {text}}}", encoding="utf-8")
    return load_config(path, environ=environ)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{url: http://10.0.0.1:9200}", "plain http to another machine"),
        ("{url: [https://a:9200, http://es.example:9200]}", "plain http to another machine"),
        ("{url: https://me:geheim@es.example}", "`url` holds a name or password"),
        ("{url: es.example}", "expected https://HOST:PORT"),
        ("{url: ftp://es.example}", "expected https://HOST:PORT"),
        ("{url: []}", "url"),
        ("{username: me}", "belong together"),
        ("{api_key: geheim, username: me, password: geheim}", "either `api_key`, or"),
        ("{password: 12345}", "store.elasticsearch.password: expected a valid string"),
        ("{api_key: '${NOPE}'}", "the environment variable `NOPE` is not set"),
        ("{prefix: Big}", "store.elasticsearch.prefix"),
        ("{refresh: often}", "store.elasticsearch.refresh"),
        ("{candidates: 5}", "store.elasticsearch.candidates"),
        ("{sharts: 5}", "did you mean `shards`?"),
    ],
)
def test_an_unsafe_or_wrong_setting_is_refused_without_showing_a_secret(tmp_path, text, problem):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    message = str(caught.value)
    assert problem in message
    assert "geheim" not in message and "12345" not in message


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9200", "http://[::1]:9200", "http://localhost:9200", "https://es.example"],
)
def test_plain_http_is_for_this_machine(url):
    assert ElasticsearchConfig(url=url).url == (url,)
    assert ElasticsearchConfig(url="http://10.0.0.1:9200", insecure=True).insecure


def test_secrets_come_from_the_environment_and_are_never_shown(tmp_path, capsys, caplog):
    text = "{url: https://127.0.0.1:1, username: me, password: '${P}', timeout: 1}"
    config = loaded(tmp_path, text, P=SECRET)
    settings = config.store
    assert settings.elasticsearch.password.get_secret_value() == SECRET
    cluster = Cluster(settings.elasticsearch)
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError) as caught:
        cluster.check()
    shown = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        json.dumps(config.model_dump(mode="json")),
        repr(cluster),
        "".join(traceback.format_exception(caught.value)),
        caplog.text,
        *capsys.readouterr(),
    ]
    assert not [each for each in shown if SECRET in each]
    cluster.close()


def test_a_missing_authority_s_file_is_one_line(tmp_path):
    settings = ElasticsearchConfig(url="https://127.0.0.1:1", ca=str(tmp_path / "none.crt"))
    with pytest.raises(StoreError) as caught:
        Cluster(settings)
    assert "`store.elasticsearch.ca`" in str(caught.value)
    assert "none.crt" in str(caught.value) and "\n" not in str(caught.value)


# -- with one


@pytest.fixture(scope="module")
def secure():
    with running(secure=True) as cluster:
        yield cluster


def settings_of(cluster, **changed):
    facts = {
        "url": cluster.urls[0],
        "ca": cluster.facts["ca"],
        "username": cluster.facts["user"],
        "password": SecretStr(cluster.facts["password"]),
        "replicas": 0,
    }
    return StoreConfig(kind="elasticsearch", elasticsearch=facts | changed)


@pytest.mark.elasticsearch
def test_a_secured_cluster_is_used_and_keeps_no_secret(secure, tmp_path):
    settings = settings_of(secure)
    store = ElasticsearchStore("c", settings=settings, folder=tmp_path)
    store.write_documents(make_passages(20))
    assert ids(store.bm25_retrieval("word0", top_k=3))
    assert ids(store.dense_retrieval(make_passages(20)[3].embedding, top_k=1)) == ["1-3"]
    client = store.cluster._client
    index = store.names.alias
    stored = [
        client.indices.get(index=index).body,
        client.search(index=index, size=100).body,
        client.search(index=store.names.locks, size=100).body,
        store.to_dict(),
    ]
    assert not [each for each in stored if secure.facts["password"] in repr(each)]
    assert "password" not in repr(store.to_dict())
    store.close()


@pytest.mark.elasticsearch
def test_who_is_not_let_in_is_told_in_one_line(secure, tmp_path):
    wrong_ca = tmp_path / "other.crt"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout other.key -out"
    subprocess.run([*command.split(), "other.crt"], cwd=tmp_path, check=True, capture_output=True)
    cases = [
        ({"password": SecretStr(SECRET)}, "refuses the name and password"),
        ({"username": None, "password": None}, "refuses the name and password"),
        (
            {"username": None, "password": None, "api_key": SecretStr(SECRET)},
            "refuses the name and password, or the key",
        ),
        ({"ca": str(wrong_ca)}, "certificate of the cluster"),
        ({"ca": None}, "certificate of the cluster"),
        (
            {"url": secure.urls[0].replace("https", "http"), "ca": None},
            "the cluster at `http://127.0.0.1",
        ),
    ]
    for changed, message in cases:
        with pytest.raises(StoreError) as caught:
            ElasticsearchStore("c", settings=settings_of(secure, **changed), folder=tmp_path)
        text = str(caught.value)
        assert message in text, (changed, text)
        assert "\n" not in text
        whole = "".join(traceback.format_exception(caught.value))
        assert SECRET not in whole and secure.facts["password"] not in whole
