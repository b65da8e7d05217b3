"""Each fault in the answers is reported in one line that names the place and the way out; all of them at once."""

from __future__ import annotations

import datetime
import math

import pytest

from groundplan import reading
from groundplan.problems import Problem, Refused, Report, instead

NAME = {"project_name": "Bookshop"}
CATALOG = "catalog.Book(title: str)"
ORDER = "orders.Order(customer: email, status: open|paid)"


def problems(**answers: object) -> list[str]:
    """What is wrong with answers."""
    return list(map(str, reading.problems(NAME | answers)))


def shop(line: str, *entities: str, publishes: object = (), subscribes: object = ()) -> list[str]:
    """What is wrong when the catalog also keeps `line`, and orders says and letters hears something."""
    return problems(
        services=[
            "catalog",
            {"name": "orders", "publishes": publishes},
            {"name": "letters", "subscribes": subscribes},
        ],
        data_entities=[line, ORDER, "letters.Letter(recipient: email, subject: str = hello)", *entities],
    )


@pytest.mark.parametrize(
    ("services", "message"),
    [
        (
            ["catalog", "catalog"],
            "services[1]: 'catalog' is the name of two services. Fix: rename or remove one of them.",
        ),
        (
            ["catalog", {"name": "class"}],
            "services[1].name: 'class' is a Python keyword. Fix: choose another name, e.g. 'classes'.",
        ),
        (
            ["json: writes"],
            "services[0]: 'json' is a module of Python's standard library. Fix: choose another name, e.g. 'jsons'.",
        ),
        (
            ["common: shares"],
            "services[0]: 'common' is a package of every generated project. Fix: choose another name, e.g. 'commons'.",
        ),
        (
            ["Order Desk"],
            "services[0]: 'Order Desk' is not an identifier of lower-case letters, digits and single underscores. "
            "Fix: choose another name, e.g. 'order_desk'.",
        ),
        (
            [{"name": "catalog", "port": 80}],
            "services[0].port: 80 is not a whole number from 1024 to 65535. Fix: write a number from 1024 to 65535.",
        ),
        (
            [{"name": "catalog", "port": True}],
            "services[0].port: yes or no is not a whole number from 1024 to 65535. "
            "Fix: write a number from 1024 to 65535.",
        ),
        (
            [{"name": "catalog", "port": 8001}, {"name": "orders", "port": 8001}],
            "services[1].port: 8001 is the port of 'catalog', too. Fix: give each service its own port.",
        ),
        (
            ["catalog", {"name": "orders", "depends_on": ["catlog"]}],
            "services[1].depends_on[0]: 'catlog' is not a service. Fix: did you mean 'catalog'? "
            "Otherwise add 'catlog' to services, or name one of catalog, orders.",
        ),
        (
            ["catalog", {"name": "orders", "depends_on": ["catalog", {"service": "catalog"}]}],
            "services[1].depends_on[1]: 'catalog' is there twice. Fix: remove one of the two.",
        ),
        (
            [{"name": "catalog", "depends_on": "catalog"}],
            "services[0].depends_on: 'catalog' depends on itself. Fix: remove it.",
        ),
        (
            ["catalog", {"name": "orders", "depends_on": [{"service": "catalog", "when_unavailable": "wait"}]}],
            "services[1].depends_on[0].when_unavailable: 'wait' is not one of refuse, accept. "
            "Fix: choose refuse or accept.",
        ),
        (
            ["catalog", {"name": "orders", "depends_on": [{"when_unavailable": "accept"}]}],
            "services[1].depends_on[0]: names no service. Fix: write {service: catalog, when_unavailable: accept}.",
        ),
        (
            [{"name": "catalog", "depends_on": ["orders"]}, {"name": "orders", "depends_on": ["catalog"]}],
            "services[0].depends_on: the services catalog -> orders -> catalog call each other in a circle. "
            "Fix: replace one of the calls by an event or by 'keep <Entity>' in subscribes.",
        ),
        (
            [{"name": "catalog", "prot": 8001}],
            "services[0]: has the unknown key 'prot'. Fix: did you mean 'port'? "
            "Otherwise remove it or write name, responsibility, owns, depends_on, publishes, subscribes, "
            "exposure or port.",
        ),
        ([{"port": 8001}], "services[0]: has no name. Fix: give it one: {name: ...}."),
        (
            ["catalog", {"name": " ", "port": 8001}],
            "services[1]: has an empty name. Fix: give it a name, or remove it.",
        ),
        ([5], 'services[0]: is a number. Fix: write "name: responsibility" or {name: ..., responsibility: ...}.'),
        ([{True: "yes"}], 'services[0]: is yes or no, not text. Fix: write it in quotes, e.g. "catalog".'),
        (
            [{"name": "catalog", "owns": ["Book"]}],
            "services[0].owns[0]: 'Book' is not a declared entity. "
            "Fix: declare it in data_entities: 'catalog.Book(...)'.",
        ),
        (
            "- catalog: a: b",
            "services: is not valid YAML in line 1 (mapping values are not allowed here). "
            "Fix: put each line that holds a colon and more than a name in quotes.",
        ),
    ],
)
def test_a_fault_in_the_services(services: object, message: str) -> None:
    assert problems(services=services) == [message]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "catalog.Book(title: strng)",
            "field 'title' has the unknown type 'strng'. Fix: did you mean 'str'? Otherwise use one of str, text, int, "
            "float, bool, money, date, datetime, email, url, uuid, an entity, a value object, a|b, list[...].",
        ),
        (
            "catalog.Book(title)",
            "needs a colon and the type of 'title' at ')'. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(title: str",
            "needs a comma or the closing bracket ')' at the end of 'catalog.Book(title: str'. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(title: str) and more",
            "has something left over at 'and more'. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "Book(title: str)",
            "does not say which service keeps Book. Fix: write 'catalog.Book(...)'.",
        ),
        (
            "catlog.Book(title: str)",
            "'catlog' keeps Book, and is not a service. Fix: did you mean 'catalog'? "
            "Otherwise add 'catlog' to services, or name one of catalog, orders, letters.",
        ),
        (
            "catalog.book(title: str)",
            "'book' is not one capitalised word of plain letters and digits. Fix: choose another name, e.g. 'Book'.",
        ),
        (
            "catalog.Main(title: str)",
            "'Main' needs the module main.py, which every generated service has. "
            "Fix: choose another name, e.g. 'MainRecord'.",
        ),
        (
            "catalog.A(title: str)",
            "'A' needs the table as, and 'as' is a Python keyword. Fix: choose another name, e.g. 'ARecord'.",
        ),
        (
            "catalog.ReadCopy(title: str)",
            "'ReadCopy' needs the table read_copies, which every database has. "
            "Fix: choose another name, e.g. 'ReadCopyRecord'.",
        ),
        (
            "catalog.SqliteBook(title: str)",
            "'SqliteBook' needs the table sqlite_books, and SQLite keeps what begins with sqlite_ to itself. "
            "Fix: choose another name, e.g. 'TheSqliteBook'.",
        ),
        (
            "catalog.Book(xmin: float)",
            "field 'xmin' is a column that PostgreSQL gives every table. Fix: choose another name, e.g. 'xmin_value'.",
        ),
        ("catalog.Book()", "Book has no fields. Fix: give it some, e.g. 'catalog.Book(title: str, price: money)'."),
        (
            "catalog.Book(id: int)",
            "field 'id' is a field that every record has anyway. Fix: choose another name, e.g. 'id_value'.",
        ),
        (
            "catalog.Book(copy: int)",
            "field 'copy' is taken by the library that validates records. Fix: choose another name, e.g. 'copy_value'.",
        ),
        ("catalog.Book(a: int, a: str)", "field 'a' is there twice. Fix: remove one of the two."),
        (
            "catalog.Book(a: int = x)",
            "field 'a' has 'x' where a value of type 'int' belongs. Fix: write e.g. 3.",
        ),
        (
            "catalog.Book(a: str = none secret)",
            "has 'secret' behind the default of 'a', and marks stand before the '='. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: int = 2147483648)",
            "field 'a' has '2147483648' where a value of type 'int' belongs. Fix: write e.g. 3.",
        ),
        (
            "catalog.Book(a: money = 1.234)",
            "field 'a' has '1.234' where a value of type 'money' belongs. Fix: write e.g. 9.99.",
        ),
        (
            "catalog.Book(a: bool = yes)",
            "field 'a' has 'yes' where a value of type 'bool' belongs. Fix: write e.g. true or false.",
        ),
        (
            "catalog.Book(a: date = 2026-02-30)",
            "field 'a' has '2026-02-30' where a value of type 'date' belongs. Fix: write e.g. 2026-03-02.",
        ),
        (
            "catalog.Book(a: datetime = 2026-02-20)",
            "field 'a' has '2026-02-20' where a value of type 'datetime' belongs. "
            "Fix: write e.g. 2026-03-02T09:30:00+00:00.",
        ),
        (
            "catalog.Book(a: open|paid = payd)",
            "field 'a' has 'payd' where a value of type 'open|paid' belongs. "
            "Fix: did you mean 'paid'? Otherwise choose one of the choices.",
        ),
        (
            "catalog.Book(a: str|int)",
            "field 'a' has the type 'str' among the choices 'str|int'. "
            "Fix: write 'str?' for a field that may be empty, or choices that are not types.",
        ),
        (
            "catalog.Book(a: b|b)",
            "field 'a' names a choice twice in 'b|b'. Fix: name each choice once.",
        ),
        (
            "catalog.Book(a: str? = b)",
            "field 'a' gives a default to 'str?'. "
            "Fix: give defaults to plain types and choices only; a field with '?' is empty by default.",
        ),
        (
            "catalog.Book(a: str); never delete",
            "has 'never' where only, without, list, unique or index belongs. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: str); only read, change",
            "has 'change' where create, list, read, replace, patch, delete or update belongs. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: str); only read; without delete",
            "says twice what callers can do with Book. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: str); without create, list, read, update, delete",
            "Book leaves callers nothing to do. Fix: write 'private Book(...)'.",
        ),
        (
            "catalog.Book(a: str cascade)",
            "field 'a' says cascade, and does not refer to one record. "
            "Fix: write 'a: <entity> cascade', or take the word away.",
        ),
        (
            "catalog.Book(a: Book? refuse cascade)",
            "field 'a' says refuse and cascade. Fix: choose one.",
        ),
        (
            "catalog.Book(a: str); list(a; by a)",
            "needs 'sort' or 'search', each once, at 'by a)'. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: str); list(b)",
            "Book is listed by 'b', which is no field of it. Fix: name one of its fields: a.",
        ),
        (
            "catalog.Book(limit: int); list(limit)",
            "Book is listed by 'limit', which is a parameter of lists with a meaning of its own. "
            "Fix: name another field, or leave it out.",
        ),
        (
            "catalog.Book(a: list[money]); list(a)",
            "Book is listed by 'a', which is a list of money. Fix: name another field, or leave it out.",
        ),
        (
            "catalog.Book(a: str?); list(sort a)",
            "Book is sorted by 'a', which may be empty. Fix: name another field, or leave it out.",
        ),
        (
            "catalog.Book(a: text); list(sort a)",
            "Book is sorted by 'a', which has no order to go by. Fix: name another field, or leave it out.",
        ),
        (
            "catalog.Book(a: int); list(search a)",
            "Book is searched in 'a', which is no text. Fix: name another field, or leave it out.",
        ),
        (
            "catalog.Book(a: str); without list; list(a)",
            "Book says how callers list it, and they cannot. Fix: give it the operation list.",
        ),
        (
            "private catalog.Book(a: str); only read",
            "Book is private, and says what callers can do with it. Fix: leave out one of the two.",
        ),
        (
            "value Book(a: str); only read",
            "Book is a value object, which has no operations of its own. "
            "Fix: say what callers can do with the entities that contain it.",
        ),
        (
            "catalog.Book(a: str sole)",
            "has 'sole' behind the type of 'a', where unique, index, secret, system, immutable, keep, refuse, "
            "cascade, pii, financial, health, children or other belongs. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: str unique unique)",
            "says unique twice of 'a'. Fix: write it like \"catalog.Book(title: str, price: money)\", in quotes.",
        ),
        (
            "catalog.Book(a: str, b: str); unique(a, c)",
            "'c' in unique(a, c) is not a field of Book. Fix: add it to the fields.",
        ),
        (
            "catalog.Book(a: str, b: str); index(a, a)",
            "index(a, a) names a field twice. Fix: name each field once.",
        ),
        (
            "catalog.Book(a: str, b: str); unique(a)",
            "unique(a) is about one field. Fix: write 'a: <type> unique' instead.",
        ),
        (
            "catalog.Book(a: list[str] index)",
            "field 'a' is 'list[str]', which no index can hold. "
            "Fix: let another field be unique or have the index; of texts, a str, email or url can.",
        ),
        (
            "catalog.Book(a: url, b: url); index(a, b)",
            "'a' and 'b' together are too long for an index. Fix: leave one of them out.",
        ),
        (
            "catalog.Book(a: old|new unique)",
            "field 'a' is unique, and 'old|new' has too few values for many records. "
            "Fix: write 'unique(a, ...)' behind the fields, with another one.",
        ),
        (
            "catalog.Book(a: str unique = x)",
            "field 'a' is unique and has a default, which a second record would have, too. "
            "Fix: take the default away, or write '?' for a field that may be empty.",
        ),
        (
            "value Book(a: str unique)",
            "field 'a' of the value Book is unique, and values are kept inside of records. "
            "Fix: take it away, or make an entity of it.",
        ),
        (
            "catalog.Book(a: int(5..1))",
            "field 'a' has the empty range 5..1. Fix: write 1..5.",
        ),
        (
            "catalog.Book(a: str(..300))",
            "field 'a' has the limit 300, and 'str' has 1 to 255 characters. Fix: stay within these, or use text.",
        ),
        (
            "catalog.Book(a: int(0.5..))",
            "field 'a' has the limit 0.5, which no 'int' has. Fix: round it to 0 decimals.",
        ),
        (
            "catalog.Book(a: date(1..))",
            "field 'a' limits 'date', of which there is neither a length nor a range. "
            "Fix: limit e.g. str(1..80), int(1..5) or money(0..1000).",
        ),
        (
            "catalog.Book(a: b|c 1..2)",
            "field 'a' limits 'b|c', of which there is neither a length nor a range. "
            "Fix: limit e.g. str(1..80), int(1..5) or money(0..1000).",
        ),
        (
            "catalog.Book(a: int(..))",
            "field 'a' has a range without ends. Fix: limit e.g. str(1..80), int(1..5) or money(0..1000).",
        ),
        (
            "catalog.Book(a: int EUR)",
            "field 'a' gives 'int' the currency EUR. Fix: use money for an amount of it.",
        ),
        (
            "catalog.Book(a: text /^a$/)",
            "field 'a' has a pattern, and is 'text'. Fix: give patterns to str only.",
        ),
        (
            "catalog.Book(a: str /(?i)a/)",
            "field 'a' has the pattern /(?i)a/, which has '?i)' behind a bracket, which not every program reads. "
            "Fix: write e.g. /^[a-z0-9-]+$/.",
        ),
        (
            "catalog.Book(a: str(..3) /^[a-z]{9}$/)",
            "field 'a' has a pattern that matches no text of 1 to 3 characters. Fix: change the pattern or the length.",
        ),
        (
            "catalog.Book(a: int 1..5 = 6)",
            "field 'a' has '6' where a value of type 'int(1..5)' belongs. Fix: change the value or the limits.",
        ),
        (
            "catalog.Book(a: str /^[a-z]+$/ = A)",
            "field 'a' has 'A' where a value of type 'str /^[a-z]+$/' belongs. Fix: change the value or the limits.",
        ),
        (
            "catalog.Book(a: int 1..5 (2..3))",
            "says twice what range a field has. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: str(80))",
            "needs a range such as 1..80 or ..80 at '80))'. "
            'Fix: write it like "catalog.Book(title: str, price: money)", in quotes.',
        ),
        (
            "catalog.Book(a: int system)",
            "field 'a' is system, and a new record has no value for it. "
            "Fix: give it a default, or write 'a: int? system'.",
        ),
        (
            "catalog.Book(a: int system immutable = 1)",
            "field 'a' is system and immutable, and callers set it neither first nor later. Fix: leave out immutable.",
        ),
        (
            "catalog.Book(a: list[str] secret)",
            "field 'a' is secret, and 'list[str]' is not one plain value. "
            "Fix: keep what is secret in a field of its own, such as a str.",
        ),
        (
            "catalog.Book(order: Order)",
            "field 'order' of Book refers to Order, which 'orders' keeps. "
            "Fix: add 'orders' to depends_on of 'catalog', or 'keep Order' to its subscribes.",
        ),
    ],
)
def test_a_fault_in_an_entity(line: str, message: str) -> None:
    assert shop(line) == [f"data_entities[0]: {message}"]


