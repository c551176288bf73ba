"""Audit trail: each request leaves a record of who, when, what was asked of and what was answered."""

from __future__ import annotations

import time

from securemnist.audit import AuditLog, verify
from securemnist.audit.folder import segments
from securemnist.audit.image_hash import image_hashes
from securemnist.audit.search import Wanted, answers
from securemnist.errors import NotApplicable
from securemnist.results.evidence.service import ServiceCheck
from securemnist.serve.record import Record
from securemnist.service_probes.answers import ask
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target
from securemnist.types import Images

_CLOCK = 5.0  # seconds that a time may be off


def audit_trail(target: Target) -> list[ServiceCheck]:
    """Records of an answer and of three refusals; NotApplicable for a service of others."""
    records = target.records
    if records is None:
        raise NotApplicable(
            "the log of a service cannot be read from outside; this row needs our own service"
        )
    before = len(records)
    images = target.images[:3]
    labels = ask(target, images).labels
    target.send("GET", target.metadata_path, token=False)
    target.post(b"{")
    target.send("GET", "/nowhere")
    found: list[Record] = records[before:]
    statuses = [record.status for record in found]
    checks = [check("statuses", statuses == [200, 401, 400, 404], "200, 401, 400, 404", statuses)]
    for number, record in enumerate(found[:4]):
        who = record.subject if number != 1 else "none"
        known = bool(who) and bool(record.address) and abs(record.time - time.time()) < _CLOCK
        checks.append(check(f"who, where and when of {record.status}", known, "known", known))
    answer = found[0] if found else None
    read = answer.predictions.tolist() if answer and answer.predictions is not None else None
    checks.append(check("recorded predictions", read == labels, str(labels), read))
    digest = answer.model if answer else ""
    checks.append(check("digest of the model", len(digest) == 64, "64 digits", digest))
    sent = answer is not None and answer.images is not None and len(answer.images) == len(images)
    checks.append(
        check("the images themselves", sent, "3 images", "3 images" if sent else "others")
    )
    return checks if target.audit is None else [*checks, *_logged(target.audit, images, read)]


def _logged(log: AuditLog, images: Images, labels: object) -> list[ServiceCheck]:
    """Whether the audit log has the answer, by its image, and shows a change of one byte."""
    hashes = list(image_hashes(images.numpy(), log.image_key))
    found = list(answers(log.folder, Wanted(image=hashes[0])))
    content = found[-1].line.content if found and found[-1].line else {}
    classes = content.get("classes")
    whole = verify(log.folder).damage is None
    checks = [
        check("line of the audit log", bool(found), "a line", len(found)),
        check("keyed hashes in the log", content.get("images") == hashes, "3 hashes", "others"),
        check("logged predictions", classes == labels, str(labels), classes),
        check("chain of the log", whole, "whole", "whole" if whole else "damaged"),
    ]
    if found and (line := found[-1].line) is not None:
        file = segments(log.folder)[-1]
        kept = file.read_bytes()
        changed = line.text.replace(b'"status":200', b'"status":403')
        file.write_bytes(kept.replace(line.text, changed))
        named = verify(log.folder).damage
        file.write_bytes(kept)
        shown = named is not None and named.number == line.number
        checks.append(check("changed line", shown, f"line {line.number} is named", named))
    return checks
