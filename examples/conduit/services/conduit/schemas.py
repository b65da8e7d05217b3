"""What pages send and are answered: the bodies of the RealWorld API, whose names are in camel case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from services.common import models as common

T = TypeVar("T")


def _refuse_blank(value: T) -> T:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise PydanticCustomError("blank", "can't be blank")
    return value


FILLED = BeforeValidator(_refuse_blank)
Line = Annotated[common.ShortText, FILLED]
Email = Annotated[common.Email, FILLED]
Text = Annotated[common.Text, FILLED]
Password = Annotated[SecretStr, FILLED]

OR_NONE = BeforeValidator(lambda it: it or None)
"""An empty text takes away what was there."""

LARGEST = 2**31 - 1
"""Of the numbers that every database takes."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda it: f"{it:%Y-%m-%dT%H:%M:%S}.{it.microsecond // 1000:03}Z", str),
]
"""To the millisecond, as JavaScript has it."""


class Body(BaseModel):
    """Immutable data; pages may send more fields, and nothing is made of them."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


class NewUser(Body):
    """Somebody who signs up."""

    username: Line
    email: Email
    password: Password


class Credentials(Body):
    """Somebody who logs in."""

    email: Email
    password: Password


class UserChanges(Body):
    """What changes of a user; what is not sent stays."""

    username: Annotated[Line | None, FILLED] = None
    email: Annotated[Email | None, FILLED] = None
    password: Annotated[Password | None, FILLED] = None
    bio: Annotated[common.Text | None, OR_NONE] = None
    image: Annotated[common.Url | None, OR_NONE] = None


class User(Body):
    """What users see of themselves, with the token that proves who they are."""

    username: str
    email: str
    token: str
    bio: str | None
    image: str | None


class Profile(Body):
    """What everybody sees of a user."""

    username: str
    bio: str | None
    image: str | None
    following: bool


class NewArticle(Body):
    """An article that is published."""

    title: Line
    description: Text
    body: Text
    tag_list: list[Line] = []


class ArticleChanges(Body):
    """What changes of an article; what is not sent stays."""

    title: Annotated[Line | None, FILLED] = None
    description: Annotated[Text | None, FILLED] = None
    body: Annotated[Text | None, FILLED] = None
    tag_list: Annotated[list[Line] | None, FILLED] = None


class ArticleSummary(Body):
    """An article in a list, without its body."""

    slug: str
    title: str
    description: str
    tag_list: list[str]
    created_at: Timestamp
    updated_at: Timestamp
    favorited: bool
    favorites_count: int
    author: Profile


class Article(ArticleSummary):
    """An article."""

    body: str


class Page(Body):
    """Which page of articles is asked for."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=LARGEST)


class Wanted(Page):
    """Which articles are asked for."""

    author: str | None = None
    tag: str | None = None
    favorited: str | None = None
    """The username of the one whose favorites they are."""


class NewComment(Body):
    """A comment that is written."""

    body: Text


class Comment(Body):
    """A comment on an article."""

    id: int
    created_at: Timestamp
    updated_at: Timestamp
    body: str
    author: Profile


class UserAnswer(Body):
    """A user, enveloped."""

    user: User


class ProfileAnswer(Body):
    """A profile, enveloped."""

    profile: Profile


class ArticleAnswer(Body):
    """An article, enveloped."""

    article: Article


class ArticlesAnswer(Body):
    """A page of articles, and how many there are on all pages."""

    articles: list[ArticleSummary]
    articles_count: int


class CommentAnswer(Body):
    """A comment, enveloped."""

    comment: Comment


class CommentsAnswer(Body):
    """The comments on an article."""

    comments: list[Comment]


class TagsAnswer(Body):
    """All tags."""

    tags: list[str]
