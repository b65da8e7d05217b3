"""Articles with their tags and comments, as authors write them."""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_hex

from slugify import slugify

from services.common.transaction import Transaction
from services.conduit import models, schemas


async def publish(
    new: schemas.NewArticle, author: models.User, transaction: Transaction
) -> models.Article:
    """Store a new article."""
    draft = models.ArticleDraft(
        author=author.id,
        slug=_slug(new.title),
        title=new.title,
        description=new.description,
        body=new.body,
    )
    article = await transaction.create(models.Article, draft)
    await _tag(article, new.tag_list, transaction)
    return article


async def revise(
    article: models.Article, changes: schemas.ArticleChanges, transaction: Transaction
) -> models.Article:
    """Change an article; with a new title it has a new slug."""
    values = changes.model_dump(exclude_unset=True, exclude={"tag_list"})
    if changes.title not in (None, article.title):
        values["slug"] = _slug(changes.title)
    if changes.tag_list is not None:
        for tag in await transaction.many(models.Tag, article=article.id):
            await transaction.delete(tag)
        await _tag(article, changes.tag_list, transaction)
    return await transaction.update(article, **values)


async def comment(
    article: models.Article, author: models.User, body: str, transaction: Transaction
) -> int:
    """Store a comment under a number that no other one of the article had, and tell it."""
    number = article.last_comment + 1
    unchanged = article.updated_at  # for readers, a comment is no change of the article
    await transaction.update(article, last_comment=number, updated_at=unchanged)
    draft = models.CommentDraft(article=article.id, author=author.id, number=number, body=body)
    await transaction.create(models.Comment, draft)
    return number


async def _tag(article: models.Article, names: Iterable[str], transaction: Transaction) -> None:
    for name in set(names):
        await transaction.create(models.Tag, models.TagDraft(article=article.id, name=name))


def _slug(title: str) -> str:
    """The words of a title, and some letters more that let two articles have one title."""
    return slugify(f"{title[:200]} {token_hex(4)}")
