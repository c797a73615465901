"""Names and codes of companies that do not exist, and pass for nobody who does.

A name joins a colour or stuff to a thing no company is called after, in both languages. The codes
are well-formed: their check digits are right.
"""

from random import Random

from stdnum.cn import uscc
from stdnum.iso7064 import mod_97_10

_FIRST = (
    ("Paper", "纸"), ("Amber", "琥珀"), ("Tin", "锡"), ("Indigo", "靛"), ("Chalk", "白垩"),
    ("Copper", "赤铜"), ("Moss", "苔"), ("Saffron", "藏红"), ("Slate", "板岩"), ("Velvet", "天鹅绒"),
    ("Cobalt", "钴蓝"), ("Straw", "麦秆"), ("Pewter", "白镴"), ("Coral", "珊瑚"), ("Linen", "亚麻"),
    ("Ochre", "赭"), ("Jade", "碧玉"), ("Ember", "余烬"), ("Mist", "雾"), ("Cedar", "雪松"),
    ("Marble", "大理石"), ("Plum", "梅紫"), ("Quartz", "石英"), ("Sable", "貂黑"),
)  # fmt: skip
_SECOND = (
    ("Lighthouse", "灯塔"), ("Heron", "苍鹭"), ("Gable", "山墙"), ("Comet", "彗星"),
    ("Teapot", "茶壶"), ("Otter", "水獭"), ("Bridge", "拱桥"), ("Anvil", "铁砧"),
    ("Sparrow", "麻雀"), ("Harbour", "内港"), ("Orchard", "果园"), ("Compass", "罗盘"),
    ("Walrus", "海象"), ("Meadow", "草甸"), ("Lantern", "灯笼"), ("Glacier", "冰川"),
    ("Badger", "獾"), ("Windmill", "风车"), ("Tortoise", "陆龟"), ("Canyon", "峡谷"),
    ("Kettle", "铜釜"), ("Magpie", "喜鹊"), ("Sundial", "日晷"), ("Juniper", "杜松"),
    ("Puffin", "海鹦"),
)  # fmt: skip

# Section of GB/T 4754, and what a company of it is called.
_TRADES = (
    ("C", "Precision Machinery", "精密机械"),
    ("F", "Trading", "贸易"),
    ("C", "Foods", "食品"),
    ("G", "Logistics", "物流"),
    ("C", "Packaging", "包装"),
    ("I", "Software", "软件"),
    ("E", "Construction", "建设"),
    ("C", "Electronics", "电子"),
    ("M", "Laboratory Services", "检测技术"),
    ("C", "Textiles", "纺织"),
)

# Province, the code of a county-level place in it (GB/T 2260), and a subdivision of ISO 3166-2.
_PLACES = (
    ("440306", "CN-GD"),
    ("310115", "CN-SH"),
    ("320505", "CN-JS"),
    ("330106", "CN-ZJ"),
    ("370202", "CN-SD"),
    ("510107", "CN-SC"),
    ("420111", "CN-HB"),
    ("110108", "CN-BJ"),
)

_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
# Prefix of an issuer of LEIs that there is not.
_ISSUER = "XX99"


def name_of(k: int, rng: Random) -> tuple[str, str, str, str]:
    """English name, Chinese name, industry section and trade of company `k`; no two are alike."""
    first, first_zh = _FIRST[k % len(_FIRST)]
    second, second_zh = _SECOND[k * 7 % len(_SECOND)]
    industry, trade, trade_zh = rng.choice(_TRADES)
    turn = k // (len(_FIRST) * len(_SECOND))
    number, number_zh = (f" No. {turn + 1}", f"第{turn + 1}") if turn else ("", "")
    name = f"{first} {second} {trade}{number}"
    return name, f"{first_zh}{second_zh}{number_zh}{trade_zh}", industry, trade


def place(rng: Random) -> tuple[str, str]:
    """A county's code and the region it lies in."""
    return rng.choice(_PLACES)


def unified_code(county: str, rng: Random) -> str:
    """A unified social credit code (GB 32100-2015) with both its check digits (GB 11714-1997)."""
    body = "".join(rng.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(8))
    total = sum(int(c, 36) * weight for c, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    check = "0123456789X"[-total % 11]
    code = f"91{county}{body}{check}"
    return code + str(uscc.calc_check_digit(code))


def entity_code(rng: Random) -> str:
    """A legal entity identifier (ISO 17442) of an issuer that does not exist."""
    body = "".join(rng.choice("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(12))
    code = f"{_ISSUER}00{body}"
    return code + str(mod_97_10.calc_check_digits(code))
