"""Queries of conduit: articles, comments and profiles as one reader sees them, who may be nobody."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from services.common.db.database import Connection
from services.conduit import models, schemas
from services.conduit.tables import articles, comments, favorites, follows, tags, users

ArticleT = TypeVar("ArticleT", bound=schemas.ArticleSummary)

Condition = sa.ColumnElement[bool]
Reader = models.User | None


async def article(connection: Connection, slug: str, reader: Reader) -> schemas.Article | None:
    """An article, by its slug."""
    query = _articles(reader).add_columns(articles.c.body).where(articles.c.slug == slug)
    found = await _with_tags(connection, schemas.Article, query)
    return found[0] if found else None


async def page_of_articles(
    connection: Connection, page: schemas.Page, reader: Reader, *conditions: Condition
) -> schemas.ArticlesAnswer:
    """A page of the articles that meet the conditions, newest first."""
    newest = _articles(reader).order_by(articles.c.created_at.desc(), articles.c.id.desc())
    query = newest.where(*conditions).limit(page.limit).offset(page.offset)
    count = sa.select(sa.func.count()).select_from(articles).where(*conditions)
    return schemas.ArticlesAnswer(
        articles=await _with_tags(connection, schemas.ArticleSummary, query),
        articles_count=(await connection.execute(count)).scalar_one(),
    )


def chosen(wanted: schemas.Wanted) -> list[Condition]:
    """What articles that are asked for have to meet."""
    conditions = {_written_by: wanted.author, _tagged: wanted.tag, _favorite_of: wanted.favorited}
    return [condition(value) for condition, value in conditions.items() if value is not None]


def followed_by(reader: models.User) -> Condition:
    """Articles of the authors whom a user follows."""
    followed = sa.select(follows.c.followed).where(follows.c.follower == reader.id)
    return articles.c.author.in_(followed)


async def comments_on(
    connection: Connection, article: models.Article, reader: Reader, *numbers: int
) -> list[schemas.Comment]:
    """The comments on an article, or those with these numbers, oldest first."""
    shown = (comments.c.number.label("id"), *_times(comments), comments.c.body)
    written = sa.select(*shown, *_profile(reader)).join(users, users.c.id == comments.c.author)
    query = written.where(comments.c.article == article.id)
    if numbers:
        query = query.where(comments.c.number.in_(numbers))
    rows = await connection.execute(query.order_by(comments.c.number))
    return [schemas.Comment.model_validate(_shown(row)) for row in rows]


async def profile(connection: Connection, username: str, reader: Reader) -> schemas.Profile | None:
    """The profile of a user, by name."""
    query = sa.select(*_profile(reader)).where(users.c.username == username)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else schemas.Profile.model_validate(dict(row._mapping))


async def all_tags(connection: Connection) -> list[str]:
    """The names of all tags, each once."""
    query = sa.select(tags.c.name).distinct().order_by(tags.c.name)
    return [*(await connection.scalars(query))]


def _written_by(username: str) -> Condition:
    """Articles of an author."""
    return articles.c.author.in_(sa.select(users.c.id).where(users.c.username == username))


def _tagged(name: str) -> Condition:
    """Articles with a tag."""
    return articles.c.id.in_(sa.select(tags.c.article).where(tags.c.name == name))


def _favorite_of(username: str) -> Condition:
    """Articles that are favorites of a user."""
    theirs = sa.select(favorites.c.article).join(users, users.c.id == favorites.c.user)
    return articles.c.id.in_(theirs.where(users.c.username == username))


def _articles(reader: Reader) -> sa.Select[Any]:
    """Articles without their bodies, with their authors."""
    liked = favorites.c.article == articles.c.id
    count = sa.select(sa.func.count()).where(liked).scalar_subquery()
    return sa.select(
        articles.c.id,
        articles.c.slug,
        articles.c.title,
        articles.c.description,
        *_times(articles),
        sa.exists().where(liked, favorites.c.user == _id(reader)).label("favorited"),
        count.label("favorites_count"),
        *_profile(reader),
    ).join(users, users.c.id == articles.c.author)


async def _with_tags(
    connection: Connection, model: type[ArticleT], query: sa.Select[Any]
) -> list[ArticleT]:
    """The articles that a query finds, with the names of their tags in the order of the alphabet."""
    rows = (await connection.execute(query)).all()
    tagged = tags.c.article.in_([row.id for row in rows])
    names = defaultdict[UUID, list[str]](list)
    for tag in await connection.execute(sa.select(tags).where(tagged).order_by(tags.c.name)):
        names[tag.article].append(tag.name)
    return [model.model_validate(_shown(row, tag_list=names[row.id])) for row in rows]


def _profile(reader: Reader) -> tuple[sa.ColumnElement[Any], ...]:
    """What a reader sees of a user; nobody follows anybody."""
    following = sa.exists().where(
        follows.c.followed == users.c.id, follows.c.follower == _id(reader)
    )
    return users.c.username, users.c.bio, users.c.image, following.label("following")


def _id(reader: Reader) -> UUID | None:
    return None if reader is None else reader.id


def _times(table: sa.Table) -> tuple[sa.ColumnElement[Any], ...]:
    return table.c.created_at, table.c.updated_at


def _shown(row: sa.Row[Any], **more: object) -> dict[str, object]:
    """A row as the fields of an article or a comment, with its author."""
    return {**row._mapping, "author": dict(row._mapping), **more}
