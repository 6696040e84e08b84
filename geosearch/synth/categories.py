"""Kinds of shops for synthetic worlds: names, aliases, how many, prices, hours, words for names.

Useful for: `categories.ndjson` of a made-up snapshot and everything that depends on a shop's kind.
Not useful for: a taxonomy; `geosearch.osm.importer` derives its categories from tags.

Source: written for this project; weights and prices are plausible, not measured.
"""

from typing import NamedTuple

# path | zh | en | weight | usual price in yuan | hours | deals | nouns for names | English noun |
# zh aliases | en aliases
_KINDS = """
food.restaurant.sichuan|川菜|Sichuan restaurant|24|78|meal|meal|川菜馆,酸菜鱼,江湖菜,蜀味馆|Sichuan Kitchen|四川菜,麻辣|szechuan,spicy
food.restaurant.hunan|湘菜|Hunan restaurant|14|76|meal|meal|湘菜馆,小炒黄牛肉,土菜馆|Hunan Kitchen|湖南菜|xiang cuisine
food.restaurant.cantonese|粤菜|Cantonese restaurant|14|118|meal|meal|粤菜馆,茶餐厅,烧腊,早茶|Canton House|广东菜,茶餐厅|dim sum
food.restaurant.shanghainese|本帮菜|Shanghainese restaurant|18|95|meal|meal|本帮菜,小馆,饭店,酒楼|Shanghai Kitchen|上海菜|benbang
food.restaurant.jiangzhe|江浙菜|Jiangzhe restaurant|14|105|meal|meal|江南菜,船菜,小厨|Jiangnan House|淮扬菜,杭帮菜|huaiyang
food.restaurant.northeast|东北菜|Northeastern restaurant|8|66|meal|meal|东北菜,铁锅炖,饺子馆|Dongbei Kitchen|铁锅炖|dongbei
food.restaurant.xinjiang|新疆菜|Xinjiang restaurant|5|72|meal|meal|新疆餐厅,大盘鸡,手抓饭|Silk Road Grill|大盘鸡|uyghur
food.restaurant.yunnan|云南菜|Yunnan restaurant|4|85|meal|meal|云南菜,汽锅鸡,菌菇馆|Yunnan Table|菌菇|mushroom
food.restaurant.hotpot|火锅|Hot pot|22|118|late|meal|火锅,老火锅,潮汕牛肉锅,涮肉|Hot Pot|涮锅,涮涮锅|hotpot,shabu
food.restaurant.skewers|串串香|Skewer pot|7|72|late|meal|串串香,冷锅串串|Skewers|串串|chuanchuan
food.restaurant.barbecue|烧烤|Barbecue|20|82|night|meal|烧烤,炭火烤肉,羊肉串,海鲜烧烤|Barbecue|烤串,夜宵|bbq,grill
food.restaurant.seafood|海鲜|Seafood restaurant|7|168|meal|meal|海鲜馆,渔家,鱼馆|Seafood|渔港|fish
food.restaurant.noodles|面馆|Noodle shop|34|26|day|meal|面馆,牛肉面,拉面,手工面|Noodles|面条,拉面|noodle
food.restaurant.dumplings|饺子馄饨|Dumplings|18|24|day|meal|馄饨,饺子馆,小笼,生煎|Dumplings|小笼包,锅贴|wonton,jiaozi
food.restaurant.malatang|麻辣烫|Malatang|16|30|late|meal|麻辣烫,麻辣拌,冒菜|Malatang|冒菜|spicy soup
food.restaurant.japanese|日本料理|Japanese restaurant|16|138|split|meal|日料,居酒屋,鳗鱼饭,寿喜烧|Izakaya|日料|sushi,izakaya
food.restaurant.sushi|寿司|Sushi|7|92|meal|meal|寿司,回转寿司|Sushi|刺身|sashimi
food.restaurant.korean|韩国料理|Korean restaurant|9|88|meal|meal|韩式烤肉,部队锅,石锅拌饭|Korean Grill|韩餐|kimchi
food.restaurant.thai|东南亚菜|Southeast Asian restaurant|6|96|split|meal|泰菜,冬阴功,越南粉|Thai Kitchen|泰国菜,越南菜|thai,vietnamese
food.restaurant.western|西餐|Western restaurant|14|128|split|meal|西餐厅,小酒馆,厨房|Bistro|西餐厅|brunch,bistro
food.restaurant.pizza|披萨|Pizza|7|75|meal|meal|披萨,意面|Pizzeria|意大利菜|italian,pasta
food.restaurant.steak|牛排|Steak house|5|158|split|meal|牛排馆,扒房|Steak House|西冷|steak
food.restaurant.buffet|自助餐|Buffet|5|139|split|meal|自助餐,自助烤肉|Buffet|放题|all you can eat
food.restaurant.vegetarian|素食|Vegetarian restaurant|3|68|meal|meal|素食馆,素斋|Green Table|素菜|vegan
food.restaurant.indian|印度菜|Indian restaurant|2|98|split|meal|印度餐厅,咖喱屋|Curry House|咖喱|curry
food.fast_food|快餐|Fast food|36|28|day|meal|盖浇饭,快餐,便当,黄焖鸡|Express|简餐,盒饭|lunch box
food.fast_food.burger|汉堡|Burgers|12|36|late|meal|汉堡,炸鸡汉堡|Burger|炸鸡|fried chicken
food.snack|小吃|Snacks|30|18|day|meal|小吃,臭豆腐,煎饼,卤味|Snacks|点心,卤味|street food
food.breakfast|早餐|Breakfast|18|12|morning|meal|早餐,包子铺,豆浆油条,粥铺|Breakfast|包子,粥|baozi,congee
food.cafe|咖啡馆|Café|42|34|cafe|drink|咖啡,咖啡馆,烘焙咖啡|Coffee|咖啡,咖啡厅|coffee,espresso
food.tea_drinks|奶茶|Bubble tea|36|18|late|drink|奶茶,茶饮,鲜果茶,柠檬茶|Tea|茶饮,果茶|milk tea,boba
food.bakery|面包店|Bakery|22|32|cafe|drink|面包,烘焙坊,蛋糕|Bakery|蛋糕,烘焙|bread,cake
food.dessert|甜品|Dessert|10|36|late|drink|甜品,糖水铺,双皮奶|Desserts|糖水|sweets
food.ice_cream|冰淇淋|Ice cream|4|30|season|drink|冰淇淋,雪糕|Gelato|雪糕|gelato
food.bar|酒吧|Bar|14|128|bar|drink|酒吧,精酿,鸡尾酒,清吧|Bar|清吧,精酿|pub,cocktail
food.teahouse|茶馆|Teahouse|5|88|cafe|drink|茶馆,茶舍,茶室|Tea House|喝茶|teahouse
shop.convenience|便利店|Convenience store|40|18|always|goods|便利店,便利,超市便利|Mart|小卖部|corner shop
shop.supermarket|超市|Supermarket|12|75|day|goods|超市,生鲜超市,生活超市|Market|买菜|grocery
shop.fruit|水果店|Fruit shop|22|38|day|goods|水果店,鲜果,果业|Fruit|鲜果|fruit
shop.clothes|服装店|Clothes|52|260|mall|goods|服饰,女装,男装,衣橱|Wardrobe|女装,男装|fashion
shop.shoes|鞋店|Shoes|12|320|mall|goods|鞋店,鞋坊|Shoes|运动鞋|sneakers
shop.jewelry|珠宝|Jewelry|7|1500|mall|goods|珠宝,银饰|Jewelry|首饰|gold
shop.cosmetics|化妆品|Cosmetics|10|180|mall|goods|美妆,护肤,香氛|Beauty|美妆|make-up
shop.books|书店|Books|5|52|mall|goods|书店,书屋,书房|Books|书|bookshop
shop.stationery|文具|Stationery|8|24|day|goods|文具,文创|Stationery|文创|gifts
shop.electronics|数码|Electronics|14|600|mall|goods|数码,电器,手机店|Digital|手机,电脑|phone,computer
shop.toys|玩具|Toys|6|110|mall|goods|玩具,潮玩,模型|Toys|潮玩|hobby
shop.flowers|花店|Florist|9|130|day|goods|花店,花艺,花坊|Flowers|鲜花|flower
shop.optician|眼镜店|Optician|9|420|mall|goods|眼镜,验光|Optics|配镜|glasses
shop.pharmacy|药店|Pharmacy|18|55|pharmacy|goods|药房,大药房,药店|Pharmacy|买药|drugstore
shop.furniture|家居|Furniture|12|900|office|goods|家居,家具,灯饰|Home|家具|home
shop.hardware|五金|Hardware|16|45|office|none|五金,建材,水电|Hardware|建材|tools
shop.pet|宠物店|Pet shop|9|120|mall|service|宠物,宠物生活|Pets|猫,狗|cat,dog
shop.sports|运动户外|Sports shop|7|280|mall|goods|运动,户外,单车|Outdoor|户外|cycling
shop.baby|母婴|Baby goods|7|160|mall|goods|母婴,童装|Baby|童装|kids
beauty.hair|美发|Hairdresser|36|98|service|service|美发,理发,造型|Hair|理发,剪发|haircut,barber
beauty.nail|美甲美睫|Nails and lashes|16|128|service|service|美甲,美睫|Nails|美甲|nail
beauty.spa|美容|Beauty salon|16|260|service|service|美容,皮肤管理,养生馆|Spa|护肤|facial
beauty.massage|足疗按摩|Massage|18|168|night|service|足道,推拿,按摩,采耳|Massage|足浴,推拿|foot massage
leisure.ktv|KTV|Karaoke|6|96|bar|service|KTV,练歌房|Karaoke|唱歌|karaoke
leisure.cinema|电影院|Cinema|2|52|cinema|service|影城,电影院|Cinema|看电影|movies
leisure.gym|健身|Gym|13|90|gym|service|健身,健身房,拳馆|Fitness|健身房|fitness
leisure.yoga|瑜伽|Yoga|7|110|gym|service|瑜伽,普拉提|Yoga|普拉提|pilates
leisure.games|桌游密室|Board games and escape rooms|8|118|bar|service|桌游,密室,剧本馆|Games|剧本杀,密室逃脱|escape room
leisure.billiards|台球|Billiards|6|58|night|service|台球,桌球|Billiards|桌球|pool
leisure.kids|亲子乐园|Playground|5|98|mall|service|亲子乐园,儿童乐园|Playland|儿童|children
hotel.hotel|酒店|Hotel|14|420|always|service|酒店,宾馆,商务酒店|Hotel|宾馆,住宿|hotel
hotel.guesthouse|民宿|Guesthouse|6|260|always|service|民宿,客栈|Guesthouse|客栈|inn
service.laundry|洗衣|Laundry|10|48|service|service|洗衣,干洗|Laundry|干洗|dry cleaning
service.car_wash|洗车|Car wash|9|45|day|service|洗车,汽车美容|Car Wash|汽车美容|car
service.car_repair|汽车维修|Car repair|12|380|office|service|汽修,轮胎,汽车服务|Garage|保养|garage
service.photo|摄影|Photo studio|8|240|mall|service|摄影,照相馆,写真|Studio|照相|photographer
service.print|图文打印|Printing|9|22|office|service|图文,打印,广告|Print|复印|copy shop
health.dentist|口腔|Dentist|10|480|office|service|口腔,齿科|Dental|牙科,牙医|dentist
health.clinic|诊所|Clinic|8|160|office|none|诊所,门诊部,中医馆|Clinic|中医|doctor
education.tutoring|培训|Training|14|0|lessons|none|教育,培训,书画院|Academy|补习|school
education.arts|艺术培训|Music and dance school|10|0|lessons|service|琴行,舞蹈,美术|Arts|钢琴,舞蹈|piano,dance
sight.museum|博物馆|Museum|2|30|sight|service|博物馆,美术馆,艺术馆|Museum|展览|gallery
sight.park|公园|Park|2|0|park|none|公园,花园,绿地|Park|绿地|garden
"""  # noqa: E501 - a table reads better with one kind a line

