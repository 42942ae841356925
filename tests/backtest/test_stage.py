"""The stage as a whole: what it writes, from which rows, and what it says."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest.metrics import FORMULAS
from hfm.errors import DataError, UsageError
from hfm.ledger import reasons
from tests.backtest import market


def noise(quoted: pa.Table, seed: int = 3, sd: float = 0.05) -> np.ndarray:
    return 0.5 + np.random.default_rng(seed).normal(0, sd, quoted.num_rows)


def as_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.fixture(scope="module")
def quoted() -> pa.Table:
    return market.walk(["AAA", "BBB"], 12, 20)


@pytest.fixture(scope="module")
def result(quoted: pa.Table):  # type: ignore[no-untyped-def]
    keep = np.arange(quoted.num_rows) >= 4 * 40
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.51}, keep)
    return market.run(quoted, predicted, threshold="0.55")


def test_every_table_keeps_its_schema(result) -> None:  # type: ignore[no-untyped-def]
    """Order, uniqueness, units; the quotes' meta; simulated throughout."""
    out, _ = result
    for name, table in (("ledger", tables.LEDGER), ("trades", tables.TRADES), ("trials", tables.TRIALS)):
        tables.check(out[name], table)
        assert tables.header(out[name].schema)["meta"]["symbols"] == ["AAA", "BBB"]
        assert set(tables.provenance(out[name].schema).values()) == {"simulated"}


def test_only_sessions_with_predictions_are_traded(result, quoted: pa.Table) -> None:  # type: ignore[no-untyped-def]
    """In-sample sessions are not in the ledger, the trials or the span."""
    out, _ = result
    assert out["ledger"].num_rows == 8 * 40
    assert out["trials"].num_rows == 8 * 2 * 11
    assert out["metrics"]["span"]["first"] == str(market.days(12)[4])
    assert out["metrics"]["span"]["sessions"] == 8


def test_ledger_trades_and_costs_add_up(result) -> None:  # type: ignore[no-untyped-def]
    """The trades' net, the ledger's net and the change of equity are the same number."""
    out, _ = result
    ledger, trades = tables.arrays(out["ledger"]), tables.arrays(out["trades"])
    last = ledger["equity"][np.argsort(ledger["time"], kind="stable")][-1]
    assert ledger["net_pnl"].sum() == pytest.approx(last - 1e6, abs=1e-3)
    assert trades["net"].sum() == pytest.approx(last - 1e6, abs=1e-3)
    costs = out["metrics"]["costs"]
    assert costs["net"] == pytest.approx(last - 1e6, abs=1e-3)
    assert costs["gross"] - costs["spread"] - costs["fee"] - costs["impact"] == pytest.approx(costs["net"], abs=1e-6)
    assert out["metrics"]["metrics"]["return_net"]["value"] == pytest.approx(last / 1e6 - 1)


def test_the_users_trial_is_the_ledgers(result) -> None:  # type: ignore[no-untyped-def]
    """At the base fill the user's rows in trials are the ledger by session and symbol."""
    out, _ = result
    trials, ledger = tables.arrays(out["trials"]), tables.arrays(out["ledger"])
    mine = trials["user"].astype(bool)
    assert set(trials["trial"][mine]) == {"p0.55"}
    by_session = ledger["net_pnl"].reshape(16, 20).sum(axis=1)
    np.testing.assert_allclose(trials["net_return"][mine], by_session / 1e6, atol=1e-12)
    held = (ledger["position"] * ledger["mark"]).reshape(16, 20).mean(axis=1)
    np.testing.assert_allclose(trials["exposure"][mine], held / 1e6, atol=1e-12)


def test_a_signal_is_filled_at_the_next_open(result, quoted: pa.Table) -> None:  # type: ignore[no-untyped-def]
    """Row by row: the open's fill brings the position to the target that the row before left."""
    out, _ = result
    ledger = tables.arrays(out["ledger"])
    inside = ledger["seq"][1:] > 0
    after_open = ledger["position"] - ledger["qty_close"]
    np.testing.assert_array_equal(after_open[1:][inside], ledger["target"][:-1][inside])
    filled = ledger["qty_open"] != 0
    half = np.abs(ledger["px_open"] - ledger["mid_at_open"])[filled] * np.abs(ledger["qty_open"][filled])
    assert (half > 0).all()
    assert not ledger["position"][ledger["seq"] == 19].any()


