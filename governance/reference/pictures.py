"""Photos of the reference district: drawn, not taken. A striped corner marks each of them.

The same report always gets the same picture under the same id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from types import TracebackType
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

from core import attachments
from core.choices import AttachmentKind
from core.models import Attachment
from governance.reference import demo
from governance.reference.chance import stream, uuid4
from governance.reference.history import Size
from governance.reference.lines import Script
from governance.reference.scripts import key_of, master_of
from issues.choices import OPEN_STATUSES, Action, Status
from people.models import User

COUNTS = {Size.FULL: 90, Size.SMALL: 20}  # reports with a picture, besides those of duplicates
MORE_THAN_ONE = 0.25
NAME = "演示照片.jpg"
WIDTH, HEIGHT, HORIZON = 640, 480, 250

Draw = ImageDraw.ImageDraw
Colour = tuple[int, int, int]


class Album:
    """The pictures of one load. If the load fails, no file stays behind."""

    def __init__(self) -> None:
        self._files: list[Path] = []

    def __enter__(self) -> Album:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for file in self._files:
                file.unlink(missing_ok=True)

    def illustrate(self, told: Sequence[Script], size: Size) -> None:
        """Give pictures to reports of cases that are open, to all duplicates merged into them, and
        to what waits for verification one of how it looks now.
        """
        still_open = {key_of(script): script for script in told if _is_open(script)}
        duplicates = [script for script in told if _master_of(script) in still_open]
        masters = {key: still_open[key] for s in duplicates if (key := _master_of(s))}
        others = [script for key, script in still_open.items() if key not in masters]
        # First what was reported twice, then what lies where the demo accounts work.
        titles = Counter(script[0].data["title"] for script in others)
        stream("pictures").shuffle(others)
        others.sort(key=lambda script: (titles[script[0].data["title"]] == 1, not _is_near(script)))
        chosen = others[: COUNTS[size]]
        for script in [*duplicates, *masters.values(), *chosen]:
            self._illustrate(script)

    def _illustrate(self, script: Script) -> None:
        report, key = script[0], key_of(script)
        rng = Random(str(key))  # noqa: S311 - fiction
        category = report.data["category"].name
        count = 2 if rng.random() < MORE_THAN_ONE else 1
        report.data["photos"] = [
            self._keep(scene(category, Random(f"{key} {number}")), rng, report.by, report.at)  # noqa: S311
            for number in range(count)
        ]
        if script[-1].to.status == Status.VERIFY:
            done = next(
                line
                for line in reversed(script)
                if line.action in (Action.SUBMIT_COMPLETION, Action.RESOLVE_ON_SPOT)
            )
            after = scene(category, Random(f"{key} 0"), solved=True)  # noqa: S311
            done.data["photos"] = [self._keep(after, rng, done.by, done.at)]

    def _keep(self, content: bytes, rng: Random, by: User | None, at: datetime) -> Attachment:
        if by is None:
            raise LookupError("somebody takes a photo")
        upload = SimpleUploadedFile(NAME, content, "image/jpeg")
        attachment = attachments.accept(upload, by=by, only=AttachmentKind.PHOTO, pk=uuid4(rng))
        self._files.append(Path(attachment.file.path))
        attachment.created_at = at - timedelta(seconds=10)
        attachment.save(update_fields=["created_at"])
        return attachment


def _is_open(script: Script) -> bool:
    return script[-1].to.status in OPEN_STATUSES and "longitude" in script[0].data


def _is_near(script: Script) -> bool:
    """Whether a demo account would look at it."""
    community = script[0].data["place"].community
    return community is not None and community.name == demo.ACCOUNTS["community"][1]


def _master_of(script: Script) -> UUID | None:
    """Into which report one is merged now."""
    return master_of(script) if script[-1].to.status == Status.MERGED else None


# --- drawing ---


def scene(category: str, rng: Random, *, solved: bool = False) -> bytes:
    """A JPEG of a street with what is wrong in it, or without once it is solved.

    The same ``rng`` draws the same street both times.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), _around(rng, (196, 216, 232)))
    draw = ImageDraw.Draw(image)
    _street(draw, rng)
    if not solved:
        _TROUBLES.get(category, _people)(draw, rng)
    _mark(draw)
    output = BytesIO()
    image.save(output, "JPEG", quality=80)
    return output.getvalue()


