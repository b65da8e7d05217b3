"""Tokens are read in the form in which somebody got them."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.common.errors import Unauthorized
from services.identity.login import stored

ID = UUID("0198f5a0-0000-7000-8000-00000000cafe")


def test_a_token_has_an_id_and_a_secret() -> None:
    assert stored.parts(stored.joined(ID, "a-secret")) == (ID, "a-secret")


@pytest.mark.parametrize("id", [str(ID), ID.urn, f"{{{ID.hex}}}", ID.hex.upper(), f" {ID.hex}", ""])
def test_an_id_in_another_form_is_of_no_token(id: str) -> None:
    with pytest.raises(Unauthorized):
        stored.parts(f"{id}.a-secret")
