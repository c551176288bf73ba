"""Audit log: who was answered what, in lines that are chained and signed. Needs no torch."""

from securemnist.audit.answer import Answer
from securemnist.audit.log import AuditLog
from securemnist.audit.settings import AuditSettings
from securemnist.audit.verification import Verification, verify

__all__ = ["Answer", "AuditLog", "AuditSettings", "Verification", "verify"]
