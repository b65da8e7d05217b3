"""The RealWorld API. All routes are public: users prove who they are by tokens of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from services.common.api.dependencies import RecordsDep, SettingsDep
from services.common.api.versioning import PREFIX
from services.common.auth.policy import Action, Policy
from services.common.config import Settings
from services.common.models import Record
from services.common.transaction import Records, Transaction
from services.conduit import access, models, pairs, passwords, publishing, queries, schemas, tokens
from services.conduit.errors import (
    ConduitRoute,
    NoSuch,
    NotTheirs,
    Unauthenticated,
    error_responses,
)
from services.conduit.identity import ReaderDep, UserDep, caller_of

router = APIRouter(prefix=PREFIX)
public = APIRouter(
    prefix=f"{PREFIX}/api", route_class=ConduitRoute, responses=error_responses(422, 503)
)

IN_ENVELOPE = Body(embed=True)
CommentId = Annotated[int, Path(ge=1, le=schemas.LARGEST)]


@public.post("/users", status_code=201, responses=error_responses(409))
async def sign_up(
    user: Annotated[schemas.NewUser, IN_ENVELOPE], records: RecordsDep, settings: SettingsDep
) -> schemas.UserAnswer:
    """Sign up. FR-001"""
    password_hash = await passwords.hash_of(user.password)
    draft = models.UserDraft(username=user.username, email=user.email, password_hash=password_hash)
    async with records.begin() as transaction:
        return _user_answer(await transaction.create(models.User, draft), settings)


@public.post("/users/login", responses=error_responses(401))
async def log_in(
    user: Annotated[schemas.Credentials, IN_ENVELOPE], records: RecordsDep, settings: SettingsDep
) -> schemas.UserAnswer:
    """Log in. FR-001"""
    known = await records.first(models.User, email=user.email)
    password_hash = known.password_hash if known else passwords.NOBODYS_HASH
    if not await passwords.matches(user.password, password_hash) or known is None:
        raise Unauthenticated("credentials", "invalid")
    return _user_answer(known, settings)


@public.get("/user", responses=error_responses(401))
async def get_current_user(user: UserDep, settings: SettingsDep) -> schemas.UserAnswer:
    """Tell users what is known of them. FR-001"""
    return _user_answer(user, settings)


@public.put("/user", responses=error_responses(401, 409))
async def update_current_user(
    user: Annotated[schemas.UserChanges, IN_ENVELOPE],
    me: UserDep,
    records: RecordsDep,
    settings: SettingsDep,
) -> schemas.UserAnswer:
    """Change what is known of a user. FR-001"""
    values = user.model_dump(exclude_unset=True, exclude={"password"})
    if user.password is not None:
        values["password_hash"] = await passwords.hash_of(user.password)
    async with records.begin() as transaction:
        (current,) = await transaction.lock(models.User, me.id)
        return _user_answer(await transaction.update(current, **values), settings)


@public.get("/profiles/{username}", responses=error_responses(401, 404))
async def get_profile(
    username: str, reader: ReaderDep, records: RecordsDep
) -> schemas.ProfileAnswer:
    """Tell what everybody may know of a user. FR-004"""
    return await _profile_answer(records, username, reader)


@public.post("/profiles/{username}/follow", responses=error_responses(401, 404))
async def follow_user(username: str, me: UserDep, records: RecordsDep) -> schemas.ProfileAnswer:
    """Follow a user; a second time changes nothing. FR-004"""
    async with records.begin() as transaction:
        followed = await _user(transaction, username)
        draft = models.FollowDraft(follower=me.id, followed=followed.id)
        await pairs.add(models.Follow, draft, transaction)
        return await _profile_answer(transaction, username, me)


@public.delete("/profiles/{username}/follow", responses=error_responses(401, 404))
async def unfollow_user(username: str, me: UserDep, records: RecordsDep) -> schemas.ProfileAnswer:
    """Stop following a user. FR-004"""
    async with records.begin() as transaction:
        followed = await _user(transaction, username)
        await pairs.remove(models.Follow, transaction, follower=me.id, followed=followed.id)
        return await _profile_answer(transaction, username, me)


@public.get("/articles", responses=error_responses(401))
async def list_articles(
    wanted: Annotated[schemas.Wanted, Query()], reader: ReaderDep, records: RecordsDep
) -> schemas.ArticlesAnswer:
    """List articles, newest first. FR-003"""
    async with records.reading() as connection:
        chosen = queries.chosen(wanted)
        return await queries.page_of_articles(connection, wanted, reader, *chosen)


@public.get("/articles/feed", responses=error_responses(401))
async def get_feed(
    page: Annotated[schemas.Page, Query()], me: UserDep, records: RecordsDep
) -> schemas.ArticlesAnswer:
    """List the articles of those whom a user follows, newest first. FR-004"""
    async with records.reading() as connection:
        return await queries.page_of_articles(connection, page, me, queries.followed_by(me))


@public.get("/articles/{slug}", responses=error_responses(401, 404))
async def get_article(slug: str, reader: ReaderDep, records: RecordsDep) -> schemas.ArticleAnswer:
    """Read an article. FR-003"""
    return await _article_answer(records, slug, reader)


@public.post("/articles", status_code=201, responses=error_responses(401))
async def create_article(
    article: Annotated[schemas.NewArticle, IN_ENVELOPE], me: UserDep, records: RecordsDep
) -> schemas.ArticleAnswer:
    """Publish an article. FR-002"""
    async with records.begin() as transaction:
        published = await publishing.publish(article, me, transaction)
        return await _article_answer(transaction, published.slug, me)


@public.put("/articles/{slug}", responses=error_responses(401, 403, 404))
async def update_article(
    slug: str,
    article: Annotated[schemas.ArticleChanges, IN_ENVELOPE],
    me: UserDep,
    records: RecordsDep,
) -> schemas.ArticleAnswer:
    """Change one's article. FR-002"""
    async with records.begin() as transaction:
        current = await _locked(transaction, slug)
        _refuse_others("update", access.articles, current, me)
        revised = await publishing.revise(current, article, transaction)
        return await _article_answer(transaction, revised.slug, me)