def test_one_entity_twice() -> None:
    assert shop(CATALOG, "orders.Book(title: str)") == [
        "data_entities[3]: Book is declared twice. Fix: give one of the two another name, or remove it."
    ]


def test_what_another_service_keeps_is_deleted_without_asking() -> None:
    services = ["catalog", {"name": "orders", "depends_on": ["catalog"]}]
    declared = ["catalog.Book(title: str)", "orders.Order(book: Book cascade)"]
    assert problems(services=services, data_entities=declared) == [
        "data_entities[1]: field 'book' of Order says cascade, and another service keeps Book and deletes it without "
        "asking. Fix: write 'book: Book', and let a reaction or a job of 'orders' follow."
    ]


def test_what_another_service_looks_up_can_be_read() -> None:
    services = ["catalog", {"name": "orders", "depends_on": ["catalog"]}]
    declared = ["private catalog.Book(title: str)", "orders.Order(book: Book)"]
    assert problems(services=services, data_entities=declared) == [
        "data_entities[0]: Book cannot be read, and 'orders' looks it up for 'book' of Order. "
        "Fix: give Book the operation read, or add 'keep Book' to subscribes of 'orders'."
    ]


def test_a_reference_is_found_inside_a_value_object() -> None:
    assert shop(CATALOG, "value Line(book: Book)", "orders.Basket(lines: list[Line])") == [
        "data_entities[4]: field 'lines.book' of Basket refers to Book, which 'catalog' keeps. "
        "Fix: add 'catalog' to depends_on of 'orders', or 'keep Book' to its subscribes."
    ]


