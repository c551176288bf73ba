import hashlib
import hmac


def admit(request, token, password):
    # ruleid: secret-compared-in-varying-time
    if request.headers["X-Token"] == token:
        return True
    # ruleid: secret-compared-in-varying-time
    if self.api_key != request.key:
        return False
    # ruleid: secret-compared-in-varying-time
    if password == stored:
        return True
    # ruleid: secret-compared-in-varying-time
    if hmac.new(key, content, "sha256").hexdigest() == request.signature:
        return True
    # ruleid: secret-compared-in-varying-time
    if pinned != hashlib.sha256(content).digest():
        return False
    # ruleid: secret-compared-in-varying-time
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return False
    # ruleid: secret-compared-in-varying-time
    if request.headers["x-api-key"] == settings.key:
        return True
    # ruleid: secret-compared-in-varying-time
    return expected_signature == given


def fine(request, token, password):
    # ok: secret-compared-in-varying-time
    if hmac.compare_digest(request.headers["X-Token"], token):
        return True
    # ok: secret-compared-in-varying-time
    if token == "(":
        return open_group()
    # ok: secret-compared-in-varying-time
    if password == None or tokens == 3:
        return False
    # ok: secret-compared-in-varying-time
    if request.headers.get("Authorization") == None or request.headers["Accept"] == wanted:
        return False
    # ok: secret-compared-in-varying-time
    assert token == known
    # ok: secret-compared-in-varying-time
    return len(password) == 12 and label == target