@public.delete("/articles/{slug}", status_code=204, responses=error_responses(401, 403, 404))
async def delete_article(slug: str, me: UserDep, records: RecordsDep) -> None:
    """Delete one's article, with its tags, comments and favorites. FR-002"""
    async with records.begin() as transaction:
        article = await _locked(transaction, slug)
        _refuse_others("delete", access.articles, article, me)
        await transaction.delete(article)


@public.get("/articles/{slug}/comments", responses=error_responses(401, 404))
async def list_comments(
    slug: str, reader: ReaderDep, records: RecordsDep
) -> schemas.CommentsAnswer:
    """List the comments on an article, oldest first. FR-005"""
    article = await _article(records, slug)
    async with records.reading() as connection:
        comments = await queries.comments_on(connection, article, reader)
    return schemas.CommentsAnswer(comments=comments)


@public.post("/articles/{slug}/comments", status_code=201, responses=error_responses(401, 404))
async def add_comment(
    slug: str,
    comment: Annotated[schemas.NewComment, IN_ENVELOPE],
    me: UserDep,
    records: RecordsDep,
) -> schemas.CommentAnswer:
    """Comment on an article. FR-005"""
    async with records.begin() as transaction:
        article = await _locked(transaction, slug)
        number = await publishing.comment(article, me, comment.body, transaction)
        (added,) = await queries.comments_on(transaction.connection, article, me, number)
    return schemas.CommentAnswer(comment=added)


@public.delete(
    "/articles/{slug}/comments/{id}", status_code=204, responses=error_responses(401, 403, 404)
)
async def delete_comment(slug: str, id: CommentId, me: UserDep, records: RecordsDep) -> None:
    """Delete one's comment. FR-005"""
    async with records.begin() as transaction:
        article = await _article(transaction, slug)
        comment = await transaction.first(models.Comment, article=article.id, number=id)
        if comment is None:
            raise NoSuch("comment")
        _refuse_others("delete", access.comments, comment, me)
        await transaction.delete(comment)


@public.post("/articles/{slug}/favorite", responses=error_responses(401, 404))
async def favorite_article(slug: str, me: UserDep, records: RecordsDep) -> schemas.ArticleAnswer:
    """Make an article a favorite; a second time changes nothing. FR-006"""
    async with records.begin() as transaction:
        article = await _article(transaction, slug)
        draft = models.FavoriteDraft(article=article.id, user=me.id)
        await pairs.add(models.Favorite, draft, transaction)
        return await _article_answer(transaction, slug, me)


@public.delete("/articles/{slug}/favorite", responses=error_responses(401, 404))
async def unfavorite_article(slug: str, me: UserDep, records: RecordsDep) -> schemas.ArticleAnswer:
    """Make an article no favorite any more. FR-006"""
    async with records.begin() as transaction:
        article = await _article(transaction, slug)
        await pairs.remove(models.Favorite, transaction, article=article.id, user=me.id)
        return await _article_answer(transaction, slug, me)


@public.get("/tags")
async def list_tags(records: RecordsDep) -> schemas.TagsAnswer:
    """List all tags. FR-003"""
    async with records.reading() as connection:
        return schemas.TagsAnswer(tags=await queries.all_tags(connection))


def _refuse_others(action: Action, policy: Policy, record: Record, me: models.User) -> None:
    if not policy.allows(action, caller_of(me), record):
        raise NotTheirs(type(record).__name__.lower())


async def _user(records: Records, username: str) -> models.User:
    if user := await records.first(models.User, username=username):
        return user
    raise NoSuch("profile")


async def _article(records: Records, slug: str) -> models.Article:
    if article := await records.first(models.Article, slug=slug):
        return article
    raise NoSuch("article")


async def _locked(transaction: Transaction, slug: str) -> models.Article:
    (article,) = await transaction.lock(models.Article, (await _article(transaction, slug)).id)
    return article


def _user_answer(user: models.User, settings: Settings) -> schemas.UserAnswer:
    shown = user.model_dump(include={"username", "email", "bio", "image"})
    return schemas.UserAnswer(user=schemas.User(**shown, token=tokens.issue(user.id, settings)))


async def _profile_answer(
    records: Records, username: str, reader: models.User | None
) -> schemas.ProfileAnswer:
    async with records.reading() as connection:
        profile = await queries.profile(connection, username, reader)
    if profile is None:
        raise NoSuch("profile")
    return schemas.ProfileAnswer(profile=profile)


async def _article_answer(
    records: Records, slug: str, reader: models.User | None
) -> schemas.ArticleAnswer:
    async with records.reading() as connection:
        article = await queries.article(connection, slug, reader)
    if article is None:
        raise NoSuch("article")
    return schemas.ArticleAnswer(article=article)
