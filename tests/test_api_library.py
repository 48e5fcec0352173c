"""Collections and documents over HTTP, and what hostile uploads come to."""

import random

import pytest
from api_runs import KEY, client_of, keyed, refused
from service_runs import FILES

from ui.services.owners import LOCAL

DOCUMENTS = "/v1/collections/station/documents"


def send(api, files, collection="station"):
    """Upload files and give the finished job."""
    response = api.post(
        f"/v1/collections/{collection}/documents", files=[("files", each) for each in files]
    )
    assert response.status_code == 202, response.text
    return followed(api, response.json())


def followed(api, job):
    """Watch a job as the description says; its end."""
    while job["state"] in ("queued", "running"):
        job = api.get(f"/v1/jobs/{job['job_id']}?wait=10&seen={job['version']}").json()
    return job


def everything_below(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes()
            for path in folder.rglob("*")}  # fmt: skip


def test_a_collection_is_made_filled_asked_and_deleted(bare):
    made = bare.post("/v1/collections", json={"name": "manuals"})
    assert made.status_code == 201
    assert made.json()["usable"] is False
    job = send(bare, FILES, "manuals")
    assert job["state"] == "done"
    assert {file["name"]: file["stage"] for file in job["files"]} == {
        "pump.txt": "ready",
        "dog.md": "ready",
    }
    shown = bare.get("/v1/collections").json()
    assert [(each["name"], each["documents"], each["usable"]) for each in shown] == [
        ("manuals", 2, True)
    ]
    asked = {"question": "What is the dog of the station called?", "collection": "manuals"}
    assert "Juno" in bare.post("/v1/ask", json=asked).json()["answer"]
    assert bare.delete("/v1/collections/manuals").status_code == 204
    assert bare.get("/v1/collections").json() == []


def test_documents_are_listed_in_pages_read_and_removed(api, home):
    page = api.get(f"{DOCUMENTS}?limit=1&offset=1").json()
    assert page["total"] == 2
    (row,) = page["documents"]
    assert (row["source"], row["kind"], row["uploaded"]) == ("dog.md", "md", True)
    assert set(row) == {"document_id", "source", "title", "kind", "passages", "uploaded"}
    text = api.get(f"{DOCUMENTS}/{row['document_id']}/text").json()["text"]
    assert text.startswith("# The dog")
    assert (home / "uploads" / "station" / "dog.md").is_file()
    assert api.delete(f"{DOCUMENTS}/{row['document_id']}").status_code == 204
    assert not (home / "uploads" / "station" / "dog.md").exists()
    assert api.get(DOCUMENTS).json()["total"] == 1
    refused(api.delete(f"{DOCUMENTS}/{row['document_id']}"), 404, "not_found")
    refused(api.get(f"{DOCUMENTS}/{row['document_id']}/text"), 404, "not_found")


def test_a_passage_is_its_span_of_the_document(kept):
    api = kept("station")
    asked = {"question": "dog", "collections": ["station"]}
    for hit in api.post("/v1/search", json=asked).json()["results"]:
        found = hit["passage"]
        passage = api.get(f"/v1/collections/station/passages/{found['passage_id']}").json()
        text = api.get(f"{DOCUMENTS}/{found['document_id']}/text").json()["text"]
        assert text[passage["start"] : passage["end"]] == passage["text"] == found["text"]
    refused(api.get("/v1/collections/station/passages/nothing:0"), 404, "not_found")


def test_a_record_s_id_holds_a_number_sign_and_is_found(api):
    send(api, [("pumps.jsonl", b'{"title": "A", "text": "Red."}\n{"title": "B", "text": "Blue."}')])
    rows = api.get(DOCUMENTS).json()["documents"]
    records = [row["document_id"] for row in rows if "#" in row["document_id"]]
    assert len(records) == 2
    for record in records:
        assert api.get(f"{DOCUMENTS}/{record.replace('#', '%23')}/text").status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("../x", 422, "invalid"),
        ("", 422, "invalid"),
        ("x" * 65, 422, "invalid"),
        ("a/b", 422, "invalid"),
        ("a\u0000", 422, "invalid"),
        ("station", 409, "taken"),
    ],
)
def test_a_collection_s_name_is_checked(kept, name, status, code):
    message = refused(kept("station").post("/v1/collections", json={"name": name}), status, code)
    assert "name" in message