def test_every_metric_is_whole(result) -> None:  # type: ignore[no-untyped-def]
    """All keys, a known formula, a reason where there is no value; JSON without NaN."""
    out, _ = result
    sheet = out["metrics"]["metrics"]
    needed = {
        "accuracy_direction", "accuracy_spread", "return_net", "return_gross", "return_hold", "return_hold_matched",
        "sharpe", "sharpe_bar", "sortino", "max_drawdown", "hit_rate", "profit_factor", "payoff", "exposure",
        "turnover", "break_even_cost_bps", "trips", "accuracy_traded",
    }  # fmt: skip
    assert needed <= set(sheet)
    for name, entry in sheet.items():
        assert set(entry) == {"label", "value", "unit", "n", "lo", "hi", "floor", "floor_label", "formula", "note"}
        assert entry["formula"] in FORMULAS
        assert entry["value"] is not None or entry["note"], name
        if entry["lo"] is not None:
            assert entry["lo"] <= entry["value"] <= entry["hi"]
    json.dumps(out["metrics"], allow_nan=False)


def test_the_headlines_have_their_floor_and_error_bar_in_words(result) -> None:  # type: ignore[no-untyped-def]
    """Direction, spread, return, Sharpe, drawdown."""
    _, ctx = result
    text = "\n".join(ctx.lines)
    floor = ctx.figures["accuracy_direction"]["floor_label"]
    for word in ("direction accuracy", floor, "spread-widening accuracy", "rule", "return net", "buy-and-hold",
                 "Sharpe", "max drawdown", "break-even cost"):  # fmt: skip
        assert word in text
    assert ctx.figures["accuracy_direction"]["floor"] is not None


def test_each_member_of_the_family_is_an_event(result) -> None:  # type: ignore[no-untyped-def]
    """With policy, cost, span and symbols, which make its key."""
    out, ctx = result
    assert [e["trial"] for e in ctx.events] == sorted(set(tables.arrays(out["trials"])["trial"]))
    assert all(e["event"] == "trial" and e["symbols"] == ["AAA", "BBB"] and len(e["span"]) == 2 for e in ctx.events)
    assert len({json.dumps(e["policy"]) for e in ctx.events}) == 11


def test_cost_and_delay_curves_pass_through_the_result(result) -> None:  # type: ignore[no-untyped-def]
    """Multiplier 1 and lag 0 are what was earned; multiplier 0 is gross."""
    out, _ = result
    doc = out["metrics"]
    cost = {c["multiplier"]: c["net_return"] for c in doc["sensitivity"]["cost"]}
    assert cost[1.0] == pytest.approx(doc["metrics"]["return_net"]["value"])
    assert cost[0.0] == pytest.approx(doc["metrics"]["return_gross"]["value"])
    assert list(cost.values()) == sorted(cost.values(), reverse=True)
    assert [d["lag"] for d in doc["sensitivity"]["delay"]] == [0, 1, 2, 3]
    assert doc["sensitivity"]["delay"][0]["net_return"] == pytest.approx(cost[1.0])


def test_foreseen_moves_earn_and_delay_destroys_it(quoted: pa.Table) -> None:
    """An oracle of the next row's move: accuracy 1, profit at lag 0, none at lag 1."""
    q = tables.arrays(quoted)
    ahead = np.append(q["mid_close"][1:] > q["mid_close"][:-1], False)
    predicted = market.predictions(quoted, {"lstm": np.where(ahead, 0.9, 0.1), "constant": 0.5})
    out, _ = market.run(quoted, predicted, fee_bps=0.0, impact=0.0, spread_share=0.0)
    doc = out["metrics"]
    assert doc["metrics"]["accuracy_direction"]["value"] == 1.0
    assert doc["metrics"]["permutation_p"]["value"] < 0.01
    delay = [d["gross_return"] for d in doc["sensitivity"]["delay"]]
    assert delay[0] > 0.05
    assert max(delay[1:]) < 0.3 * delay[0]


