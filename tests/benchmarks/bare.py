"""Runs inside a generated bookshop: a FastAPI app that reads a table by the same libraries, and no more than that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("sqlite+aiosqlite:///:memory:")
books = sa.Table("books", sa.MetaData(), sa.Column("id", sa.Uuid, primary_key=True), sa.Column("title", sa.String))


class Book(BaseModel):
    id: UUID
    title: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(books.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    async with engine.connect() as connection:
        await connection.execute(sa.select(books).limit(1))
    return {"status": "ready"}


@app.get("/books/{id}")
async def get_book(id: UUID) -> Book:
    async with engine.connect() as connection:
        return Book.model_validate((await connection.execute(sa.select(books).where(books.c.id == id))).one()._mapping)
