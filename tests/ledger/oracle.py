"""The ledger once more, in decimal arithmetic and plain sentences: the reference for every rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal, getcontext

import numpy as np

from hfm.config import Backtest
from hfm.ledger.ledger_records import Record

getcontext().prec = 50
ZERO = Decimal(0)


@dataclass
class Book:
    """One symbol's."""

    qty: Decimal = ZERO
    mark: Decimal = ZERO
    target: Decimal = ZERO
    session: int = -1


@dataclass
class Ledger:
    """Takes rows in time order; `lines` collects what the kernel would write, as decimals."""

    settings: Backtest
    symbols: int
    books: list[Book] = field(default_factory=list)
    lines: list[dict[str, Decimal]] = field(default_factory=list)
    session: int = -1

    def __post_init__(self) -> None:
        self.cash = self.opening = Decimal(self.settings.cash)
        self.books = [Book() for _ in range(self.symbols)]

    def equity(self) -> Decimal:
        return self.cash + sum((b.qty * b.mark for b in self.books), ZERO)

    def take(self, row: Record) -> None:
        book, session = self.books[int(row["symbol"])], int(row["session"])
        line = dict.fromkeys(("spread", "fee", "impact", "borrow", "dividend", "gross"), ZERO)
        if session != self.session:
            self.session, self.opening = session, self.equity()
        if session != book.session:
            self.night(book, session, row, line)
        if book.target != book.qty and quoted(row, "open"):
            mid = Decimal(row["mid_open"])
            line["gross"] += book.qty * (mid - book.mark)
            book.mark = mid
            half = (Decimal(row["ask_open"]) - Decimal(row["bid_open"])) / 2
            self.fill(book, book.target - book.qty, mid, half * Decimal(self.settings.spread_share), row, line)
        if fine(row["mid_close"]):
            mid = Decimal(row["mid_close"])
            line["gross"] += book.qty * (mid - book.mark)
            book.mark = mid
        if row["is_last"]:
            book.target = ZERO
            if book.qty and quoted(row, "close"):
                mid = Decimal(row["mid_close"])
                half = mid - Decimal(row["bid_close"]) if book.qty > 0 else Decimal(row["ask_close"]) - mid
                self.fill(book, -book.qty, mid, half, row, line)
        else:
            self.aim(book, row)
        line["net"] = line["gross"] - line["spread"] - line["fee"] - line["impact"] - line["borrow"] + line["dividend"]
        self.lines.append(line | {"cash": self.cash, "position": book.qty, "equity": self.equity()})

    def night(self, book: Book, session: int, row: Record, line: dict[str, Decimal]) -> None:
        nights, book.session, book.target = session - book.session, session, ZERO
        if not book.qty:
            return
        if book.qty < 0:
            line["borrow"] = -book.qty * book.mark * Decimal(self.settings.borrow) * nights / 365
        line["dividend"] = book.qty * Decimal(row["cash_dividend"])
        self.cash += line["dividend"] - line["borrow"]

    def fill(
        self, book: Book, qty: Decimal, mid: Decimal, half: Decimal, row: Record, line: dict[str, Decimal]
    ) -> None:
        push = ZERO
        if row["adv"] > 0:
            share = abs(qty) / Decimal(row["adv"])
            push = mid * Decimal(self.settings.impact) * Decimal(row["sigma_day"]) * share.sqrt()
        price = mid + (half + push) * (1 if qty > 0 else -1)
        fee = abs(qty) * price * Decimal(self.settings.fee_bps) / 10_000
        self.cash -= qty * price + fee
        book.qty += qty
        line["spread"] += abs(qty) * half
        line["impact"] += abs(qty) * push
        line["fee"] += fee

    def aim(self, book: Book, row: Record) -> None:
        side = int(np.sign(row["target"]))
        if side == 0:
            book.target = ZERO
        elif side * book.target <= 0 and fine(row["mid_close"]):
            worth = max(self.opening * Decimal(self.settings.size) / self.symbols, ZERO)
            book.target = side * (worth / Decimal(row["mid_close"])).to_integral_value(rounding="ROUND_FLOOR")


def fine(price: float) -> bool:
    return math.isfinite(price) and price > 0


def quoted(row: Record, when: str) -> bool:
    bid, mid, ask = (row[f"{side}_{when}"] for side in ("bid", "mid", "ask"))
    return fine(bid) and fine(mid) and fine(ask) and bid <= mid <= ask
