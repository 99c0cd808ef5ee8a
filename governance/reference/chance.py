"""Chance that repeats: one stream of random numbers per purpose, so that none disturbs another."""

import random
import uuid

SEED = "wuzhong-2025"

SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
GIVEN_FIRST = (
    "建国志明文晓海永春秋雪玉红丽小德家宏立新振俊伟佳思雨子宇浩梦静美慧云光正学世荣庆福祥金水长根林"
)
GIVEN_SECOND = (
    "华军平强芳英敏杰涛磊鹏勇洁霞燕玲娟萍峰辉刚斌超波宁琴凤兰珍梅龙生良才元康安宝珠芬菊林泉清明亮东"
)


def stream(purpose: str) -> random.Random:
    """A generator of its own for ``purpose``; the same purpose always gives the same numbers."""
    return random.Random(f"{SEED}:{purpose}")  # noqa: S311 - fiction, not a secret


def full_name(rng: random.Random) -> str:
    """A made-up name of two or three characters."""
    name = rng.choice(SURNAMES)
    if rng.random() < 0.75:
        name += rng.choice(GIVEN_FIRST)
    return name + rng.choice(GIVEN_SECOND)


def phone(rng: random.Random) -> str:
    """Eleven digits that begin with 12: no such number can be dialled."""
    return f"12{rng.randrange(10**9):09d}"


def uuid4(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)