def test_when_nothing_trades_it_says_so_with_what_would(quoted: pa.Table) -> None:
    """The largest P, and the quantiles with their rows; ratios are null with a reason, not 0 or nan."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted, sd=0.01), "constant": 0.5})
    out, ctx = market.run(quoted, predicted, threshold="0.6")
    doc = out["metrics"]
    assert out["trades"].num_rows == 0
    tables.check(out["trades"], tables.TRADES)
    text = " ".join(doc["messages"])
    assert "nothing traded: threshold 0.6: 0 of 480 rows" in text
    assert f"{doc['largest_p']['up']:.4f}" in text
    assert "--threshold q97.5" in text
    assert doc["metrics"]["sharpe"]["value"] is None
    assert "no variance" in doc["metrics"]["sharpe"]["note"]
    assert doc["metrics"]["return_net"]["value"] == 0
    assert all(text in ctx.lines for text in doc["messages"])


def test_plain_buy_and_hold_counts_dividends(quoted: pa.Table) -> None:
    """One symbol, a dividend on the second session: the hold earns it."""
    one = market.walk(["AAA"], 3, 5, seed=8)
    paid = np.zeros(15)
    paid[5] = 1.0
    with_dividend = one.set_column(
        one.column_names.index("cash_dividend"), one.schema.field("cash_dividend"), pa.array(paid)
    )
    q = tables.arrays(one)
    plain = q["mid_close"][-1] / q["mid_open"][0] - 1
    a, _ = market.run(one, market.predictions(one, {"lstm": 0.5}))
    b, _ = market.run(with_dividend, market.predictions(with_dividend, {"lstm": 0.5}))
    assert a["metrics"]["metrics"]["return_hold"]["value"] == pytest.approx(plain)
    assert b["metrics"]["metrics"]["return_hold"]["value"] > plain + 0.009


def test_always_long_matches_its_own_hold(quoted: pa.Table) -> None:
    """Without costs, long all hours traded is the hold at matched exposure, to whole shares and compounding."""
    one = market.walk(["AAA"], 8, 30, seed=11)
    out, _ = market.run(one, market.predictions(one, {"lstm": 0.9}), fee_bps=0.0, impact=0.0, spread_share=0.0)
    sheet = out["metrics"]["metrics"]
    spread = out["metrics"]["costs"]["spread"] / 1e6
    exposure = sheet["exposure"]["value"]
    assert 0.9 < exposure < 1.0
    net = sheet["return_net"]["value"] + spread
    assert sheet["return_hold_matched"]["value"] == pytest.approx(net * exposure, rel=0.15, abs=2e-3)


def test_the_default_model_is_the_predictions_own(quoted: pa.Table) -> None:
    """And --model takes another."""
    predicted = market.predictions(quoted, {"logistic": noise(quoted), "constant": 0.5})
    assert market.run(quoted, predicted)[0]["metrics"]["model"] == "logistic"
    assert market.run(quoted, predicted, model="constant")[0]["metrics"]["model"] == "constant"


def test_a_mismatch_is_a_data_error(quoted: pa.Table) -> None:
    """Named by its first row."""
    predicted = market.predictions(quoted, {"lstm": 0.6})
    with pytest.raises(DataError, match="AAA 2024-03-04 seq 3"):
        market.run(quoted.filter(pa.array(np.arange(480) != 3)), predicted)


def test_no_predictions_at_all_is_a_data_error(quoted: pa.Table) -> None:
    """Too few sessions to have trained out of sample."""
    predicted = market.predictions(quoted, {"lstm": 0.6}, np.zeros(480, bool))
    with pytest.raises(DataError, match="no out-of-sample predictions"):
        market.run(quoted, predicted)


@pytest.mark.parametrize("what", ["nan_prices", "one_slot", "constant", "no_volume", "no_close_row"])
def test_odd_markets_give_finite_ledgers(what: str) -> None:
    """All NaN prices, one bar a session, a constant price, no volume, a missing last row in every session."""
    slots = 1 if what == "one_slot" else 6
    quoted = market.walk(["AAA"], 5, slots, sd=0.0 if what == "constant" else 1e-3)
    n = quoted.num_rows
    if what == "nan_prices":
        for name in ("mid_open", "mid_close", "bid_open", "ask_open", "bid_close", "ask_close"):
            place = quoted.column_names.index(name)
            quoted = quoted.set_column(place, quoted.schema.field(name), pa.array(np.full(n, np.nan)))
    if what == "no_volume":
        place = quoted.column_names.index("volume")
        quoted = quoted.set_column(place, quoted.schema.field("volume"), pa.array(np.zeros(n)))
    if what == "no_close_row":
        quoted = quoted.filter(pa.array(np.arange(n) % slots != slots - 1))
    out, _ = market.run(quoted, market.predictions(quoted, {"lstm": noise(quoted, sd=0.3), "constant": 0.5}))
    ledger = tables.arrays(out["ledger"])
    assert np.isfinite(ledger["equity"]).all()
    assert tables.arrays(out["trades"])["net"].sum() == pytest.approx(ledger["equity"][-1] - 1e6, abs=1e-3)
    json.dumps(out["metrics"], allow_nan=False)


def test_the_same_run_twice_is_byte_identical(quoted: pa.Table) -> None:
    """Tables and metrics."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.5})
    a, _ = market.run(quoted, predicted, threshold="q80")
    b, _ = market.run(quoted, predicted, threshold="q80")
    assert json.dumps(a["metrics"]) == json.dumps(b["metrics"])
    for name in ("ledger", "trades", "trials"):
        assert as_bytes(a[name]) == as_bytes(b[name])


