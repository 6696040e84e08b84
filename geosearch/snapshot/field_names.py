"""Hints for missing and unknown columns: which field a column name probably means.

The hints only go into messages. The readers never accept a column under another name.
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from geosearch.snapshot.fields import Table
from geosearch.snapshot.rejects import RejectLog, shown

_CLOSE = 0.75
"""Least similarity (difflib's ratio) of a misspelt name and its field."""

_OTHER_NAMES: dict[str, str] = {
    "merchant_id": "id shopid storeid poiid 商户id 商户编号 店铺id 店铺编号 门店id 门店编号 编号",
    "deal_id": "id couponid offerid 优惠id 优惠编号 券id 券编号 编号",
    "program_id": "id cardid 卡id 卡号 卡编号 编号",
    "category_id": "id 分类id 类目id 编号",
    "name": "shopname merchantname storename 名称 店名 商户名 商户名称 店铺名称 门店名称 卡名",
    "branch_name": "branch 分店 分店名",
    "lat": "latitude y 纬度",
    "lng": "lon long longitude x 经度",
    "categories": "category kind type 分类 类目 类别",
    "brand": "chain 品牌",
    "merchant_ids": "merchantid merchants shops 商户id 商户编号 适用门店",
    "offer_type": "type kind 优惠类型 类型",
    "percent": "discount off 折扣 优惠比例",
    "amount": "减免金额 立减 优惠金额",
    "price": "售价 价格 现价",
    "list_price": "原价",
    "face_value": "面值",
    "min_spend": "threshold 门槛 起用金额 最低消费",
    "address": "地址",
    "city": "城市",
    "district": "区 区县 行政区",
    "business_area": "商圈",
    "opening_hours": "hours openhours 营业时间",
    "rating": "score stars 评分",
    "avg_price": "price averageprice 人均 人均消费 均价",
    "tags": "tag 标签",
    "phone": "tel telephone 电话",
    "title": "name 标题 名称",
    "valid_from": "startdate from 开始日期 生效日期",
    "valid_through": "enddate until validuntil validto 结束日期 截止日期 有效期",
    "use_hours": "可用时间 使用时间",
    "stock": "库存",
    "status": "状态",
    "fee": "年费",
    "names": "name 名称",
}
"""Other names of each field, in English and Chinese, folded by `_folded`."""


def field_like(name: str, table: Table, taken: Collection[str] = ()) -> str | None:
    """Return the field that a column name probably means; None if no field is similar.

    Parameters
    ----------
    taken
        Fields of other columns, which are not candidates.

    Examples
    --------
    >>> from geosearch.snapshot.tables import MERCHANTS
    >>> [field_like(name, MERCHANTS) for name in ("Latitude", "经度", "catgories", "colour")]
    ['lat', 'lng', 'categories', None]
    """
    folded = _folded(name)
    fields = [field.name for field in table.fields if field.name not in taken]
    for field in fields:
        if folded == _folded(field) or folded in _OTHER_NAMES.get(field, "").split():
            return field
    by_name = {_folded(field): field for field in fields}
    close = get_close_matches(folded, by_name, n=1, cutoff=_CLOSE)
    return by_name[close[0]] if close else None


def missing_fields(names: Iterable[str], table: Table) -> tuple[str, str] | None:
    """Return the missing required fields, and a question about columns that may hold them.

    None if no field is missing. The question is empty if no column is similar.

    Examples
    --------
    >>> from geosearch.snapshot.tables import MERCHANTS
    >>> missing_fields(["merchant_id", "店名", "lat", "lon"], MERCHANTS)
    ('`name`, `lng`', ' (is "店名" `name`, "lon" `lng`?)')
    """
    columns = list(names)
    missing = [f.name for f in table.fields if f.required and f.name not in columns]
    if not missing:
        return None
    likely = {}
    for column in columns:
        field = None if column in table.names() else field_like(column, table, columns)
        if field in missing and field not in likely:
            likely[field] = f"{shown(column)} `{field}`"
    question = f" (is {', '.join(likely.values())}?)" if likely else ""
    return ", ".join(f"`{name}`" for name in missing), question


def warn_unknown_field(log: RejectLog, table: Table, line: int, name: str) -> None:
    """Log a warning about an unknown column, with the field that it probably means."""
    field = field_like(name, table)
    question = f" - is it `{field}`?" if field else ""
    sentence = f"Expected a field of table `{table.name}`, got `{name}`, which is ignored{question}"
    log.warn(table.name, line, "unknown_field", sentence)


def _folded(name: str) -> str:
    """Return the letters and digits of the name, in lower case.

    Examples
    --------
    >>> _folded("Merchant ID "), _folded("门店-编号")
    ('merchantid', '门店编号')
    """
    return "".join(sign for sign in name.lower() if sign.isalnum())
