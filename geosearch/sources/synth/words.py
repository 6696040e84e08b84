"""Words for the names of made-up shops, chains, malls and streets, in Chinese and English.

A likeness to a real shop is chance.

Source: written for this project.
"""

# Characters, each with the English word for bilingual names.
_HEADS = """
云 Cloud,山 Hill,月 Moon,竹 Bamboo,松 Pine,青 Green,白 White,南 South,
北 North,东 East,西 West,春 Spring,秋 Autumn,晴 Sunny,雨 Rain,雪 Snow,
风 Wind,星 Star,海 Sea,江 River,湖 Lake,溪 Brook,石 Stone,木 Wood,
花 Flower,叶 Leaf,麦 Wheat,禾 Grain,橘 Orange,桃 Peach,梅 Plum,荷 Lotus,
兰 Orchid,桂 Laurel,鹿 Deer,鹤 Crane,燕 Swallow,鱼 Fish,象 Elephant,熊 Bear,
猫 Cat,兔 Rabbit,光 Light,火 Fire,金 Gold,银 Silver,蓝 Blue,红 Red,
小 Little,大 Grand,老 Old,新 New,半 Half,一 One,三 Three,七 Seven,
九 Nine,百 Hundred,千 Thousand,万 Myriad
"""
_TAILS = """
间 Room,里 Lane,舍 House,屿 Isle,岸 Shore,町 Block,坊 Workshop,居 Home,
屋 Hut,堂 Hall,阁 Loft,园 Garden,庭 Court,亭 Pavilion,巷 Alley,渡 Ferry,
桥 Bridge,川 Stream,原 Field,野 Wild,谷 Valley,丘 Mound,林 Grove,集 Gather,
记 Note,味 Taste,食 Table,鲜 Fresh,香 Aroma,醉 Merry,来 Come,合 Union,
和 Accord,乐 Joy,喜 Delight,福 Fortune,源 Source,盛 Plenty,丰 Harvest,艺 Craft,
物 Things,行 Walk,路 Road,树 Tree,枝 Branch,窗 Window,灯 Lamp,舟 Boat,
帆 Sail,朵 Blossom
"""

SURNAMES: tuple[str, ...] = tuple(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许邓冯韩曹曾彭萧"
)
"""Common surnames, for names such as 老王面馆; they mean no real person."""

KIN: tuple[str, ...] = (
    "阿婆",
    "外婆",
    "大叔",
    "阿姨",
    "二姐",
    "胖哥",
    "老板娘",
    "小妹",
    "师傅",
    "爷叔",
)

PLACES: tuple[str, ...] = tuple(
    (
        "重庆 成都 长沙 广州 潮汕 台州 宁波 苏州 绍兴 扬州 兰州 西安 东北 新疆 云南 贵州 福建 "
        "徽州 老上海 江南"
    ).split()
)

CHAIN_TAILS: tuple[str, ...] = tuple(
    ("多 家 优 选 派 客 范 客来 时光 日记 先生 工坊 与你 有约").split()
)

MALL_TAILS: tuple[str, ...] = tuple(
    (
        "星环广场 云杉天地 悦汇城 金桂里 百合中心 新象城 银杏汇 蓝湾广场 乐活坊 长风里 禾光城 "
        "玉兰天地 双塔中心 凯风广场 四季汇 海棠里 青禾中心 宝石广场 晨光城 水杉里 白鹭天地 "
        "尚品汇 枫林中心 明珠坊"
    ).split()
)

STREET_WORDS: tuple[str, ...] = tuple(
    (
        "长安 永福 安顺 平安 兴业 建设 和平 文化 新华 民生 胜利 光明 人民 解放 复兴 东方 友谊 "
        "团结 青年 工农 学府 科技 创新 临江 滨河 桃源 梧桐 银杏 香樟 玉兰 紫荆 丹桂 翠柏 金枫 "
        "水杉 白杨 锦绣 花园 春晓 望江 听潮 枫桥 石门 龙泉 凤阳 武定 余庆 康定 昌平 延平 海防 "
        "安远 宜昌 西苏 通北 惠民 许昌 齐河 庆宁 博山"
    ).split()
)
STREET_TAILS: tuple[str, ...] = (
    "路",
    "路",
    "路",
    "东路",
    "西路",
    "南路",
    "北路",
    "中路",
    "街",
    "支路",
)

TOWN_QUARTERS: tuple[str, ...] = tuple(
    (
        "步行街 火车站 中心广场 老城 高新区 大学城 滨江 体育中心 城东 城西 城南 城北 新区 "
        "古城 会展中心 汽车站 高铁站 科技园 文化宫 图书馆 植物园 钟楼 解放路 中山路 建设路 "
        "和平路 新华路 湖滨 开发区 商贸城"
    ).split()
)
"""Names of quarters that most Chinese towns have, the busiest first."""

TAGS: tuple[str, ...] = tuple(
    (
        "wifi 包间 外摆 宠物友好 停车 可外带 亲子 无障碍 老字号 网红 露台 夜景 可刷卡 儿童椅 "
        "江景 安静"
    ).split()
)

SHOP_TAGS: tuple[str, ...] = tuple("wifi 宠物友好 停车 无障碍 老字号 网红 可刷卡 安静".split())
"""Tags of shops where nobody eats, plays or sleeps."""

UNIVERSITY_AREAS: tuple[str, ...] = (
    "wujiaochang",
    "songjiang-university-town",
    "dongchuan-road",
    "zhangjiang",
    "nanxiang",
)
"""Areas whose shops accept a students' card."""


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.split() for item in text.split(","))
    return tuple((zh, en) for zh, en in pairs)


HEADS: tuple[tuple[str, str], ...] = _pairs(_HEADS)
TAILS: tuple[tuple[str, str], ...] = _pairs(_TAILS)
