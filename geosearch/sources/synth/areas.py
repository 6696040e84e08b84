"""Shanghai for synthetic worlds: business areas, suburban towns, river and coast.

Centres are accurate to about 300 m (WGS-84). Weights, widths and price levels are not facts: with
them, a median shop among a million has about 41,000 shops within 3 km.

Source: public place names and map positions, from general knowledge; no file was copied.
"""

from typing import NamedTuple


class SynthArea(NamedTuple):
    """A place around which shops gather.

    `weight` is its relative number of shops, `sigma_m` the standard deviation of their distance
    along each axis in metres, `price` a factor on usual prices. `named` says whether its shops have
    it as their business area.
    """

    slug: str
    name: str
    city: str
    district: str | None
    lat: float
    lng: float
    weight: float
    sigma_m: float
    price: float
    named: bool


# slug name district lat lng weight sigma_m price
_BUSINESS_AREAS = """
nanjing-east-road 南京东路 黄浦 31.2370 121.4800 27 650 1.3
peoples-square 人民广场 黄浦 31.2320 121.4720 27 600 1.3
the-bund 外滩 黄浦 31.2385 121.4870 11 500 1.7
yuyuan 豫园 黄浦 31.2270 121.4890 19 550 1.1
laoximen 老西门 黄浦 31.2180 121.4815 14 550 0.9
xintiandi 新天地 黄浦 31.2205 121.4715 19 550 1.6
huaihai-road 淮海中路 黄浦 31.2200 121.4610 21 600 1.4
dapuqiao 打浦桥 黄浦 31.2080 121.4660 19 600 1.1
jingan-temple 静安寺 静安 31.2235 121.4450 27 600 1.5
nanjing-west-road 南京西路 静安 31.2290 121.4560 27 600 1.6
caojiadu 曹家渡 静安 31.2315 121.4320 14 550 1.0
daning 大宁 静安 31.2760 121.4520 26 700 1.0
shanghai-railway-station 上海火车站 静安 31.2490 121.4550 16 650 0.8
pengpu 彭浦 静安 31.3060 121.4480 23 800 0.7
xujiahui 徐家汇 徐汇 31.1945 121.4370 47 700 1.2
hengshan-road 衡山路 徐汇 31.2050 121.4450 16 550 1.5
wukang-road 武康路 徐汇 31.2080 121.4370 14 500 1.6
caohejing 漕河泾 徐汇 31.1710 121.3960 29 800 1.0
tianlin 田林 徐汇 31.1760 121.4170 21 650 0.8
longhua 龙华 徐汇 31.1760 121.4500 18 650 1.0
south-railway-station 上海南站 徐汇 31.1550 121.4270 18 700 0.8
zhongshan-park 中山公园 长宁 31.2195 121.4150 39 650 1.1
hongqiao-gubei 古北 长宁 31.1960 121.3980 26 700 1.4
tianshan 天山 长宁 31.2135 121.3940 26 650 1.0
beixinjing 北新泾 长宁 31.2165 121.3690 16 700 0.8
changshou-road 长寿路 普陀 31.2425 121.4370 18 600 1.0
caoyang 曹杨 普陀 31.2400 121.4120 23 650 0.8
zhenru 真如 普陀 31.2530 121.4020 23 700 0.8
changfeng 长风 普陀 31.2270 121.3930 18 650 1.0
taopu 桃浦 普陀 31.2820 121.3500 14 800 0.7
sichuan-north-road 四川北路 虹口 31.2530 121.4800 19 650 0.9
hongkou-stadium 虹口足球场 虹口 31.2710 121.4750 16 650 0.9
north-bund 北外滩 虹口 31.2530 121.5000 11 600 1.1
quyang 曲阳 虹口 31.2810 121.4900 21 650 0.8
wujiaochang 五角场 杨浦 31.3000 121.5110 44 750 1.0
kongjiang-road 控江路 杨浦 31.2750 121.5190 23 650 0.8
pingliang-road 平凉路 杨浦 31.2640 121.5310 18 650 0.7
zhongyuan 中原 杨浦 31.3190 121.5290 16 700 0.7
new-jiangwan 新江湾城 杨浦 31.3300 121.5060 13 750 1.0
lujiazui 陆家嘴 浦东 31.2370 121.5030 26 650 1.7
zhangyang-road 张杨路 浦东 31.2285 121.5190 21 650 1.2
century-park 世纪公园 浦东 31.2190 121.5500 18 800 1.3
huamu 花木 浦东 31.2070 121.5460 16 700 1.0
tangqiao 塘桥 浦东 31.2090 121.5160 13 600 0.9
yangjing 洋泾 浦东 31.2390 121.5430 18 700 0.9
jinqiao 金桥 浦东 31.2580 121.5950 23 900 1.1
zhangjiang 张江 浦东 31.2030 121.5880 26 900 1.0
sanlin 三林 浦东 31.1440 121.5080 21 850 0.7
qiantan 前滩 浦东 31.1530 121.4720 16 650 1.4
shibo 世博 浦东 31.1850 121.4960 16 800 1.1
beicai 北蔡 浦东 31.1830 121.5560 18 850 0.7
zhoupu 周浦 浦东 31.1160 121.5720 16 900 0.7
chuansha 川沙 浦东 31.1890 121.6970 16 1000 0.7
waigaoqiao 外高桥 浦东 31.3480 121.5800 13 1000 0.7
qibao 七宝 闵行 31.1560 121.3490 29 800 0.9
xinzhuang 莘庄 闵行 31.1120 121.3810 26 800 0.9
hongqiao-hub 虹桥枢纽 闵行 31.1940 121.3180 19 800 1.2
meilong 梅陇 闵行 31.1250 121.4100 16 850 0.7
pujiang 浦江镇 闵行 31.0920 121.5050 16 1000 0.7
minhang-old-town 江川路 闵行 31.0070 121.4040 14 950 0.6
dongchuan-road 东川路 闵行 31.0240 121.4330 13 900 0.6
zhuanqiao 颛桥 闵行 31.0690 121.4030 13 900 0.7
dahua 大华 宝山 31.2810 121.4160 23 750 0.8
dachang 大场 宝山 31.3000 121.4090 16 850 0.7
gongkang 共康 宝山 31.3220 121.4400 13 800 0.6
gucun 顾村 宝山 31.3510 121.3730 16 950 0.7
baoshan 宝山 宝山 31.4010 121.4830 16 950 0.7
nanxiang 南翔 嘉定 31.2970 121.3170 19 950 0.8
jiangqiao 江桥 嘉定 31.2440 121.3270 16 850 0.8
jiading 嘉定 嘉定 31.3830 121.2490 19 1000 0.7
jiading-new-city 嘉定新城 嘉定 31.3350 121.2480 13 1000 0.8
anting 安亭 嘉定 31.2930 121.1590 13 1000 0.7
songjiang 松江 松江 31.0080 121.2300 22 1000 0.7
songjiang-university-town 松江大学城 松江 31.0530 121.2050 14 900 0.6
jiuting 九亭 松江 31.1340 121.3170 19 900 0.7
sijing 泗泾 松江 31.1180 121.2570 13 900 0.6
qingpu 青浦 青浦 31.1510 121.1210 16 1000 0.7
xujing 徐泾 青浦 31.1880 121.2700 14 900 0.9
nanqiao 南桥 奉贤 30.9180 121.4630 19 1100 0.6
shihua 石化 金山 30.7230 121.3420 10 900 0.6
"""

