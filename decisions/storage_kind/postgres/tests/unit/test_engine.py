"""What a server cannot do now may succeed later, a wrong statement never."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from services.common.db import engine


class Refused(Exception):
    """An error of the driver."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "sqlstate", ["08006", "40001", "40P01", "53300", "55P03", "57014", "57P01"]
)
def test_a_server_that_is_stopped_busy_or_blocked_is_unavailable(sqlstate: str) -> None:
    assert engine.is_unavailable(DBAPIError("SELECT 1", {}, Refused(sqlstate)))


@pytest.mark.parametrize("sqlstate", ["22012", "23505", "42P01", "25006"])
def test_a_wrong_statement_does_not_make_a_server_unavailable(sqlstate: str) -> None:
    assert not engine.is_unavailable(DBAPIError("SELECT 1", {}, Refused(sqlstate)))


def test_an_error_of_something_else_does_not_make_a_server_unavailable() -> None:
    assert not engine.is_unavailable(DBAPIError("SELECT 1", {}, Exception("40001")))
