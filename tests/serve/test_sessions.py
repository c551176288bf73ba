"""Sessions of the page: cookies, and their end."""

from __future__ import annotations

import time

import pytest

from securemnist.serve.sessions import Sessions
from tests.serve.hosts import INFER, URL, body, client


def test_a_token_becomes_a_session() -> None:
    """The cookie of a session is accepted from the page's own origin, and not after its end."""
    with client() as c:
        set_cookie = c.post("/session").headers["Set-Cookie"]
        assert set_cookie.endswith("Path=/; Secure; HttpOnly; SameSite=Strict")
        token = {"Authorization": c.headers.pop("Authorization")}
        page = {"Cookie": set_cookie.partition(";")[0], "Origin": URL}
        assert c.post(INFER, json=body(), headers=page).status_code == 200
        assert c.post("/session", headers=page).status_code == 401  # it does not prolong itself
        changed = {**page, "Cookie": page["Cookie"].replace("alice", "admin")}
        assert c.post(INFER, json=body(), headers=changed).status_code == 401
        other = {**page, "Cookie": c.post("/session", headers=token).headers["Set-Cookie"]}
        assert "Max-Age=0" in c.post("/session/end", headers=page).headers["Set-Cookie"]
        # A copy of the cookie has ended, too, and another session of the same token has not.
        assert c.post(INFER, json=body(), headers=page).status_code == 401
        assert c.post(INFER, json=body(), headers=other).status_code == 200


@pytest.mark.parametrize("cookie", ["", ".", "a.b.c", "alice.9999999999.é", "alice." + "9" * 5000])
def test_forged_cookies(cookie: str) -> None:
    """A value that was not signed here has no owner."""
    assert Sessions(60).owner(cookie) is None


def test_sessions_end() -> None:
    """A cookie is valid for its time only."""
    now = 1000.0
    sessions = Sessions(60, lambda: now)
    value = sessions.start("alice").partition("=")[2].partition(";")[0]
    assert sessions.owner(value) == "alice"
    now = 1061.0
    assert sessions.owner(value) is None


def test_clock_of_sessions() -> None:
    """The clock of sessions cannot be set back, which would prolong them and revive ended ones."""
    assert Sessions(60)._clock is time.monotonic
    assert not time.get_clock_info("monotonic").adjustable


def test_ended_sessions_are_forgotten_in_time() -> None:
    """Early ends are stored as long as the cookie would be valid; cookies of others end nothing."""
    now = 1000.0
    sessions = Sessions(60, lambda: now)
    values = [sessions.start("a.b").partition("=")[2].partition(";")[0] for _ in range(50)]
    assert len(set(values)) == 50
    for value in (*values, "forged.1.2.3", None):
        sessions.end(value)
    assert [sessions.owner(value) for value in values] == [None] * 50
    assert len(sessions._ended) == 50
    now = 1100.0
    last = sessions.start("a.b").partition("=")[2].partition(";")[0]
    assert sessions.owner(last) == "a.b"
    sessions.end(last)
    assert len(sessions._ended) == 1