_SUBURBAN_TOWNS = """
sheshan 佘山 松江 31.0990 121.1960 3 1200 0.8
zhaoxiang 赵巷 青浦 31.1500 121.2010 5 1000 1.0
zhujiajiao 朱家角 青浦 31.1090 121.0530 5 900 0.9
huaxin 华新 青浦 31.2420 121.2360 3 1100 0.6
baihe 白鹤 青浦 31.2570 121.1390 3 1000 0.5
maqiao 马桥 闵行 31.0310 121.3590 3 1000 0.6
huinan 惠南 浦东 31.0510 121.7540 10 1100 0.6
lingang 临港 浦东 30.9010 121.9110 6 1300 0.8
caolu 曹路 浦东 31.2770 121.6770 6 1000 0.6
tangzhen 唐镇 浦东 31.2160 121.6560 6 1000 0.8
resort 国际度假区 浦东 31.1440 121.6590 5 900 1.5
zhuqiao 祝桥 浦东 31.1050 121.7560 3 1200 0.5
hangtou 航头 浦东 31.0490 121.5930 5 1000 0.6
xinchang 新场 浦东 31.0280 121.6490 3 900 0.6
fengcheng 奉城 奉贤 30.9170 121.6450 3 1100 0.5
haiwan 海湾 奉贤 30.8530 121.5200 3 1100 0.5
zhuanghang 庄行 奉贤 30.8930 121.3870 3 1000 0.5
zhujing 朱泾 金山 30.9000 121.1620 5 1000 0.5
fengjing 枫泾 金山 30.8900 121.0190 3 900 0.6
tinglin 亭林 金山 30.8890 121.3190 3 1000 0.5
luodian 罗店 宝山 31.4130 121.3450 6 1100 0.6
luojing 罗泾 宝山 31.4720 121.3320 3 1100 0.5
huating 华亭 嘉定 31.4640 121.2460 2 1200 0.5
waigang 外冈 嘉定 31.3660 121.1650 3 1100 0.5
chengqiao 城桥 崇明 31.6280 121.3980 5 1000 0.6
baozhen 堡镇 崇明 31.5410 121.6190 3 900 0.5
chenjia 陈家镇 崇明 31.5060 121.8120 3 1100 0.5
changxing 长兴 崇明 31.3900 121.6850 3 1000 0.5
"""