def test_what_is_not_there_is_not_found(kept):
    bare = kept("empty")
    for method, path in (
        ("GET", "/v1/collections/nothing"),
        ("DELETE", "/v1/collections/nothing"),
        ("GET", "/v1/collections/nothing/documents"),
        ("GET", "/v1/jobs/nothing"),
        ("DELETE", "/v1/jobs/nothing"),
        ("GET", "/v1/collections/..%2F..%2Fetc"),
        ("GET", "/nowhere"),
    ):
        refused(bare.request(method, path), 404, "not_found")
    upload = bare.post("/v1/collections/nothing/documents", files=[("files", FILES[0])])
    refused(upload, 404, "not_found")
    refused(bare.put("/v1/collections"), 405, "method")


BAD_FILES = [
    (("report.pdf", b"this is no pdf"), "not that of a .pdf file"),
    (("notes.txt", b"\x7fELF\x00\x00"), "not that of a .txt file"),
    (("notes.txt", b"%PDF-1.7 \x00"), "not that of a .txt file"),
    (("letter.docx", b"MZ\x00\x00"), "not that of a .docx file"),
    (("tool.exe", b"MZ\x00\x00"), "files of this type are not indexed"),
    (("empty.txt", b""), "empty"),
]


def test_files_that_cannot_be_taken_are_listed_with_the_reason_and_keep_no_other_out(api):
    job = send(api, [*(file for file, _ in BAD_FILES), ("good.txt", b"The cable is red.")])
    found = {(file["name"], file["reason"] or "") for file in job["files"]}
    for (name, _), reason in BAD_FILES:
        assert any(name == shown and reason in said for shown, said in found), name
    assert ("good.txt", "") in found
    assert job["state"] == "done"


def test_a_file_that_is_too_large_is_listed_and_a_request_that_is_is_refused(station, home):
    services = station(max_upload_mb=1, max_request_mb=2)
    before = everything_below(home / "uploads")
    with client_of(services) as api:
        job = send(api, [("big.txt", b"x" * (2**20 + 1))])
        assert "the limit is 1 MB" in job["files"][0]["reason"]
        upload = api.post(DOCUMENTS, files=[("files", ("huge.txt", b"x" * (2 * 2**20 + 1)))])
        refused(upload, 413, "too_large")
        chunks = (b"--b\r\n" for _ in range(10**6))  # says nothing of its length
        kind = {"content-type": "multipart/form-data; boundary=b"}
        refused(api.post(DOCUMENTS, content=chunks, headers=kind), 413, "too_large")
    assert everything_below(home / "uploads") == before


def test_too_many_files_and_no_file_are_refused(station):
    with client_of(station(max_files=2)) as api:
        files = [("files", (f"{number}.txt", b"x")) for number in range(3)]
        assert "1 to 2 files" in refused(api.post(DOCUMENTS, files=files), 422, "upload")
        refused(api.post(DOCUMENTS, files=[("other", ("a.txt", b"x"))]), 422, "invalid")
        refused(api.post(DOCUMENTS, json={"files": []}), 422, "invalid")