def _around(rng: Random, colour: Colour, by: int = 14) -> Colour:
    red, green, blue = (min(255, max(0, value + rng.randint(-by, by))) for value in colour)
    return red, green, blue


def _street(draw: Draw, rng: Random) -> None:
    left = -20
    while left < WIDTH:
        width, top = rng.randint(90, 170), rng.randint(60, 150)
        wall = _around(rng, (188, 178, 164), 30)
        draw.rectangle((left, top, left + width, HORIZON), fill=wall)
        for x in range(left + 14, left + width - 20, 34):
            for y in range(top + 16, HORIZON - 24, 40):
                draw.rectangle((x, y, x + 18, y + 22), fill=_around(rng, (96, 116, 134)))
        left += width
    draw.rectangle((0, HORIZON, WIDTH, HEIGHT), fill=_around(rng, (150, 150, 146)))
    draw.rectangle((0, HORIZON, WIDTH, HORIZON + 36), fill=_around(rng, (178, 172, 160)))
    for x in range(-30, WIDTH, 120):
        draw.line((x, 400, x + 60, 400), fill=(226, 226, 220), width=6)


def _heap(draw: Draw, rng: Random) -> None:
    """Rubbish, or soil."""
    middle = rng.randint(180, 460)
    for _ in range(46):
        x, y = rng.gauss(middle, 62), 340 - abs(rng.gauss(0, 34))
        size = rng.randint(10, 26)
        colour = _around(rng, rng.choice(((92, 84, 72), (62, 92, 70), (196, 190, 176))), 20)
        draw.ellipse((x - size, y - size * 0.7, x + size, y + size * 0.7), fill=colour)


def _puddle(draw: Draw, rng: Random) -> None:
    x, y = rng.randint(170, 400), rng.randint(310, 360)
    draw.ellipse((x - 130, y - 34, x + 150, y + 44), fill=_around(rng, (96, 108, 98)))
    draw.ellipse((x - 70, y - 18, x + 60, y + 20), fill=_around(rng, (122, 136, 126)))
    draw.ellipse(
        (x + 96, y - 52, x + 150, y - 26), fill=(58, 58, 60), outline=(36, 36, 38), width=4
    )


def _pothole(draw: Draw, rng: Random) -> None:
    x, y = rng.randint(200, 420), rng.randint(330, 380)
    edge = [
        (x + rng.randint(62, 96) * cos_, y + rng.randint(24, 38) * sin_)
        for cos_, sin_ in ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1))
    ]
    draw.polygon(edge, fill=(74, 70, 66), outline=(52, 50, 48))
    for _ in range(6):
        end = (x + rng.randint(-190, 190), y + rng.randint(-30, 70))
        draw.line((x, y, *end), fill=(70, 68, 66), width=2)


def _cars(draw: Draw, rng: Random) -> None:
    for number in range(rng.randint(3, 4)):
        x, y = 20 + number * 150 + rng.randint(0, 20), 300 + rng.randint(0, 50)
        colour = _around(rng, rng.choice(((196, 60, 52), (72, 96, 150), (222, 222, 220))), 20)
        draw.rounded_rectangle((x, y, x + 130, y + 44), 12, fill=colour)
        draw.polygon(((x + 22, y), (x + 44, y - 30), (x + 94, y - 30), (x + 112, y)), fill=colour)
        for wheel in (x + 18, x + 92):
            draw.ellipse((wheel, y + 32, wheel + 24, y + 56), fill=(34, 34, 36))


def _cables(draw: Draw, rng: Random) -> None:
    """Wires across the street, with what is charged at their end."""
    for _ in range(rng.randint(4, 7)):
        start, end = rng.randint(60, 200), rng.randint(330, 600)
        top, low = rng.randint(90, 150), rng.randint(200, 300)
        draw.arc((start, top - low, end, low), 20, 160, fill=(28, 28, 30), width=3)
    x = rng.randint(240, 420)
    for wheel in (x, x + 84):
        draw.ellipse((wheel, 330, wheel + 46, 376), outline=(32, 32, 34), width=6)
    draw.line((x + 22, 352, x + 54, 316, x + 106, 352), fill=(178, 48, 44), width=7)