def test_a_value_object_without_end() -> None:
    assert shop(CATALOG, "value Box(bag: Bag)", "value Bag(box: list[Box])") == [
        "data_entities[3]: Box contains Bag contains Box without end. "
        "Fix: make one of them an entity, which is referred to by its id."
    ]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (["catalog.Hen(hen: Hen)"], "Hen needs Hen"),
        (["catalog.Hen(egg: Egg)", "catalog.Egg(hen: Hen)"], "Hen needs Egg needs Hen"),
        (["catalog.Hen(home: Nest)", "value Nest(owner: Hen)"], "Hen needs Hen"),
    ],
)
def test_records_of_which_none_can_be_the_first(declared: list[str], message: str) -> None:
    assert shop(CATALOG, *declared) == [
        f"data_entities[3]: {message} before any of them can be created. "
        "Fix: make one of these references optional by '?'."
    ]


@pytest.mark.parametrize("way_out", ["Hen?", "list[Hen]"])
def test_records_of_which_one_can_be_the_first(way_out: str) -> None:
    assert shop(CATALOG, "catalog.Hen(egg: Egg)", f"catalog.Egg(hen: {way_out})") == []


def test_two_entities_at_one_address() -> None:
    assert shop(CATALOG, "orders.Box(a: int)", "orders.Boxe(a: int)") == [
        "data_entities[4]: Boxe and Box would both be found under /boxes. Fix: rename one of the two."
    ]


