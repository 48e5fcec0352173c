"""The commands `rag config` and `rag doctor`: configuration and installation checks."""

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import yaml

from indexing.cli import ConfigOption, JsonOption
from rag.collections import list_collections
from rag.config import Config, GeneratorConfig, data_folder, load_config
from rag.config.paths import expanded
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.console import print_json, show
from rag.errors import ConfigError, ModelError, StoreError
from rag.files import why_unwritable
from rag.models.default_models import AUTO, ModelRole, languages_of, model_for

if TYPE_CHECKING:
    from rag.models.model_files import ModelFiles
    from rag.models.onnx_graphs import GraphKind
    from rag.models.runtime import RuntimeSettings

PACKAGES = ("rag", "indexing", "evaluation", "ui")
LIBRARIES = (
    "haystack-ai",
    "onnxruntime",
    "elasticsearch",
    "faiss-cpu",
    "tantivy",
    "numpy",
)

OPTIONAL = ("torch", "transformers", "sentence-transformers")  # a processor does without them
WITHOUT = (
    "not installed: models run in ONNX Runtime alone; training, a GPU and models without an ONNX "
    "graph need it: pip install {name}"
)
INSTEAD = {"faiss-cpu": "faiss-gpu-cu12"}  # distributions that provide the same package

Finding = dict[str, Any]


