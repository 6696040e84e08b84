"""Made-up cards, and the share of shops that accept each: a paid card, bank cards, memberships.

Source: the paid card follows public information about 小红卡 (a yearly fee of 168 yuan, and 10 to
20 % off at selected shops); everything else is invented.
"""

from datetime import date, timedelta
from typing import NamedTuple


class Program(NamedTuple):
    """One row of `programs`; `share` of the shops accept it, dates are days from the snapshot."""

    program_id: str
    name: str
    kind: str
    status: str
    fee: int
    share: float
    from_day: int | None
    through_day: int | None
    how_to_redeem: str


PROGRAMS: tuple[Program, ...] = (
    Program(
        "red",
        "小红卡",
        "membership",
        "ACTIVE",
        16_800,
        0.03,
        -420,
        None,
        "买单前在“我的-红卡”出示动态码",
    ),
    Program(
        "harbor-bank",
        "海港银行信用卡",
        "bank_card",
        "ACTIVE",
        0,
        0.16,
        None,
        None,
        "用海港银行信用卡扫码付款",
    ),
    Program(
        "river-bank",
        "江畔银行白金卡",
        "bank_card",
        "ACTIVE",
        36_000,
        0.08,
        None,
        None,
        "到店出示白金卡后付款",
    ),
    Program(
        "cloud-pay",
        "云桥支付",
        "bank_card",
        "ACTIVE",
        0,
        0.30,
        None,
        None,
        "付款时选择云桥支付,次日返现",
    ),
    Program(
        "saver-plus", "省省会员", "platform", "ACTIVE", 9_900, 0.06, -200, None, "在省省应用内买单"
    ),
    Program(
        "spring-voucher",
        "乐购消费券",
        "government_voucher",
        "ACTIVE",
        0,
        0.08,
        -20,
        40,
        "先领券,付款时自动抵扣",
    ),
    Program(
        "star-mobile", "星际移动会员", "membership", "ACTIVE", 0, 0.05, None, None, "报手机号核销"
    ),
    Program(
        "campus", "校园卡", "membership", "ACTIVE", 0, 0.02, -80, 220, "出示学生证或电子校园卡"
    ),
    Program(
        "museum-friends",
        "博物馆之友",
        "membership",
        "ACTIVE",
        20_000,
        0.0005,
        None,
        None,
        "出示会员卡",
    ),
    Program("city-pass", "城市通卡", "platform", "SUSPENDED", 5_000, 0.012, None, None, "暂停使用"),
    Program("expo-card", "会展纪念卡", "membership", "ENDED", 0, 0.008, -700, -30, "已结束"),
)

SHARES: dict[str, float] = {program.program_id: program.share for program in PROGRAMS}
"""Share of shops with a deal of each card."""


def rows(today: date) -> list[dict[str, object]]:
    """Return the rows of `programs` for a snapshot made `today`."""
    return [_row(program, today) for program in PROGRAMS]


def _row(program: Program, today: date) -> dict[str, object]:
    row: dict[str, object] = {
        "program_id": program.program_id,
        "name": program.name,
        "kind": program.kind,
        "status": program.status,
        "fee": program.fee,
        "how_to_redeem": program.how_to_redeem,
        "url": f"https://cards.example/{program.program_id}",
    }
    for name, day in (("valid_from", program.from_day), ("valid_through", program.through_day)):
        if day is not None:
            row[name] = (today + timedelta(days=day)).isoformat()
    return row