def test_two_uses_of_one_class() -> None:
    assert shop(
        CATALOG, "catalog.BookDraft(a: int)", "value OrderPlaced(a: int)", publishes=["order.placed on create Order"]
    ) == [
        "data_entities[3]: BookDraft needs the class BookDraft, and so does what clients send of Book. "
        "Fix: rename one of the two.",
        "services[1]: the event 'order.placed' needs the class OrderPlaced, and so does OrderPlaced. "
        "Fix: rename one of the two.",
    ]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "order.placed on crate Order",
            "has 'crate' where create, update or delete belongs. Fix: write it like \"order.placed on create Order\".",
        ),
        (
            "order.placed on create Ordr",
            "'Ordr' is not a declared entity. Fix: did you mean 'Order'? Otherwise declare it in data_entities.",
        ),
        (
            "placed on create Order",
            "event 'placed' is not a subject and a verb in the past tense with a dot between them. "
            'Fix: write it like "order.placed on create Order".',
        ),
        (
            "book.added on create Book",
            "event 'book.added' is about Book, which 'catalog' keeps. Fix: let 'catalog' publish it.",
        ),
        (
            "order.placed(custmer) on create Order",
            "'custmer' is not a field of Order. Fix: did you mean 'customer'? Otherwise add it to Order.",
        ),
        (
            "order.placed(customer: str) on create Order",
            "field 'customer' is 'email' in Order, not 'str'. "
            "Fix: leave the type out: 'order.placed(customer) on ...'.",
        ),
        (
            {"name": "order.placed"},
            'has no operations. Fix: add operations: ..., or write "order.placed on create Order".',
        ),
        (7, 'is a number, not text. Fix: write it in quotes, e.g. "order.placed on create Order".'),
    ],
)
def test_a_fault_in_an_event(declared: object, message: str) -> None:
    assert shop(CATALOG, publishes=[declared]) == [f"services[1].publishes[0]: {message}"]