def config(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the configuration in force, secrets hidden."""
    values = load_config(config).model_dump(mode="json")
    if as_json:
        print_json(values)
    else:
        show(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip())


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the installation: every model, where it came from, and what is missing."""
    findings = [_python(), *_libraries(), *_owners(), _home()]
    try:
        settings = load_config(config)
        findings.append(_finding("configuration", True, _config_source(config)))
    except ConfigError as error:
        settings = Config()
        findings.append(_finding("configuration", False, str(error)))
    findings += [*_embedders(settings), *_roles(settings), _device(settings)]
    findings += [_generator(settings), _sample(), _store(settings), _collections(settings)]
    sound = all(finding["ok"] for finding in findings)
    if as_json:
        print_json({"ok": sound, "findings": findings})
    else:
        for finding in findings:
            show(f"{'ok  ' if finding['ok'] else 'BAD '} {finding['name']}: {finding['detail']}")
    if not sound:
        raise typer.Exit(1)


def _finding(name: str, ok: bool, detail: str) -> Finding:
    return {"name": name, "ok": ok, "detail": detail}


def _python() -> Finding:
    return _finding("python", True, f"{platform.python_version()} on {platform.platform()}")


def _libraries() -> list[Finding]:
    findings = []
    for name in LIBRARIES:
        version = _version(name) or _version(INSTEAD.get(name, name))
        missing = "not installed: pip install citewell again"
        findings.append(_finding(name, version is not None, version or missing))
    for name in OPTIONAL:
        findings.append(_finding(name, True, _version(name) or WITHOUT.format(name=name)))
    return findings


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _owners() -> list[Finding]:
    """Return findings on other distributions that would silently overwrite our packages."""
    owners = importlib.metadata.packages_distributions()
    findings = []
    for package in PACKAGES:
        others = sorted(set(owners.get(package, [])) - {"citewell"})
        if others:
            detail = f"also installed by {', '.join(others)}: use an environment of its own"
            findings.append(_finding(f"package {package}", False, detail))
    return findings


def _home() -> Finding:
    home = data_folder()
    reason = why_unwritable(home)
    what = "" if reason is None else (
        f": read only, since it cannot be written ({reason}). Questions and search work; "
        "conversations are not kept, and nothing can be indexed. Free some space, change the "
        "permissions, or set RAG_HOME to another folder"
    )  # fmt: skip
    return _finding("data folder", reason is None, f"{home.absolute()}{what}")


def _config_source(path: Path | None) -> str:
    named = path or os.environ.get("RAG_CONFIG")
    return str(named or ("./rag.yaml" if Path("rag.yaml").is_file() else "defaults"))


def _embedders(settings: Config) -> list[Finding]:
    from rag.models.embedder import embedder_languages
    from rag.models.model_files import find_model

    found = []
    for role, name in _named("embedder", settings.embedder.model):
        try:
            files = find_model(name, setting="embedder.model")
            serves = settings.embedder.languages or embedder_languages(files)
            detail = (
                f"{name} from {files.origin} ({files.folder}), {files.dimension} dimensions, reads "
                f"{files.max_tokens} tokens, serves {', '.join(serves)}, runs in "
                f"{_runs(settings.embedder, files, 'embedder')}, sha256 {files.sha256[:12]}"
            )
        except (ModelError, StoreError) as error:
            found.append(_finding(role, False, str(error)))
        else:
            found.append(_finding(role, True, detail))
    return found


def _named(role: ModelRole, name: str) -> list[tuple[str, str]]:
    """Return the models behind a setting, each with its label."""
    if name != AUTO:
        return [(role, name)]
    named = [(f"{role} {each}", model_for(role, each)) for each in languages_of(role)]
    return [(title, model) for title, model in named if model]


def _roles(settings: Config) -> list[Finding]:
    """Return findings on the models of ranker and reader."""
    ranker, reader = settings.ranker, settings.reader
    found = []
    if ranker is None:
        found.append(_finding("ranker", True, "none: passages stay as they were found"))
    else:
        does = f"ranks {ranker.candidates} passages"
        named = _named("ranker", ranker.model)
        found += [_files(title, "ranker", name, does, ranker) for title, name in named]
    if reader.kind == "sentences":
        found.append(_finding("reader", True, "sentences, by the embedder and shared words"))
    else:
        does, named = "finds spans", _named("reader", reader.model)
        found += [_files(title, "reader", name, does, reader) for title, name in named]
    return found


def _files(
    title: str, role: ModelRole, model: str, does: str, settings: RankerConfig | ReaderConfig
) -> Finding:
    from rag.models.model_files import find_model
    from rag.models.onnx_graphs import graph_kind
    from rag.models.selection import served_by

    try:
        files = find_model(model, setting=f"{role}.model")
        detail = (
            f"{model} from {files.origin} ({files.folder}), {does}, serves "
            f"{', '.join(served_by(files, settings.languages))}, runs in "
            f"{_runs(settings, files, graph_kind(files))}, sha256 {files.sha256[:12]}"
        )
    except (ModelError, StoreError) as error:
        return _finding(title, False, str(error))
    return _finding(title, True, detail)


def _runs(settings: "RuntimeSettings", files: "ModelFiles", kind: "GraphKind") -> str:
    """Return what runs a model; raises a ModelError if the settings contradict each other."""
    from rag.models.runtime import pick_graph

    return "ONNX Runtime" if pick_graph(settings, files, kind) else "torch"


def _device(settings: Config) -> Finding:
    from rag.models.runtime import may_have_gpu, pick_device, pick_dtype

    if settings.embedder.device == "auto" and not may_have_gpu():
        return _finding("device", True, "cpu")
    if importlib.util.find_spec("torch") is None:
        return _finding("device", False, "torch is not installed, and a GPU needs it")
    device = pick_device(settings.embedder.device)
    detail = f"{device}, {pick_dtype(settings.embedder.dtype, device)} in torch"
    return _finding("device", True, detail)


def _generator(settings: Config) -> Finding:
    generator = settings.generator
    if generator is None:
        return _finding("generator", True, "none: answers are quoted from the documents")
    name = f"{generator.kind} `{generator.model}`"
    if generator.kind == "transformers":
        return _generator_files(name, generator.model)
    problem, is_server = "", generator.kind == "openai"
    if generator.kind == "gguf" and not expanded(generator.model).is_file():
        problem = "there is no such file"
    elif generator.kind == "gguf" and importlib.util.find_spec("xllamacpp") is None:
        problem = "pip install 'citewell[local-llm]'"
    elif generator.kind == "openai" and importlib.util.find_spec("openai") is None:
        problem = "pip install 'citewell[openai]'"
    if problem:
        return _finding("generator", False, f"{name}: {problem}")
    where = f" at {generator.base_url}, not asked{_proxy(generator)}" if is_server else ""
    return _finding("generator", True, f"{name}{where}")


def _proxy(generator: GeneratorConfig) -> str:
    """Return the proxy that a server is asked through, if there is one."""
    from rag.config.proxies import proxy_for

    proxy = proxy_for(generator.base_url or "https://api.openai.com/v1")
    return f", through the proxy {proxy.shown} (`{proxy.variable}`)" if proxy else ""


def _generator_files(name: str, model: str) -> Finding:
    from rag.models.model_files import find_model

    try:
        files = find_model(model, setting="generator.model")
    except ModelError as error:
        return _finding("generator", False, str(error))
    return _finding("generator", True, f"{name} from {files.origin} ({files.folder})")


def _store(settings: Config) -> Finding:
    if settings.store.kind == "embedded":
        return _finding("store", True, "embedded: one folder per collection, no server")
    from rag.stores.elasticsearch.client import describe_cluster

    try:
        return _finding("store", True, describe_cluster(settings.store.elasticsearch))
    except StoreError as error:
        return _finding("store", False, str(error))


def _collections(settings: Config) -> Finding:
    try:
        names = list_collections(settings)
    except StoreError as error:
        return _finding("collections", False, str(error))
    return _finding("collections", True, ", ".join(names) or "none yet")


def _sample() -> Finding:
    spec = importlib.util.find_spec("evaluation")
    folder = Path(spec.origin or "").parent / "sample" / "documents" if spec else Path()
    there = folder.is_dir()
    return _finding("sample", there, str(folder) if there else "the sample documents are missing")
