"""The container files: ports, account, secrets, versions. None is run here.

`docker/rehearse` does what the Dockerfile's steps do, as far as that goes without Docker.
"""

import re
import runpy

import pytest
import yaml
from places import ROOT

from rag.config import load_config

DOCKER = ROOT / "docker"


@pytest.fixture(scope="module")
def steps():
    return runpy.run_path(str(DOCKER / "rehearse"))["instructions"]()


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def only(steps, name):
    found = [what for each, what in steps if each == name]
    assert len(found) == 1, found
    return found[0]


def test_the_image_is_slim_pinned_and_without_rights(steps):
    names = [name for name, _ in steps]
    assert re.fullmatch(r"python:\$\{PYTHON\}-slim", only(steps, "FROM"))
    assert ("ARG", "PYTHON=3.11") in steps
    assert only(steps, "USER") == "10001:10001"
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in ("RUN", "COPY"))
    assert only(steps, "EXPOSE") == "8501"
    assert "/ready" in only(steps, "HEALTHCHECK")
    assert only(steps, "CMD") == '["rag", "ui", "--address", "0.0.0.0", "--port", "8501"]'


def test_the_image_has_no_secret_and_copies_only_what_it_needs(steps):
    settings = only(steps, "ENV")
    assert not re.search(r"(?i)password|secret|token|api_?key", settings)
    copied = {source for name, what in steps if name == "COPY" for source in what.split()[:-1]}
    packages = {"rag", "indexing", "evaluation", "ui"}
    assert copied == packages | {"pyproject.toml", "README.md", "LICENSE", "docker/rag.yaml"}
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "**" in ignored
    allowed = {line[1:].removesuffix("/**") for line in ignored if line.startswith("!")}
    assert allowed == copied


def test_a_gpu_is_a_build_argument(steps):
    assert ("ARG", "DEVICE=cpu") in steps
    install = next(what for name, what in steps if name == "RUN" and "pip install" in what)
    assert "faiss-gpu" in install
    torch = re.search(r"torch==[0-9.]*", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert torch and "grep -o 'torch==[0-9.]*' pyproject.toml" in install


def test_only_the_page_is_published_and_only_to_this_machine(services):
    assert services["app"]["ports"] == ["127.0.0.1:8501:8501"]
    assert "ports" not in services["elasticsearch"]
    networks = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["networks"]
    assert networks["store"] == {"internal": True}
    assert services["elasticsearch"]["networks"] == ["store"]


def test_elasticsearch_is_secured_and_has_no_default_password(services):
    server = services["elasticsearch"]
    assert re.fullmatch(r"docker\.elastic\.co/.*:8\.(1[2-9]|[2-9]\d)\.\d+", server["image"])
    settings = server["environment"]
    assert settings["xpack.security.enabled"] == "true"
    for service in services.values():
        assert service["environment"]["ELASTIC_PASSWORD"].startswith("${ELASTIC_PASSWORD:?")
    text = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"ELASTIC_PASSWORD:-|ELASTIC_PASSWORD: [^$]", text)


def test_containers_keep_their_data_and_wait_for_each_other(services):
    whole = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    kept = {volume.split(":")[0] for each in services.values() for volume in each["volumes"]}
    assert set(whole["volumes"]) == {"elasticsearch-data", "app-data"} <= kept
    assert all("test" in service["healthcheck"] for service in services.values())
    assert services["app"]["depends_on"] == {"elasticsearch": {"condition": "service_healthy"}}
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
    assert services["app"]["read_only"] is True


def test_the_configuration_inside_fits_the_two_containers():
    config = load_config(DOCKER / "rag.yaml", environ={"ELASTIC_PASSWORD": "x"})
    cluster = config.store.elasticsearch
    assert config.store.kind == "elasticsearch"
    assert cluster.url == ("http://elasticsearch:9200",)
    assert (cluster.username, cluster.password.get_secret_value()) == ("elastic", "x")
    assert "${ELASTIC_PASSWORD}" in (DOCKER / "rag.yaml").read_text(encoding="utf-8")
