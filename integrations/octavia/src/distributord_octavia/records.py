# SPDX-License-Identifier: Apache-2.0
"""
The record of what every distributor should be, in a database that all controllers share.

It is what hosts are brought level with. A record that is deleted stays until every host has deleted
the distributor, too: a host that was down must not bring it back.
"""
from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import sqlalchemy
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Text
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from .desired import Document, undone
from .exceptions import ConcurrentChange, DistributorNotFound, RecordsUnavailable

#: How often an undoing may find that another flow came between.
_TRIES = 5

_METADATA = MetaData()
_TABLE = Table(
    "xdp_distributor",
    _METADATA,
    Column("id", String(36), primary_key=True),
    Column("load_balancer_id", String(36), nullable=False, index=True),
    # Counts changes, so that of two that were computed from the same state one fails.
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    # More than the 64 KiB that a text has in MySQL by default: about 120 bytes for an amphora.
    Column("document", Text(2**24 - 1), nullable=False),
)


class Records:
    """Makes its table on first use. Every method raises RecordsUnavailable if the database does."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._engine: Any = None

    def find(self, distributor_id: str) -> Optional[Document]:
        """Deleted ones, too. A document as it was stored has `version`."""
        with self._transaction() as transaction:
            return _find(transaction, distributor_id)

    def get(self, distributor_id: str) -> Document:
        """Raises DistributorNotFound, also for a deleted one."""
        document = self.find(distributor_id)
        if document is None or document["deleted"]:
            raise DistributorNotFound(
                f"distributor_id {distributor_id} is not known",
                field="distributor_id",
                value=distributor_id,
            )
        return document

    def of_load_balancer(self, load_balancer_id: str) -> list[Document]:
        """Deleted ones first."""
        query = (
            sqlalchemy.select(_TABLE)
            .where(_TABLE.c.load_balancer_id == load_balancer_id)
            .order_by(_TABLE.c.deleted.desc(), _TABLE.c.id)
        )
        with self._transaction() as transaction:
            return [_document(row) for row in transaction.execute(query)]

    def all(self) -> list[Document]:
        """Deleted ones first."""
        query = sqlalchemy.select(_TABLE).order_by(_TABLE.c.deleted.desc(), _TABLE.c.id)
        with self._transaction() as transaction:
            return [_document(row) for row in transaction.execute(query)]

    def replace(self, before: Optional[Document], after: Document) -> None:
        """
        Stores `after` where `before`, with its version, is stored; null: where nothing is.

        The same call again changes nothing. Raises ConcurrentChange where something else is stored.
        """
        if before is not None and _content(before) == _content(after):
            return
        version = 0 if before is None else int(before["version"])
        with self._transaction() as transaction:
            if not _swap(transaction, version, after):
                now = _find(transaction, after["id"])
                if now is None or _content(now) != _content(after):
                    raise _changed_by_another(after["id"])

    def restore(self, before: Optional[Document], after: Document) -> None:
        """
        Undoes replace(before, after), or nothing if it was not done.

        What others changed since stays. What has been made becomes a deleted one, so that hosts
        delete it, too. Raises ConcurrentChange if others never stop changing it.
        """
        for _ in range(_TRIES):
            with self._transaction() as transaction:
                now = _find(transaction, after["id"])
                if now is None:
                    # Deleted everywhere, and forgotten; or never made; or deleted by others.
                    if before is None or not after["deleted"]:
                        return
                    version, content = 0, _content(before)
                else:
                    version = now["version"]
                    content = undone(_content(now), before and _content(before), _content(after))
                    if content == _content(now):
                        return
                if _swap(transaction, version, content):
                    return
        raise _changed_by_another(after["id"])

    def grow(self, document: Document, table_size: int) -> None:
        """Hosts' tables have grown, and never shrink. Nothing, if the record has changed since."""
        with self._transaction() as transaction:
            _swap(transaction, document["version"], {**document, "table_size": table_size})

    def forget(self, document: Document) -> None:
        """Of a deleted one, unless it has changed since."""
        query = sqlalchemy.delete(_TABLE).where(
            _TABLE.c.id == document["id"],
            _TABLE.c.version == document["version"],
            _TABLE.c.deleted.is_(True),
        )
        with self._transaction() as transaction:
            transaction.execute(query)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            if self._engine is None:
                # No connection is kept: the controller forks, and flows are rare.
                engine = sqlalchemy.create_engine(
                    self._connection, poolclass=sqlalchemy.pool.NullPool, future=True
                )
                _METADATA.create_all(engine, checkfirst=True)
                self._engine = engine
            with self._engine.begin() as transaction:
                yield transaction
        except (ArgumentError, ImportError) as error:
            # The first has the connection in its message, and tracebacks show causes, too.
            raise RecordsUnavailable(
                f"[xdp_distributor] connection cannot be used: {type(error).__name__}"
            ) from None
        except SQLAlchemyError as error:
            # Its message may have the connection, and with it a password; its class has neither.
            cause = getattr(error, "orig", None) or type(error).__name__
            raise RecordsUnavailable(f"the database of distributors: {cause}") from error


def _find(transaction: Any, distributor_id: str) -> Optional[Document]:
    query = sqlalchemy.select(_TABLE).where(_TABLE.c.id == distributor_id)
    row = transaction.execute(query).first()
    return None if row is None else _document(row)


def _swap(transaction: Any, version: int, after: Document) -> bool:
    values = {
        "id": after["id"],
        "load_balancer_id": after["load_balancer"]["id"],
        "version": version + 1,
        "deleted": after["deleted"],
        "document": json.dumps(_content(after)),
    }
    if version > 0:
        same = (_TABLE.c.id == after["id"]) & (_TABLE.c.version == version)
        update = sqlalchemy.update(_TABLE).where(same).values(**values)
        return bool(transaction.execute(update).rowcount)
    try:
        with transaction.begin_nested():
            transaction.execute(sqlalchemy.insert(_TABLE).values(**values))
    except IntegrityError:
        return False
    return True


def _document(row: Any) -> Document:
    return {**json.loads(row.document), "version": row.version}


def _changed_by_another(distributor_id: str) -> ConcurrentChange:
    return ConcurrentChange(
        f"distributor_id {distributor_id} was changed by another flow",
        field="distributor_id",
        value=distributor_id,
    )


def _content(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "version"}