_PARENTS = """
food|美食|Food and drink|吃饭,吃|eat,dining
food.restaurant|餐馆|Restaurant|餐厅,饭店|restaurant,dining
shop|购物|Shopping|买东西,商店|store
beauty|丽人|Beauty|美容美发|salon
leisure|休闲娱乐|Leisure|玩|fun
hotel|住宿|Places to stay|住|accommodation
service|生活服务|Services|服务|services
health|医疗健康|Health|看病|medical
education|学习培训|Education|上课|classes
sight|景点|Sights|旅游|sights
"""


class Kind(NamedTuple):
    """One kind of shop; `price` is the usual spend per person in minor units, 0 where unusual."""

    path: str
    zh: str
    en: str
    weight: float
    price: int
    hours: str
    deals: str
    nouns: tuple[str, ...]
    en_noun: str
    zh_aliases: tuple[str, ...]
    en_aliases: tuple[str, ...]


class Parent(NamedTuple):
    """A category that only groups others."""

    path: str
    zh: str
    en: str
    zh_aliases: tuple[str, ...]
    en_aliases: tuple[str, ...]


def _kind(line: str) -> Kind:
    path, zh, en, weight, price, hours, deals, nouns, en_noun, zh_aliases, en_aliases = line.split(
        "|"
    )
    return Kind(
        path,
        zh,
        en,
        float(weight),
        int(price) * 100,
        hours,
        deals,
        tuple(nouns.split(",")),
        en_noun,
        tuple(zh_aliases.split(",")),
        tuple(en_aliases.split(",")),
    )


