"""Log lines hold no patient data, whatever is stored, asked or broken (T28)."""

from __future__ import annotations

import json

import httpx

from tests.datasets import instance
from tests.live.server import Server, eventually

CANARY = "Kanarienvogel"


def lines(server: Server) -> list[dict[str, object]]:
    text = (server.data.parent / "log").read_text()
    assert CANARY.lower() not in text.lower()
    return [json.loads(line) for line in text.splitlines()]


def store(client: httpx.Client, data: bytes, path: str = "/studies") -> httpx.Response:
    return client.post(path, content=data, headers={"Content-Type": "application/dicom"})


def test_logs_hold_no_patient_data_and_name_each_request(fresh_server: Server) -> None:
    with httpx.Client(base_url=fresh_server.root) as client:
        made = instance(PatientName=f"{CANARY}^Hans", PatientID=CANARY, AccessionNumber=CANARY)
        answers = [
            store(client, made),
            store(client, made.replace(b"CT", b"MR")),
            store(client, made[:-10]),
            store(client, made, "/studies/9.9"),
            store(client, made.replace(b"1.2.3\0", b"1.2.a\0")),
            client.get(f"/studies?PatientName={CANARY}*"),
            client.get(f"/studies?PatientID={CANARY}&fuzzymatching=maybe"),
            client.get(f"/studies?{CANARY}={CANARY}"),
            client.get(f"/studies/{CANARY}"),
            client.get(f"/{CANARY}"),
            client.get("/studies/1.2.3/metadata"),
            client.request("PUT", f"/studies/{CANARY}"),
        ]
    asked = {answer.headers["x-request-id"] for answer in answers}

    def logged() -> set[object]:
        found = [line for line in lines(fresh_server) if line["event"] == "request"]
        assert all("route" in line for line in found)
        return {line["request_id"] for line in found}

    assert eventually(lambda: asked <= logged())