def _crates(draw: Draw, rng: Random) -> None:
    """Boxes in front of a door."""
    x = rng.randint(190, 330)
    draw.rectangle((x - 10, 150, x + 110, 320), fill=_around(rng, (92, 70, 54)))
    for row in range(3):
        for column in range(4 - row):
            left, top = x - 50 + column * 56 + row * 26, 316 - row * 46 + rng.randint(-4, 4)
            box = (left, top, left + 52, top + 44)
            draw.rectangle(box, fill=_around(rng, (176, 138, 92)), outline=(112, 84, 52), width=3)


def _shed(draw: Draw, rng: Random) -> None:
    x = rng.randint(150, 320)
    roof = _around(rng, (58, 108, 158))
    draw.rectangle((x, 210, x + 220, 340), fill=_around(rng, (202, 204, 206)))
    draw.polygon(((x - 18, 212), (x + 110, 160), (x + 238, 212)), fill=roof)
    for line in range(x + 20, x + 220, 22):
        draw.line((line, 214, line, 338), fill=(168, 172, 176), width=2)


def _stalls(draw: Draw, rng: Random) -> None:
    for number in range(3):
        x = 60 + number * 180 + rng.randint(-16, 16)
        cloth = _around(rng, rng.choice(((204, 72, 58), (64, 132, 92), (212, 168, 68))))
        draw.polygon(((x, 250), (x + 60, 214), (x + 120, 250)), fill=cloth)
        draw.rectangle((x + 10, 300, x + 110, 336), fill=_around(rng, (150, 112, 74)))
        draw.line((x + 10, 250, x + 10, 350), fill=(70, 60, 52), width=4)
        draw.line((x + 110, 250, x + 110, 350), fill=(70, 60, 52), width=4)


def _bench(draw: Draw, rng: Random) -> None:
    x = rng.randint(180, 340)
    for row in (280, 300, 330):
        tilt = rng.randint(-10, 10)
        draw.line((x, row, x + 190, row + tilt), fill=_around(rng, (136, 94, 58)), width=11)
    for leg in (x + 18, x + 168):
        draw.line((leg, 276, leg, 372), fill=(60, 60, 62), width=8)


def _people(draw: Draw, rng: Random) -> None:
    """Some who wait, or talk."""
    for number in range(rng.randint(2, 4)):
        x, y = 150 + number * 104 + rng.randint(-20, 20), 268 + rng.randint(-8, 20)
        coat = _around(rng, rng.choice(((62, 84, 120), (128, 62, 66), (84, 110, 82))), 20)
        draw.ellipse((x - 15, y - 34, x + 15, y - 2), fill=(214, 182, 156))
        draw.rounded_rectangle((x - 24, y, x + 24, y + 84), 14, fill=coat)
        draw.rectangle((x - 17, y + 76, x - 4, y + 132), fill=(48, 52, 60))
        draw.rectangle((x + 4, y + 76, x + 17, y + 132), fill=(48, 52, 60))


def _mark(draw: Draw) -> None:
    """The striped corner by which one sees that this is a drawing for trying things out."""
    corner = ((WIDTH - 132, HEIGHT), (WIDTH, HEIGHT - 132), (WIDTH, HEIGHT))
    draw.polygon(corner, fill=(238, 200, 62))
    for offset in range(0, 132, 26):
        draw.line((WIDTH - offset, HEIGHT, WIDTH, HEIGHT - offset), fill=(48, 48, 48), width=8)


_TROUBLES: dict[str, Callable[[Draw, Random], None]] = {
    "市容环境": _stalls,
    "环境提升": _heap,
    "污水管网": _puddle,
    "垃圾清运": _heap,
    "道路设施": _pothole,
    "停车交通": _cars,
    "公共设施": _bench,
    "违法建设": _shed,
    "消防安全": _crates,
    "厂中厂隐患": _cables,
    "群租房隐患": _crates,
    "电动车充停": _cables,
}