def _parent(line: str) -> Parent:
    path, zh, en, zh_aliases, en_aliases = line.split("|")
    return Parent(path, zh, en, tuple(zh_aliases.split(",")), tuple(en_aliases.split(",")))


KINDS: tuple[Kind, ...] = tuple(map(_kind, _KINDS.strip().splitlines()))
PARENTS: tuple[Parent, ...] = tuple(map(_parent, _PARENTS.strip().splitlines()))

CHAIN_KINDS: tuple[str, ...] = (
    "shop.convenience",
    "food.tea_drinks",
    "food.cafe",
    "shop.pharmacy",
    "food.fast_food",
    "food.bakery",
    "food.fast_food.burger",
    "shop.fruit",
    "food.restaurant.noodles",
    "food.restaurant.hotpot",
    "hotel.hotel",
    "shop.clothes",
    "food.restaurant.dumplings",
    "beauty.hair",
    "food.restaurant.malatang",
    "shop.optician",
    "shop.supermarket",
    "food.snack",
    "leisure.gym",
    "food.restaurant.japanese",
    "food.restaurant.sichuan",
    "food.dessert",
    "shop.shoes",
    "shop.electronics",
    "beauty.massage",
    "food.restaurant.cantonese",
    "food.restaurant.barbecue",
    "shop.sports",
    "leisure.ktv",
    "food.restaurant.pizza",
    "leisure.cinema",
    "shop.cosmetics",
    "shop.baby",
    "service.laundry",
    "education.tutoring",
    "food.restaurant.buffet",
)
"""Kinds that chains run, the ones with most branches first."""

DUAL_USE: dict[str, tuple[str, ...]] = {
    "food.cafe": ("food.bakery", "food.dessert", "food.bar", "shop.books"),
    "food.bakery": ("food.cafe",),
    "food.bar": ("food.restaurant.western", "food.restaurant.barbecue"),
    "food.restaurant.western": ("food.bar", "food.cafe"),
    "food.restaurant.japanese": ("food.restaurant.sushi", "food.bar"),
    "food.restaurant.hotpot": ("food.restaurant.buffet",),
    "food.restaurant.korean": ("food.restaurant.barbecue",),
    "food.dessert": ("food.tea_drinks",),
    "beauty.spa": ("beauty.nail", "beauty.massage"),
    "shop.pet": ("food.cafe",),
    "hotel.hotel": ("food.restaurant.buffet", "leisure.gym"),
}
"""Second categories that shops of a kind may have."""