def test_one_event_twice() -> None:
    twice = ["order.placed on create Order", "order.placed on delete Order"]
    assert shop(CATALOG, publishes=twice) == [
        "services[1].publishes[1]: event 'order.placed' is already there: 'order.placed' of 'orders'. "
        "Fix: rename or remove one."
    ]
    assert shop(CATALOG, publishes=["order.saved on create Order"], subscribes=["keep Order"]) == [
        "services[1].publishes[0]: event 'order.saved' is already there: "
        "'order.saved', which feeds the copies of Order. Fix: rename or remove one."
    ]


def test_two_events_that_are_sent_by_one_name_are_reported_in_one_line() -> None:
    message = "event 'order.placed_x' is already there: 'order_placed.x' of 'orders'. Fix: rename or remove one."
    twice = ["order_placed.x on create Order", "order.placed_x on create Order"]
    assert shop(CATALOG, publishes=twice) == [f"services[1].publishes[1]: {message}"]
    services = [
        {"name": name, "publishes": [f"{event} on create {entity}"]}
        for name, event, entity in (("orders", "order_placed.x", "Order"), ("catalog", "order.placed_x", "Book"))
    ]
    assert problems(services=services, data_entities=[CATALOG, ORDER]) == [f"services[1].publishes[0]: {message}"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "on order.plced: create Letter(recipient: customer)",
            "'order.plced' is published by nobody. "
            "Fix: did you mean 'order.placed'? Otherwise let a service publish it.",
        ),
        (
            "on order.placed: create Book(title: 'a')",
            "creates Book, which 'catalog' keeps. Fix: let 'catalog' react.",
        ),
        (
            "on order.placed: create Letter",
            "creates Letter without its required field 'recipient'. "
            "Fix: add 'recipient: ...', make it 'email?' or give it a default.",
        ),
        (
            "on order.placed: create Letter(recipient: status)",
            "fills 'recipient', which is 'email', from 'status', which is 'open|paid'. "
            "Fix: change one of the two types, or use another field of order.placed.",
        ),
        (
            "on order.placed: create Letter(recipient: customer, subject: Thanks)",
            "'Thanks' is not a field of 'order.placed'. Fix: put it in quotes when you mean the text itself.",
        ),
        (
            "on order.placed: create Letter(recipient: customer, subject: 'a\nb')",
            "field 'subject' has 'a b' where a value of type 'str' belongs. "
            "Fix: write e.g. 'one line of at most 200 characters'.",
        ),
        (
            "on order.placed: create Letter(recipient: customer, recipient: customer)",
            "gives 'recipient' twice. Fix: remove one of the two.",
        ),
        (
            "on order.placed: create Letter(recipient: customer, text: customer)",
            "'text' is not a field of Letter. Fix: add it to Letter.",
        ),
        (
            "keep Bok",
            "'Bok' is not a declared entity. Fix: did you mean 'Book'? Otherwise declare it in data_entities.",
        ),
        ("keep Letter", "keeps a copy of Letter, which is its own. Fix: remove it."),
        (
            "when order.placed",
            "needs the word 'on' or 'keep' at 'when order.placed'. "
            'Fix: write it like "on order.placed: create Notification(recipient: customer)" or "keep Book".',
        ),
    ],
)
def test_a_fault_in_a_subscription(declared: object, message: str) -> None:
    published = ["order.placed on create Order"]
    assert shop(CATALOG, publishes=published, subscribes=[declared]) == [f"services[2].subscribes[0]: {message}"]


