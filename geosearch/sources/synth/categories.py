"""Kinds of shops for synthetic worlds: names, aliases, weights, prices, hours, words for names.

Source: written for this project; weights and prices are plausible, not measured.
"""

from typing import NamedTuple

# path | zh | en | weight | usual price in yuan | hours | deals | nouns for names | English noun |
# zh aliases | en aliases
_KINDS = """
food.restaurant.sichuan|川菜|Sichuan restaurant|24|78|meal|meal|川菜馆,酸菜鱼,江湖菜,蜀味馆|Sichuan Kitchen|四川菜,蜀菜,川味,酸菜鱼|szechuan,sichuan food
food.restaurant.hunan|湘菜|Hunan restaurant|14|76|meal|meal|湘菜馆,小炒黄牛肉,土菜馆|Hunan Kitchen|湖南菜,湘味,小炒|xiang cuisine,hunan food
food.restaurant.cantonese|粤菜|Cantonese restaurant|14|118|meal|meal|粤菜馆,茶餐厅,烧腊,早茶|Canton House|广东菜,茶餐厅,烧腊,早茶,点心|canton,dim sum,yum cha
food.restaurant.shanghainese|本帮菜|Shanghainese restaurant|18|95|meal|meal|本帮菜,小馆,饭店,酒楼|Shanghai Kitchen|上海菜,沪菜|benbang,shanghai food
food.restaurant.jiangzhe|江浙菜|Jiangzhe restaurant|14|105|meal|meal|江南菜,船菜,小厨|Jiangnan House|淮扬菜,杭帮菜,苏帮菜,江南菜|huaiyang,jiangnan
food.restaurant.northeast|东北菜|Northeastern restaurant|8|66|meal|meal|东北菜,铁锅炖,饺子馆|Dongbei Kitchen|东北饭馆,铁锅炖|dongbei
food.restaurant.xinjiang|新疆菜|Xinjiang restaurant|5|72|meal|meal|新疆餐厅,大盘鸡,手抓饭|Silk Road Grill|西域菜,大盘鸡,手抓饭|uyghur,xinjiang food
food.restaurant.yunnan|云南菜|Yunnan restaurant|4|85|meal|meal|云南菜,汽锅鸡,菌菇馆|Yunnan Table|滇菜,菌菇|yunnan food,mushroom
food.restaurant.hotpot|火锅|Hot pot|22|118|late|meal|火锅,老火锅,潮汕牛肉锅,涮肉|Hot Pot|火锅店,涮锅,涮涮锅,涮羊肉,涮肉|hotpot,shabu shabu,steamboat
food.restaurant.skewers|串串香|Skewer pot|7|72|late|meal|串串香,冷锅串串|Skewers|串串,冷锅串串,钵钵鸡|chuanchuan
food.restaurant.barbecue|烧烤|Barbecue|20|82|night|meal|烧烤,炭火烤肉,羊肉串,海鲜烧烤|Barbecue|烤肉,烤串,撸串,羊肉串,夜宵|bbq,barbeque,grill
food.restaurant.seafood|海鲜|Seafood restaurant|7|168|meal|meal|海鲜馆,渔家,鱼馆|Seafood|海鲜馆,渔港,鱼馆|fish,shellfish
food.restaurant.noodles|面馆|Noodle shop|34|26|day|meal|面馆,牛肉面,拉面,手工面|Noodles|面条,拉面,牛肉面,米线,面食|noodles,ramen
food.restaurant.dumplings|饺子馄饨|Dumplings|18|24|day|meal|馄饨,饺子馆,小笼,生煎|Dumplings|饺子,馄饨,小笼包,生煎,锅贴|wonton,jiaozi,xiaolongbao
food.restaurant.malatang|麻辣烫|Malatang|16|30|late|meal|麻辣烫,麻辣拌,冒菜|Malatang|冒菜,麻辣拌|spicy soup,mala
food.restaurant.japanese|日本料理|Japanese restaurant|16|138|split|meal|日料,居酒屋,鳗鱼饭,寿喜烧|Izakaya|日料,日式料理,居酒屋|izakaya,japanese food
food.restaurant.sushi|寿司|Sushi|7|92|meal|meal|寿司,回转寿司|Sushi|寿司店,刺身,回转寿司|sashimi
food.restaurant.korean|韩国料理|Korean restaurant|9|88|meal|meal|韩式烤肉,部队锅,石锅拌饭|Korean Grill|韩餐,韩式料理,韩式烤肉|kimchi,korean food
food.restaurant.thai|东南亚菜|Southeast Asian restaurant|6|96|split|meal|泰菜,冬阴功,越南粉|Thai Kitchen|泰国菜,泰餐,越南菜|thai,vietnamese
food.restaurant.western|西餐|Western restaurant|14|128|split|meal|西餐厅,小酒馆,厨房|Bistro|西餐厅,法餐|brunch,bistro,european
food.restaurant.pizza|披萨|Pizza|7|75|meal|meal|披萨,意面|Pizzeria|比萨,匹萨,意大利菜,意面|italian,pasta,pizzeria
food.restaurant.steak|牛排|Steak house|5|158|split|meal|牛排馆,扒房|Steak House|牛排馆,扒房,西冷|steak
food.restaurant.buffet|自助餐|Buffet|5|139|split|meal|自助餐,自助烤肉|Buffet|自助,放题|all you can eat
food.restaurant.vegetarian|素食|Vegetarian restaurant|3|68|meal|meal|素食馆,素斋|Green Table|素菜,素食馆,斋菜|vegan,veggie
food.restaurant.indian|印度菜|Indian restaurant|2|98|split|meal|印度餐厅,咖喱屋|Curry House|咖喱,印度餐厅|curry
food.fast_food|快餐|Fast food|36|28|day|meal|盖浇饭,快餐,便当,黄焖鸡|Express|快餐店,简餐,盒饭,便当|quick meal,lunch box
food.fast_food.burger|汉堡|Burgers|12|36|late|meal|汉堡,炸鸡汉堡|Burger|汉堡包,炸鸡|hamburger,fried chicken
food.snack|小吃|Snacks|30|18|day|meal|小吃,臭豆腐,煎饼,卤味|Snacks|小食,零嘴,卤味|street food,bites
food.breakfast|早餐|Breakfast|18|12|morning|meal|早餐,包子铺,豆浆油条,粥铺|Breakfast|早饭,早点,包子,粥|baozi,congee
food.cafe|咖啡馆|Café|42|34|cafe|drink|咖啡,咖啡馆,烘焙咖啡|Coffee|咖啡,咖啡厅,咖啡店|coffee,coffee shop,espresso
food.tea_drinks|奶茶|Bubble tea|36|18|late|drink|奶茶,茶饮,鲜果茶,柠檬茶|Tea|茶饮,果茶,珍珠奶茶,饮品|milk tea,boba,pearl tea
food.bakery|面包店|Bakery|22|32|cafe|drink|面包,烘焙坊,蛋糕|Bakery|面包,烘焙,蛋糕,糕点|bread,cake,pastry
food.dessert|甜品|Dessert|10|36|late|drink|甜品,糖水铺,双皮奶|Desserts|甜点,糖水|sweets,desserts
food.ice_cream|冰淇淋|Ice cream|4|30|season|drink|冰淇淋,雪糕|Gelato|冰激凌,雪糕,冰棒|gelato,frozen yogurt
food.bar|酒吧|Bar|14|128|bar|drink|酒吧,精酿,鸡尾酒,清吧|Bar|酒馆,清吧,精酿,鸡尾酒|pub,cocktail,craft beer
food.teahouse|茶馆|Teahouse|5|88|cafe|drink|茶馆,茶舍,茶室|Tea House|茶室,茶楼,喝茶|tea house,tea room
shop.convenience|便利店|Convenience store|40|18|always|goods|便利店,便利,超市便利|Mart|便利商店,小卖部,小超市|corner shop,corner store,mini mart
shop.supermarket|超市|Supermarket|12|75|day|goods|超市,生鲜超市,生活超市|Market|超级市场,生鲜,买菜|grocery,groceries
shop.fruit|水果店|Fruit shop|22|38|day|goods|水果店,鲜果,果业|Fruit|水果,鲜果|fruit,greengrocer
shop.clothes|服装店|Clothes|52|260|mall|goods|服饰,女装,男装,衣橱|Wardrobe|服装,衣服,女装,男装|clothing,fashion,apparel
shop.shoes|鞋店|Shoes|12|320|mall|goods|鞋店,鞋坊|Shoes|鞋子,运动鞋,皮鞋|footwear,sneakers
shop.jewelry|珠宝|Jewelry|7|1500|mall|goods|珠宝,银饰|Jewelry|首饰,黄金,珠宝店|jewellery,jeweller,gold
shop.cosmetics|化妆品|Cosmetics|10|180|mall|goods|美妆,护肤,香氛|Beauty|美妆,护肤品,彩妆|make-up,makeup,perfume
shop.books|书店|Books|5|52|mall|goods|书店,书屋,书房|Books|书城,书屋,图书|bookshop,bookstore
shop.stationery|文具|Stationery|8|24|day|goods|文具,文创|Stationery|文具店,文创,办公用品|gifts,office supplies
shop.electronics|数码|Electronics|14|600|mall|goods|数码,电器,手机店|Digital|手机,电脑,电器|phone,computer,mobile
shop.toys|玩具|Toys|6|110|mall|goods|玩具,潮玩,模型|Toys|玩具店,潮玩,模型|hobby,models
shop.flowers|花店|Florist|9|130|day|goods|花店,花艺,花坊|Flowers|鲜花,花艺|flowers,flower shop
shop.optician|眼镜店|Optician|9|420|mall|goods|眼镜,验光|Optics|眼镜,配镜,验光|glasses,optometrist
shop.pharmacy|药店|Pharmacy|18|55|pharmacy|goods|药房,大药房,药店|Pharmacy|药房,大药房,买药|drugstore,chemist
shop.furniture|家居|Furniture|12|900|office|goods|家居,家具,灯饰|Home|家具,家居店,灯饰|home,homeware
shop.hardware|五金|Hardware|16|45|office|none|五金,建材,水电|Hardware|五金店,建材|tools,building materials
shop.pet|宠物店|Pet shop|9|120|mall|service|宠物,宠物生活|Pets|宠物,宠物用品|pet supplies,pets
shop.sports|运动户外|Sports shop|7|280|mall|goods|运动,户外,单车|Outdoor|体育用品,户外用品,自行车|outdoor,cycling
shop.baby|母婴|Baby goods|7|160|mall|goods|母婴,童装|Baby|婴儿用品,童装,奶粉|kids,baby shop
beauty.hair|美发|Hairdresser|36|98|service|service|美发,理发,造型|Hair|理发,剪发,发廊,烫发|haircut,barber,hair salon
beauty.nail|美甲美睫|Nails and lashes|16|128|service|service|美甲,美睫|Nails|美甲,美睫|nail salon,manicure,eyelashes
beauty.spa|美容|Beauty salon|16|260|service|service|美容,皮肤管理,养生馆|Spa|美容院,护肤,皮肤管理|facial,spa,skin care
beauty.massage|足疗按摩|Massage|18|168|night|service|足道,推拿,按摩,采耳|Massage|按摩,足疗,足浴,推拿,洗脚|foot massage,reflexology
leisure.ktv|KTV|Karaoke|6|96|bar|service|KTV,练歌房|Karaoke|卡拉OK,唱歌,练歌房|singing
leisure.cinema|电影院|Cinema|2|52|cinema|service|影城,电影院|Cinema|影院,影城,看电影|movies,movie theater,film
leisure.gym|健身|Gym|13|90|gym|service|健身,健身房,拳馆|Fitness|健身房,健身中心|fitness,fitness centre
leisure.yoga|瑜伽|Yoga|7|110|gym|service|瑜伽,普拉提|Yoga|普拉提,瑜伽馆|pilates
leisure.games|桌游密室|Board games and escape rooms|8|118|bar|service|桌游,密室,剧本馆|Games|桌游,密室逃脱,剧本杀|escape room,board game
leisure.billiards|台球|Billiards|6|58|night|service|台球,桌球|Billiards|桌球,台球厅|pool,snooker
leisure.kids|亲子乐园|Playground|5|98|mall|service|亲子乐园,儿童乐园|Playland|儿童乐园,游乐场,亲子|indoor playground,children
hotel.hotel|酒店|Hotel|14|420|always|service|酒店,宾馆,商务酒店|Hotel|宾馆,旅馆,旅店|inn,lodging
hotel.guesthouse|民宿|Guesthouse|6|260|always|service|民宿,客栈|Guesthouse|客栈,家庭旅馆,农家乐|homestay,bed and breakfast
service.laundry|洗衣|Laundry|10|48|service|service|洗衣,干洗|Laundry|洗衣店,干洗|dry cleaning,launderette
service.car_wash|洗车|Car wash|9|45|day|service|洗车,汽车美容|Car Wash|汽车美容,洗车店|car cleaning
service.car_repair|汽车维修|Car repair|12|380|office|service|汽修,轮胎,汽车服务|Garage|修车,汽修,保养,轮胎|garage,mechanic
service.photo|摄影|Photo studio|8|240|mall|service|摄影,照相馆,写真|Studio|照相馆,拍照,写真|photographer,photography
service.print|图文打印|Printing|9|22|office|service|图文,打印,广告|Print|打印店,复印,图文店|copy shop,print shop
health.dentist|口腔|Dentist|10|480|office|service|口腔,齿科|Dental|牙科,牙医,口腔医院|dental,dental clinic
health.clinic|诊所|Clinic|8|160|office|none|诊所,门诊部,中医馆|Clinic|门诊,医院,中医|doctor,medical centre
education.tutoring|培训|Training|14|0|lessons|none|教育,培训,书画院|Academy|补习,补习班,辅导|school,tutor
education.arts|艺术培训|Music and dance school|10|0|lessons|service|琴行,舞蹈,美术|Arts|钢琴,舞蹈,美术|piano,dance
sight.museum|博物馆|Museum|2|30|sight|service|博物馆,美术馆,艺术馆|Museum|美术馆,展览,展览馆|gallery,exhibition
sight.park|公园|Park|2|0|park|none|公园,花园,绿地|Park|花园,绿地|garden
"""  # noqa: E501 - a table reads better with one kind a line

_PARENTS = """
food|美食|Food and drink|餐饮,吃饭,吃|eat,food
food.restaurant|餐馆|Restaurant|餐厅,饭店,饭馆|eatery,dining
shop|购物|Shopping|商店,买东西,逛街|store,shop
beauty|丽人|Beauty|美容美发,变美|salon,hair and beauty
leisure|休闲娱乐|Leisure|娱乐,玩乐,玩|entertainment,fun
hotel|住宿|Places to stay|住宿服务,住,过夜|accommodation,stay
service|生活服务|Services|便民服务,服务|service
health|医疗健康|Health|看病,医疗|medical,healthcare
education|学习培训|Education|教育,上课|classes,courses
sight|景点|Sights|旅游,景区,名胜|attractions,sightseeing
"""


class ShopKind(NamedTuple):
    """One kind of shop; `price` is the usual spend per person in minor units, 0 if none."""

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


def _kind(line: str) -> ShopKind:
    path, zh, en, weight, price, hours, deals, nouns, en_noun, zh_aliases, en_aliases = line.split(
        "|"
    )
    return ShopKind(
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


KINDS: tuple[ShopKind, ...] = tuple(map(_kind, _KINDS.strip().splitlines()))
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
"""Kinds of chains, those with most branches first."""

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