def send_named(api, *dispositions):
    """Upload a file for each header `Content-Disposition`; the finished job."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; '
    parts = [head + each + b"\r\n\r\nThe cable is red.\r\n" for each in dispositions]
    kind = {"content-type": "multipart/form-data; boundary=b"}
    response = api.post(DOCUMENTS, content=b"".join([*parts, b"--b--\r\n"]), headers=kind)
    assert response.status_code == 202, response.text
    return followed(api, response.json())


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        (b"filename*=utf-8'en'caf%C3%A9%20au%20lait.txt", "café au lait.txt"),
        (b"filename*=iso-8859-1''caf%E9.txt", "café.txt"),
        (b"filename*=UTF-8''%E7%94%B5%E6%B1%A0.txt", "电池.txt"),
        (b"filename*=\"UTF-8''caf%C3%A9.txt\"", "café.txt"),
        (b"filename=\"cafe.txt\"; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        (b"filename*=UTF-8''caf%C3%A9.txt; filename=\"cafe.txt\"", "café.txt"),
        (b"filename*0*=UTF-8''caf%C3%A9; filename*1=\" au lait.txt\"", "café au lait.txt"),
        (b'filename="caf\xc3\xa9.txt"', "café.txt"),
        (b"filename*=UTF-8''..%2F..%2Fetc%2Fpump.txt", "pump.txt"),
        (b"filename*=plain.txt", "plain.txt"),
    ],
)
def test_a_file_is_named_by_the_extended_form_too(api, home, disposition, name):
    (file,) = send_named(api, disposition)["files"]
    assert (file["name"], file["stage"]) == (name, "ready")
    assert (home / "uploads" / "station" / name).is_file()


def test_a_name_in_the_extended_form_that_cannot_be_used_is_listed_and_keeps_no_other_out(api):
    hostile = [b"filename*=UTF-8''", b"filename*=UTF-8''%00%FF", b"filename*=nonsense''x%FF.exe",
               b"filename*=%%%''''", b"filename*0*=UTF-8''; filename*9999*=x"]  # fmt: skip
    job = send_named(api, *hostile, b"filename*=UTF-8''good.txt")
    assert [file["name"] for file in job["files"] if file["stage"] == "ready"] == ["good.txt"]
    assert len(job["files"]) == len(hostile) + 1


def hostile_names(count):
    draw = random.Random(7)  # noqa: S311 - seeded draws
    parts = [
        *("..", ".", "/", "\\", "etc", "passwd", "%2e%2e", "%2f", "C:", "~", "\u202e", "\u200b"),
        *("con", "nul", " ", "a" * 90, "é", "文", "'", "$(x)", "`x`", "&", "|", ";", "\x01"),
    ]
    fixed = [
        *("../../x.txt", "/etc/x.txt", "..\\..\\x.txt", "C:\\x.txt", "....//x.txt", ".txt"),
        *("..%2f..%2fx.txt", "x.txt/../../y.txt", "-rf.txt", "~/x.txt", "file:///etc/x.txt"),
    ]
    made = ["".join(draw.choices(parts, k=draw.randint(2, 8))) + ".txt" for _ in range(count)]
    return [*fixed, *made][:count]


def test_200_hostile_names_lead_nowhere_but_into_the_collection_s_folder(station, home):
    services = station(max_files=1000)
    folder = home / "uploads" / "station"
    before = {path for path in home.parent.rglob("*") if not path.is_relative_to(folder)}
    with client_of(services) as api:
        job = send(api, [(name, b"The cable is red.") for name in hostile_names(200)])
    after = {path for path in home.parent.rglob("*") if not path.is_relative_to(folder)}
    new = {path for path in after - before
           if not path.is_relative_to(home / "collections" / "station")}  # fmt: skip
    assert new == set()
    assert len(job["files"]) >= 190  # some have become the same name, and say so
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert len(kept) > 50
    assert all(path.parent == folder and path.name.isprintable() for path in kept)


def test_a_job_can_be_cancelled_and_is_nobody_else_s(station):
    services = station()
    with client_of(services) as api:
        job = services.uploads.upload(LOCAL, "station", [("a.txt", b"The cable is red.")])
        assert api.delete(f"/v1/jobs/{job}").status_code == 204
        shown = api.get(f"/v1/jobs/{job}?wait=10").json()
        assert shown["state"] in ("running", "done", "cancelled")
    with client_of(keyed(services, KEY), key=KEY) as other:
        refused(other.get(f"/v1/jobs/{job}"), 404, "not_found")
        refused(other.delete(f"/v1/jobs/{job}"), 404, "not_found")


def test_a_job_that_failed_says_why_without_paths(station, home, monkeypatch):
    services = station()
    (home / "collections" / "station" / "journal.db").write_bytes(b"no database" * 1000)
    with client_of(services) as api:
        job = send(api, [("a.txt", b"The cable is red.")])
        assert (job["state"], job["error"]) == ("failed", "the collection cannot be read.")
        (file,) = job["files"]
        assert (file["name"], file["stage"]) == ("a.txt", "failed")
        assert file["reason"] == "the collection cannot be read."


def test_a_collection_that_is_being_indexed_elsewhere_is_told_to_be_locked(station):
    from rag.collections import folder_of
    from rag.stores.embedded.lock import hold

    services = station()
    with client_of(services) as api, hold(folder_of("station")):
        response = api.delete("/v1/collections/station")
        message = refused(response, 409, "locked")
        assert message == "the collection is being indexed; try again later."
        assert int(response.headers["retry-after"]) >= 1