def test_a_service_does_not_do_one_thing_twice() -> None:
    reaction = "on order.placed: create Letter(recipient: customer)"
    assert shop(
        CATALOG, publishes=["order.placed on create Order"], subscribes=[reaction, reaction, "keep Book", "keep Book"]
    ) == [
        "services[2].subscribes[3]: keeps Book twice. Fix: remove one of the two.",
        "services[2].subscribes[1]: 'letters' reacts twice to 'order.placed'. "
        "Fix: keep one; the rules of the first can do the rest.",
    ]


def test_a_service_does_not_react_to_itself() -> None:
    found = problems(
        services=[{"name": "a", "publishes": "x.made on create X", "subscribes": "on x.made: create Y(n: n)"}],
        data_entities=["X(n: int)", "Y(n: int)"],
    )
    assert found == [
        "services[0].subscribes: reacts to 'x.made', which is its own. Fix: do it in the rules of X, where it happens."
    ]


def test_reactions_come_to_an_end() -> None:
    found = problems(
        services=[
            {"name": "a", "publishes": "x.made on create X", "subscribes": "on y.made: create X(n: n)"},
            {"name": "b", "publishes": "y.made on create Y", "subscribes": "on x.made: create Y(n: n)"},
        ],
        data_entities=["a.X(n: int)", "b.Y(n: int)"],
    )
    assert found == [
        "data_entities[1]: creating Y creates X creates Y without end, by the reactions to their events. "
        "Fix: remove one of the reactions."
    ]


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("int", "float", True),
        ("float", "int", False),
        ("int", "money", False),
        ("email", "str", True),
        ("text", "str", False),
        ("str", "text", True),
        ("url", "text", True),
        ("str", "email", False),
        ("str?", "str", False),
        ("str", "str?", True),
        ("list[str]", "list[str]", True),
        ("list[email]", "list[str]", False),
        ("str", "list[str]", False),
        ("a|b", "b|a|c", True),
        ("a|b", "a|c", False),
        ("a|b", "str", True),
        ("Z", "uuid", True),
        ("uuid", "str", False),
        ("Part", "Part", True),
    ],
)
def test_a_reaction_fills_a_field_from_one_that_fits(source: str, target: str, fits: bool) -> None:
    found = problems(
        services=[
            {"name": "a", "publishes": "x.made on create X"},
            {"name": "b", "subscribes": "on x.made: create Y(target: source)"},
        ],
        data_entities=[f"a.X(source: {source})", f"b.Y(target: {target})", "value Part(n: int)", "a.Z(n: int)"],
    )
    assert bool(found) != fits


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"project_name": ""}, "project_name: is not answered. Fix: name the project, e.g. project_name: Bookshop."),
        (
            {"project_name": "a\nb"},
            "project_name: is longer than one line of 80 characters. Fix: say more in concept.",
        ),
        (
            {"project_name": 5},
            'project_name: is a number, not text. Fix: write it in quotes, e.g. "some text".',
        ),
        (
            {"project_slug": "fastapi"},
            "project_slug: 'fastapi' is a package that the project depends on. "
            "Fix: set project_slug, e.g. 'fastapi_app'.",
        ),
        (
            {"project_slug": "My Shop"},
            "project_slug: 'My Shop' is not an identifier of lower-case letters, digits and single underscores. "
            "Fix: set project_slug, e.g. 'my_shop'.",
        ),
        (
            {"concept": datetime.date(2026, 1, 1)},
            'concept: is a date, not text. Fix: write it in quotes, e.g. "some text".',
        ),
        (
            {"mvp_features": ["A: b", "A: c"]},
            "mvp_features[1]: feature 'A' is there twice. Fix: rename or remove one of the two.",
        ),
        (
            {"mvp_features": [{"name": "A", "acceptance": ["It is fast.", "It is fast."]}]},
            "mvp_features[0].acceptance: 'It is fast.' is there twice. "
            "Fix: say something else, or remove one of the two.",
        ),
        (
            {"mvp_features": [{"name": "A", "services": ["order"]}], "services": ["orders"]},
            "mvp_features[0].services[0]: 'order' is not a service. Fix: did you mean 'orders'? "
            "Otherwise add 'order' to services, or name one of orders.",
        ),
        (
            {"mvp_features": [{"name": "A", "priority": "high"}]},
            "mvp_features[0].priority: 'high' is not one of P1, P2, P3. Fix: choose P1, P2 or P3.",
        ),
        (
            {"external_apis": ["Twilio SMS: sends"]},
            "external_apis[0]: 'Twilio SMS' is not an identifier of lower-case letters, digits and single underscores. "
            "Fix: call it 'twilio_sms' and say more in purpose.",
        ),
        (
            {"external_apis": ["core: x"]},
            "external_apis[0]: 'core' is also a service. Fix: call the API 'core_api'.",
        ),
        (
            {"external_apis": [{"name": "sms", "timeout_s": 0}]},
            "external_apis[0].timeout_s: 0 is out of range. Fix: write a number above 0 and up to 3600.",
        ),
        (
            {"personas": ["a: b", "a: c"]},
            "personas[1]: 'a' is there twice. Fix: rename or remove one of the two.",
        ),
        (
            {"risks": [{"risk": "late", "likelihood": "hihg"}]},
            "risks[0].likelihood: 'hihg' is not one of low, medium, high. "
            "Fix: did you mean 'high'? Otherwise choose low, medium or high.",
        ),
        *(
            (
                {"team": {"hours_per_day": endless}},
                "team.hours_per_day: is a number, not a finite number. Fix: write digits only, e.g. 30.",
            )
            for endless in (math.nan, math.inf)
        ),
        (
            {"team": {"hours_per_day": False}},
            "team.hours_per_day: is yes or no, not a finite number. Fix: write digits only, e.g. 30.",
        ),
        (
            {"timeline": {"start": "tomorrow"}},
            "timeline.start: 'tomorrow' is not a day. Fix: write year-month-day, e.g. 2026-03-02.",
        ),
        (
            {"timeline": {"wekes": 4}},
            "timeline: has the unknown key 'wekes'. "
            "Fix: did you mean 'weeks'? Otherwise remove it or write start, weeks, deadline or fixed.",
        ),
        (
            {"timeline": 4},
            "timeline: is a number, not a mapping. Fix: write it as {start: ..., fixed: ...}.",
        ),
        (
            {"project_slug": "pg_tools"},
            "project_slug: 'pg_tools' needs roles that begin with pg_, and PostgreSQL keeps these to itself. "
            "Fix: set project_slug, e.g. 'the_pg_tools'.",
        ),
        (
            {"port_base": 70000},
            "port_base: 70000 is not a whole number from 1024 to 65000. Fix: write a number from 1024 to 65000.",
        ),
    ],
)
def test_a_fault_elsewhere(answers: dict[str, object], message: str) -> None:
    assert problems(**answers) == [message]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"external_apis": ["metrics: counts"]},
            "external_apis[0]: 'metrics' needs the setting METRICS_KEY, which means something else already. "
            "Fix: call it 'metrics_api' and say more in purpose.",
        ),
        (
            {"services": [{"name": "redis"}]},
            "services[0].name: 'redis' needs the setting REDIS_URL, which means something else already. "
            "Fix: choose another name, e.g. 'redis_desk'.",
        ),
    ],
)
def test_a_setting_is_not_needed_twice(answers: dict[str, object], message: str) -> None:
    assert problems(**answers) == []
    assert list(map(str, reading.problems(NAME | answers, ["METRICS_KEY", "REDIS_URL"]))) == [message]


def test_all_problems_come_at_once_and_none_that_only_follows_from_another() -> None:
    found = shop("catalog.Book(title: strng", publishes=["order.placed on crate Order"], subscribes=[
        "keep Book", "on order.placed: create Letter(recipient: customer)"
    ])  # fmt: skip
    assert [line.partition(":")[0] for line in found] == ["data_entities[0]", "services[1].publishes[0]"]


def test_a_refusal_says_each_problem_once_on_a_line_of_its_own() -> None:
    problem = Problem("a", "is\nwrong", "put it\tright")
    assert str(Refused([problem, problem, Problem("b", "is worse", "give up")])).splitlines() == [
        "a: is wrong. Fix: put it right.",
        "b: is worse. Fix: give up.",
    ]


def test_a_report_without_problems_refuses_nothing() -> None:
    report = Report()
    report.refuse()
    assert report.problems == ()


def test_the_nearest_name_is_proposed_whatever_its_case() -> None:
    assert instead("BOOK", ["Book", "Order"], "remove it") == "did you mean 'Book'? Otherwise remove it"
    assert instead("xyz", ["Book", "Order"], "remove it") == "remove it"