RIVER: tuple[tuple[float, float], ...] = (
    (121.510, 31.395),
    (121.520, 31.365),
    (121.552, 31.318),
    (121.566, 31.285),
    (121.557, 31.263),
    (121.535, 31.2555),
    (121.508, 31.2470),
    (121.4945, 31.2425),
    (121.4945, 31.2330),
    (121.5015, 31.2240),
    (121.5075, 31.2110),
    (121.5000, 31.2020),
    (121.4830, 31.1930),
    (121.4660, 31.1840),
    (121.4600, 31.1660),
    (121.4590, 31.1400),
    (121.4650, 31.1100),
    (121.4720, 31.0700),
    (121.4780, 31.0200),
    (121.4500, 30.9900),
    (121.3800, 30.9800),
    (121.3000, 30.9600),
)
"""Middle of the Huangpu (lng, lat), from its mouth upstream."""

RIVER_HALF_WIDTH_M = 240.0

LAND: tuple[tuple[tuple[float, float], ...], ...] = (
    (
        (121.335, 31.500),
        (121.485, 31.420),
        (121.510, 31.385),
        (121.640, 31.350),
        (121.735, 31.285),
        (121.830, 31.150),
        (121.905, 31.020),
        (121.965, 30.900),
        (121.920, 30.860),
        (121.560, 30.835),
        (121.430, 30.765),
        (121.370, 30.715),
        (121.270, 30.695),
        (121.200, 30.780),
        (121.000, 30.835),
        (120.985, 31.010),
        (120.870, 31.100),
        (121.050, 31.160),
        (121.060, 31.270),
        (121.150, 31.310),
        (121.130, 31.440),
        (121.250, 31.480),
    ),
    (
        (121.190, 31.770),
        (121.310, 31.820),
        (121.500, 31.720),
        (121.750, 31.630),
        (121.940, 31.540),
        (121.880, 31.460),
        (121.620, 31.525),
        (121.400, 31.605),
    ),
    ((121.590, 31.420), (121.640, 31.430), (121.790, 31.355), (121.770, 31.330)),
)
"""Rings (lng, lat) of the mainland part and two islands, to about 2 km: no shop is outside."""


_DISTRICTS = {"浦东": "浦东新区"}


def _areas(text: str, *, named: bool) -> tuple[SynthArea, ...]:
    areas = []
    for line in text.strip().splitlines():
        slug, name, district, *numbers = line.split()
        lat, lng, weight, sigma_m, price = map(float, numbers)
        area = SynthArea(
            slug,
            name,
            "上海",
            _DISTRICTS.get(district, f"{district}区"),
            lat,
            lng,
            weight,
            sigma_m,
            price,
            named,
        )
        areas.append(area)
    return tuple(areas)


SHANGHAI: tuple[SynthArea, ...] = (
    *_areas(_BUSINESS_AREAS, named=True),
    *_areas(_SUBURBAN_TOWNS, named=False),
)
"""All areas of Shanghai; suburban towns are not business areas."""