@pytest.mark.parametrize("fill", ["next-open", "next-mid", "cross", "passive"])
@pytest.mark.parametrize("sizing", ["fixed", "vol", "kelly"])
def test_every_fill_and_size_adds_up(quoted: pa.Table, fill: str, sizing: str) -> None:
    """Trades, ledger and equity agree; the family is the same under all of them."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.5})
    out, _ = market.run(quoted, predicted, threshold="0.55", fill=fill, sizing=sizing)
    ledger, trades = tables.arrays(out["ledger"]), tables.arrays(out["trades"])
    assert trades["net"].sum() == pytest.approx(ledger["net_pnl"].sum(), abs=1e-3)
    assert len(trades["net"]) > 0
    base, _ = market.run(quoted, predicted, threshold="0.55")
    assert as_bytes(out["trials"]) == as_bytes(base["trials"])
    assert fill in json.dumps(out["metrics"]["trial"])


def test_a_fill_at_the_signals_own_close_must_be_asked_for_by_name(quoted: pa.Table) -> None:
    """A usage error; with --allow-lookahead a watermark in the tables, the metrics, the summary and a warning."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.5})
    with pytest.raises(UsageError, match="--fill close"):
        market.run(quoted, predicted, fill="close")
    out, ctx = market.run(quoted, predicted, fill="close", allow_lookahead=True)
    assert out["metrics"]["lookahead"] is True
    assert tables.header(out["ledger"].schema)["meta"]["lookahead"] is True
    assert "LOOK-AHEAD" in ctx.warnings[0]
    assert "LOOK-AHEAD" in "".join(ctx.lines)
    assert "lookahead" not in tables.header(market.run(quoted, predicted)[0]["ledger"].schema)["meta"]


def test_it_says_whether_the_accuracy_pays_for_its_trading(quoted: pa.Table) -> None:
    """Noise does not; an oracle does, where fills are cheap."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.5})
    assert "does not pay for its trading" in market.run(quoted, predicted)[0]["metrics"]["messages"][0]
    q = tables.arrays(quoted)
    ahead = np.append(q["mid_close"][1:] > q["mid_close"][:-1], False)
    oracle = market.predictions(quoted, {"lstm": np.where(ahead, 0.9, 0.1), "constant": 0.5})
    said = market.run(quoted, oracle, fill="next-mid", impact=0.0)[0]["metrics"]["messages"][0]
    assert "right in 100.0 % of the rows with a signal" in said
    assert "filled at mids, which nobody is offered" in said
    assert said.endswith("it would pay for its trading, could it be had at these prices")
    cheap = market.run(quoted, oracle, fill="next-open", impact=0.0, spread_share=0.0)[0]["metrics"]["messages"][0]
    assert cheap.endswith("it pays for its trading")


def test_a_queue_needs_a_book(quoted: pa.Table) -> None:
    """Bars do not know who stood before us."""
    with pytest.raises(UsageError, match=r"backtest\.queue needs"):
        market.run(quoted, market.predictions(quoted, {"lstm": 0.6}), fill="passive", queue=True)


def test_limits_that_fired_are_counted_and_said(quoted: pa.Table) -> None:
    """In metrics.json by name, and in a line."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.5})
    out, ctx = market.run(quoted, predicted, threshold="0.52", max_position=100.0, max_gross=0.015, daily_loss=1e-5)
    assert {"max position", "max gross", "daily loss"} <= set(out["metrics"]["reasons"])
    assert any("limits fired: max position in" in line for line in ctx.lines)
    ledger = tables.arrays(out["ledger"])
    assert np.abs(ledger["position"]).max() == 100
    counted = (ledger["reason"] & reasons.MAX_POSITION != 0).sum()
    assert out["metrics"]["reasons"]["max position"] == counted


