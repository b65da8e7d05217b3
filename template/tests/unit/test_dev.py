"""`uv run dev` says what is wrong before it starts anything, and shows what it runs."""

from __future__ import annotations

import socket

import httpx2

from services.common.config import Settings
from scripts.dev import page, settings_for_development, taken_ports
from scripts.processes import load_processes, service_names


def test_a_taken_port_is_named_with_who_wants_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert taken_ports({"catalog": port}) == [f"Port {port} of catalog is taken."]
    assert taken_ports({"catalog": port}) == []


def test_development_needs_no_settings_of_ones_own() -> None:
    given = {name.lower() for name in settings_for_development()}
    assert set(Settings.model_fields) <= given


async def test_the_page_lists_every_service() -> None:
    transport = httpx2.ASGITransport(page(load_processes(), "a-key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        shown = (await client.get("/")).text
    assert all(f"<td>{name}</td>" in shown for name in service_names())
    assert "a-key" in shown
