"""Names that people give to markets -> the calendar of exchange_calendars that has their sessions.

Only a market's own names lead to it; alike letters do not.
"""

from __future__ import annotations

from collections.abc import Sequence

MARKETS: dict[str, str] = {
    "XBOM": "NSE XNSE NSEI NSEINDIA NIFTY NIFTY50 BANKNIFTY INDIA BOMBAY BSEINDIA SENSEX NFO",
    "XNYS": "NYSEARCA ARCA AMEX NYSEAMERICAN NASDAQGS NASDAQGM NASDAQCM NMS NYQ US USA USEQUITIES IEX XNGS XNMS SP500",
    "XLON": "LONDON UK XLSE FTSE",
    "XTKS": "TSE TYO TOKYO JAPAN XJPX JPXTSE TOPIX NIKKEI",
    "XHKG": "HKG SEHK HK HONGKONG XHKEX HKSE",
    "XSHG": "SHA SHSE SHANGHAI CHINA SZSE XSHE SZE SHENZHEN XSZE",
    "XTSE": "TORONTO CANADA TSXV",
    "XETR": "XETRA ETR",
    "XFRA": "FRANKFURT",
    "XEUR": "EUREX",
    "XPAR": "PARIS EURONEXTPARIS EPA",
    "XAMS": "AMSTERDAM EURONEXTAMSTERDAM AEX",
    "XBRU": "BRUSSELS EURONEXTBRUSSELS",
    "XLIS": "LISBON EURONEXTLISBON",
    "XMIL": "MILAN BORSAITALIANA MTA",
    "XMAD": "MADRID BME",
    "XSWX": "SWX ZURICH SWISS XVTX",
    "XSTO": "STOCKHOLM OMXS OMXSTOCKHOLM",
    "XCSE": "COPENHAGEN OMXC",
    "XHEL": "HELSINKI OMXH",
    "XOSL": "OSLO",
    "XWAR": "WARSAW GPW",
    "XIST": "BIST ISTANBUL",
    "XMOS": "MOEX MOSCOW MISX RTS",
    "XASX": "SYDNEY AUSTRALIA",
    "XNZE": "NZX",
    "XKRX": "KRX KSE KOSPI KOREA KOSDAQ XKOS",
    "XTAI": "TWSE TAIWAN TPE",
    "XSES": "SGX SINGAPORE",
    "XIDX": "IDX JAKARTA INDONESIA",
    "XKLS": "KLSE BURSA BURSAMALAYSIA",
    "XBKK": "SET BANGKOK THAILAND",
    "XPHS": "PSE MANILA",
    "XKAR": "PSX KARACHI PAKISTAN",
    "XSAU": "TADAWUL SAUDI",
    "XTAE": "TLV TELAVIV",
    "XJSE": "JSE JOHANNESBURG",
    "BVMF": "BOVESPA B3 XBSP BRAZIL IBOV",
    "XMEX": "BMV MEXICO",
    "XBUE": "BCBA BUENOSAIRES MERVAL",
    "CMES": "GLOBEX CMEGLOBEX XCME ES NQ EMINI XCBT XNYM XCEC FUTURES",
    "24/7": "CRYPTO BTC COINS COIN BINANCE BYBIT OKX KRAKEN COINBASE BITFINEX BITSTAMP KUCOIN ALWAYS 247 ALWAYSOPEN",
    "24/5": "FX FOREX CURRENCY CURRENCIES OANDA FXCM DUKASCOPY IDEALPRO METATRADER 245 XFX",
}
"""Calendar -> names without punctuation."""


def suggestion(name: str, known: Sequence[str]) -> str | None:
    """The calendar of the market called `name`.

    Parameters
    ----------
    name : as a person types it, in any letter case.
    known : the names of exchange_calendars.

    Returns
    -------
    str or None
        None where no market is called so.
    """
    word = "".join(c for c in name.upper() if c.isalnum())
    for calendar in known:
        if word and word == "".join(c for c in calendar.upper() if c.isalnum()):
            return calendar
    return next((calendar for calendar, words in MARKETS.items() if word in words.split()), None)