def test_positions_held_overnight_are_carried_by_the_tables(quoted: pa.Table) -> None:
    """Trades may span sessions; borrow is paid; the rows of trades stay in order and add up."""
    n = quoted.num_rows
    p = np.where((np.arange(n) // 20) % 3 == 0, 0.2, 0.8)
    out, _ = market.run(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5}), hold_overnight=True)
    ledger, trades = tables.arrays(out["ledger"]), tables.arrays(out["trades"])
    tables.check(out["trades"], tables.TRADES)
    assert (trades["exit_session"] > trades["session"]).any()
    assert out["metrics"]["costs"]["borrow"] > 0
    last = ledger["equity"][np.argsort(ledger["time"], kind="stable")][-1]
    assert trades["net"].sum() == pytest.approx(last - 1e6, abs=1e-3)
    assert (trades["reason"] == reasons.OPEN_AT_END).sum() == 2


def test_an_interval_over_sessions_needs_sessions_that_traded(quoted: pa.Table) -> None:
    """Two traded sessions give a value, a reason, and no interval."""
    p = np.full(quoted.num_rows, 0.5)
    p[[45, 205]] = 0.9
    sheet = market.run(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5}))[0]["metrics"]["metrics"]
    for name in ("return_net", "sharpe", "break_even_cost_bps"):
        assert sheet[name]["value"] is not None
        assert sheet[name]["lo"] is None
        assert "2 of 12 sessions traded" in sheet[name]["note"]


class Groups(tables.MemoryReader):
    """A reader of one group for every `sessions` sessions."""

    def __init__(self, content: pa.Table, sessions: int) -> None:
        super().__init__(content)
        self.parts = []
        borders = tables.blocks(content, ("session",))
        cuts = sorted({*borders[::sessions].tolist(), int(borders[-1])})
        for a, b in itertools.pairwise(cuts):
            self.parts.append(content.slice(a, b - a))

    def groups(self, columns=None, only=None):  # type: ignore[no-untyped-def]
        return itertools.chain.from_iterable(tables.MemoryReader(part).groups(columns, only) for part in self.parts)


@pytest.mark.parametrize("settings", [{}, {"hold_overnight": True, "fill": "passive"}, {"max_drawdown": 0.001}])
def test_row_groups_change_nothing(quoted: pa.Table, settings: dict[str, object]) -> None:
    """One group or many: the same ledger, trades, trials and metrics; the state carries all there is."""
    predicted = market.predictions(quoted, {"lstm": noise(quoted), "constant": 0.5}, np.arange(480) >= 120)
    whole, _ = market.run(quoted, predicted, threshold="0.52", **settings)
    parts, _ = market.run(Groups(quoted, 2), Groups(predicted, 3), threshold="0.52", **settings)
    for name in ("ledger", "trades", "trials"):
        tables.check(parts[name], tables.TABLES[name])
        merged = parts[name].unify_dictionaries().combine_chunks()
        for column in merged.column_names:
            np.testing.assert_array_equal(*(tables.column_array(t.column(column)) for t in (merged, whole[name])))
    assert json.dumps(whole["metrics"]) == json.dumps(parts["metrics"])


def test_predictions_of_one_row_in_k_are_named(quoted: pa.Table) -> None:
    """No position is held between them: another policy than that on every row, and the user is told."""
    for stride in (0, 3):
        predicted = market.predictions(
            quoted, {"lstm": noise(quoted)}, np.arange(quoted.num_rows) % max(stride, 1) == 0
        )
        head = tables.header(predicted.schema)
        head["meta"] |= {"stride": stride} if stride else {}
        predicted = predicted.replace_schema_metadata({**predicted.schema.metadata, b"hfm": json.dumps(head).encode()})
        _, ctx = market.run(quoted, predicted, threshold="0.55")
        assert [w for w in ctx.warnings if "one row in 3" in w] == [w for w in ctx.warnings if "train.rows" in w]
        assert any("train.rows" in w for w in ctx.warnings) == (stride > 0)
