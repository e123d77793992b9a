"""The 345 words of Quick, Draw!, how people call them, and where their files lie. No network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from ..errors import ConfigError, UnknownClassError, did_you_mean

__all__ = [
    "ALIASES",
    "FORMATS",
    "MIRROR_UNSAFE",
    "WORDS",
    "WORD_SETS",
    "Format",
    "RemoteFiles",
    "file_name",
    "remote_path",
    "resolve_words",
]


def _listed(text: str) -> tuple[str, ...]:
    """The words of a text, between commas and line ends."""
    return tuple(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


WORDS = _listed("""
    The Eiffel Tower, The Great Wall of China, The Mona Lisa, aircraft carrier, airplane,
    alarm clock, ambulance, angel, animal migration, ant, anvil, apple, arm, asparagus, axe,
    backpack, banana, bandage, barn, baseball, baseball bat, basket, basketball, bat, bathtub,
    beach, bear, beard, bed, bee, belt, bench, bicycle, binoculars, bird, birthday cake,
    blackberry, blueberry, book, boomerang, bottlecap, bowtie, bracelet, brain, bread, bridge,
    broccoli, broom, bucket, bulldozer, bus, bush, butterfly, cactus, cake, calculator,
    calendar, camel, camera, camouflage, campfire, candle, cannon, canoe, car, carrot, castle,
    cat, ceiling fan, cell phone, cello, chair, chandelier, church, circle, clarinet, clock,
    cloud, coffee cup, compass, computer, cookie, cooler, couch, cow, crab, crayon, crocodile,
    crown, cruise ship, cup, diamond, dishwasher, diving board, dog, dolphin, donut, door,
    dragon, dresser, drill, drums, duck, dumbbell, ear, elbow, elephant, envelope, eraser,
    eye, eyeglasses, face, fan, feather, fence, finger, fire hydrant, fireplace, firetruck,
    fish, flamingo, flashlight, flip flops, floor lamp, flower, flying saucer, foot, fork,
    frog, frying pan, garden, garden hose, giraffe, goatee, golf club, grapes, grass, guitar,
    hamburger, hammer, hand, harp, hat, headphones, hedgehog, helicopter, helmet, hexagon,
    hockey puck, hockey stick, horse, hospital, hot air balloon, hot dog, hot tub, hourglass,
    house, house plant, hurricane, ice cream, jacket, jail, kangaroo, key, keyboard, knee,
    knife, ladder, lantern, laptop, leaf, leg, light bulb, lighter, lighthouse, lightning,
    line, lion, lipstick, lobster, lollipop, mailbox, map, marker, matches, megaphone,
    mermaid, microphone, microwave, monkey, moon, mosquito, motorbike, mountain, mouse,
    moustache, mouth, mug, mushroom, nail, necklace, nose, ocean, octagon, octopus, onion,
    oven, owl, paint can, paintbrush, palm tree, panda, pants, paper clip, parachute, parrot,
    passport, peanut, pear, peas, pencil, penguin, piano, pickup truck, picture frame, pig,
    pillow, pineapple, pizza, pliers, police car, pond, pool, popsicle, postcard, potato,
    power outlet, purse, rabbit, raccoon, radio, rain, rainbow, rake, remote control,
    rhinoceros, rifle, river, roller coaster, rollerskates, sailboat, sandwich, saw,
    saxophone, school bus, scissors, scorpion, screwdriver, sea turtle, see saw, shark, sheep,
    shoe, shorts, shovel, sink, skateboard, skull, skyscraper, sleeping bag, smiley face,
    snail, snake, snorkel, snowflake, snowman, soccer ball, sock, speedboat, spider, spoon,
    spreadsheet, square, squiggle, squirrel, stairs, star, steak, stereo, stethoscope,
    stitches, stop sign, stove, strawberry, streetlight, string bean, submarine, suitcase,
    sun, swan, sweater, swing set, sword, syringe, t-shirt, table, teapot, teddy-bear,
    telephone, television, tennis racquet, tent, tiger, toaster, toe, toilet, tooth,
    toothbrush, toothpaste, tornado, tractor, traffic light, train, tree, triangle, trombone,
    truck, trumpet, umbrella, underwear, van, vase, violin, washing machine, watermelon,
    waterslide, whale, wheel, windmill, wine bottle, wine glass, wristwatch, yoga, zebra,
    zigzag
""")
"""The words as Google spells them, sorted as file names are: capitals first."""

WORD_SETS: Mapping[str, tuple[str, ...]] = {
    # Quickly drawn, and no two of them alike.
    "demo10": _listed("apple, bicycle, cat, clock, fish, house, ladder, star, sun, tree"),
    # The ten of the comparisons that earlier projects published.
    "animals10": _listed("bear, bee, camel, cat, cow, crab, crocodile, dog, dolphin, duck"),
    "animals": _listed("""
        ant, bat, bear, bee, bird, butterfly, camel, cat, cow, crab, crocodile, dog, dolphin, duck,
        elephant, fish, flamingo, frog, giraffe, hedgehog, horse, kangaroo, lion, lobster, monkey,
        mosquito, mouse, octopus, owl, panda, parrot, penguin, pig, rabbit, raccoon, rhinoceros,
        scorpion, sea turtle, shark, sheep, snail, snake, spider, squirrel, swan, tiger, whale,
        zebra
    """),
    "body": _listed("""
        arm, beard, brain, ear, elbow, eye, face, finger, foot, goatee, hand, knee, leg, moustache,
        mouth, nose, skull, toe, tooth
    """),
    "buildings": _listed("""
        The Eiffel Tower, The Great Wall of China, barn, bridge, castle, church, hospital, house,
        jail, lighthouse, skyscraper, tent, windmill
    """),
    "clothes": _listed("""
        belt, bowtie, bracelet, crown, eyeglasses, flip flops, hat, helmet, jacket, necklace, pants,
        purse, shoe, shorts, sock, sweater, t-shirt, underwear, wristwatch
    """),
    "food": _listed("""
        apple, asparagus, banana, birthday cake, blackberry, blueberry, bread, broccoli, cake,
        carrot, cookie, donut, grapes, hamburger, hot dog, ice cream, lollipop, mushroom, onion,
        peanut, pear, peas, pineapple, pizza, popsicle, potato, sandwich, steak, strawberry,
        string bean, watermelon
    """),
    "fruit": _listed("""
        apple, banana, blackberry, blueberry, grapes, pear, pineapple, strawberry, watermelon
    """),
    "furniture": _listed("""
        bathtub, bed, bench, ceiling fan, chair, chandelier, couch, door, dresser, fireplace,
        floor lamp, hot tub, ladder, pillow, sink, sleeping bag, stairs, table, toilet
    """),
    "kitchen": _listed("""
        coffee cup, cooler, cup, dishwasher, fork, frying pan, knife, microwave, mug, oven, spoon,
        stove, teapot, toaster, wine bottle, wine glass
    """),
    "music": _listed("""
        cello, clarinet, drums, guitar, harp, piano, saxophone, trombone, trumpet, violin
    """),
    "nature": _listed("""
        beach, bush, cactus, cloud, flower, garden, grass, hurricane, leaf, lightning, moon,
        mountain, ocean, palm tree, pond, rain, rainbow, river, snowflake, star, sun, tornado, tree
    """),
    "shapes": _listed("""
        circle, diamond, hexagon, line, octagon, square, squiggle, star, triangle, zigzag
    """),
    "sports": _listed("""
        baseball, baseball bat, basketball, diving board, dumbbell, golf club, hockey puck,
        hockey stick, rollerskates, skateboard, snorkel, soccer ball, tennis racquet, yoga
    """),
    "tools": _listed("""
        anvil, axe, broom, bucket, drill, garden hose, hammer, nail, paint can, paintbrush, pliers,
        rake, saw, scissors, screwdriver, shovel
    """),
    "vehicles": _listed("""
        aircraft carrier, airplane, ambulance, bicycle, bulldozer, bus, canoe, car, cruise ship,
        firetruck, flying saucer, helicopter, hot air balloon, motorbike, pickup truck, police car,
        sailboat, school bus, speedboat, submarine, tractor, train, truck, van
    """),
}
"""Words that are asked for together. The name "all" stands for every known class."""

ALIASES: Mapping[str, str] = {
    "aeroplane": "airplane",
    "bath": "bathtub",
    "bike": "bicycle",
    "bunny": "rabbit",
    "burger": "hamburger",
    "doughnut": "donut",
    "eiffel tower": "The Eiffel Tower",
    "fire engine": "firetruck",
    "glasses": "eyeglasses",
    "great wall of china": "The Great Wall of China",
    "handbag": "purse",
    "hosepipe": "garden hose",
    "ice lolly": "popsicle",
    "jumper": "sweater",
    "letterbox": "mailbox",
    "lorry": "truck",
    "mobile phone": "cell phone",
    "mona lisa": "The Mona Lisa",
    "motorcycle": "motorbike",
    "mustache": "moustache",
    "phone": "telephone",
    "plane": "airplane",
    "pullover": "sweater",
    "racoon": "raccoon",
    "rhino": "rhinoceros",
    "rucksack": "backpack",
    "smiley": "smiley face",
    "sofa": "couch",
    "spectacles": "eyeglasses",
    "street lamp": "streetlight",
    "swimming pool": "pool",
    "teddy": "teddy-bear",
    "tennis racket": "tennis racquet",
    "torch": "flashlight",
    "traffic lights": "traffic light",
    "trousers": "pants",
    "tv": "television",
    "ufo": "flying saucer",
    "wall socket": "power outlet",
    "watch": "wristwatch",
}
"""Other names of the same thing; near things, such as alligator and crocodile, are not here."""

MIRROR_UNSAFE: frozenset[str] = frozenset(
    _listed("""
        alarm clock, calculator, calendar, clock, compass, microwave, passport, postcard, stop sign,
        wristwatch
    """)
)
"""Words whose drawings nobody makes the other way round, so that a mirrored copy teaches nothing.

Letters or digits belong to most of them; a postcard has its stamp, and a microwave its keys, on the
right. Found by looking at 24 drawings of each word in doubt. Left out are words that carry letters
only now and then (school bus, police car, toothpaste): they are drawn facing either way.
"""

Format = Literal["simplified", "raw", "binary", "bitmap", "sketchrnn"]
"""The five forms in which Google gives the drawings away."""


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Where the files of one format lie below the bucket's address, and how they are called."""

    folder: str
    suffix: str


FORMATS: Mapping[str, RemoteFiles] = {
    "simplified": RemoteFiles("full/simplified", ".ndjson"),
    "raw": RemoteFiles("full/raw", ".ndjson"),
    "binary": RemoteFiles("full/binary", ".bin"),
    "bitmap": RemoteFiles("full/numpy_bitmap", ".npy"),
    "sketchrnn": RemoteFiles("sketchrnn", ".npz"),
}


def file_name(word: str, format: Format) -> str:
    """The name of a word's file, as in the bucket: "ice cream.ndjson".

    Raises:
        ConfigError: no such format.
    """
    return word + _remote_files(format).suffix


def remote_path(word: str, format: Format) -> str:
    """The path of a word's file below the bucket's address: "full/raw/ice%20cream.ndjson".

    Raises:
        ConfigError: no such format.
    """
    return f"{_remote_files(format).folder}/{quote(file_name(word, format))}"


def resolve_words(names: str | Iterable[str], known: Sequence[str] = WORDS) -> list[str]:
    """The words that are meant, each once, in the order in which they were first named.

    A name may be a word, a list with commas, a set of `WORD_SETS`, "all", or another name of
    `ALIASES`. Capitals, blanks, hyphens and underscores do not matter: "TShirt", "ice_cream".
    What is a word already, exactly as written, is never read as anything else.

    Args:
        names: one name or several.
        known: the classes to choose from.

    Raises:
        UnknownClassError: a name that fits nothing, a set of which a word is not in `known`, or
            nothing named at all.
    """
    spelled: dict[str, list[str]] = {}
    for word in known:
        spelled.setdefault(_key(word), []).append(word)
    found: dict[str, None] = {}
    for name in [names] if isinstance(names, str) else names:
        parts = [name] if name in known else [part.strip() for part in name.split(",")]
        for part in filter(None, parts):
            found.update(dict.fromkeys(_meant(part, known, spelled)))
    if not found:
        raise UnknownClassError("No words were named. Name some, such as cat,dog, or a set: all.")
    return list(found)


def _meant(name: str, known: Sequence[str], spelled: Mapping[str, list[str]]) -> Sequence[str]:
    """The words that one name, without commas, stands for."""
    if name in known:
        return [name]
    key = _key(name)
    alike = spelled.get(key, [])
    if len(alike) == 1:
        return alike
    if key == "all":
        return known
    if key in WORD_SETS:
        return _whole_set(key, known)
    if (alias := _WORD_OF_ALIAS.get(key)) and alias in known:
        return [alias]
    near = did_you_mean(name, [*known, *WORD_SETS, *(a for a, w in ALIASES.items() if w in known)])
    advice = near or f" Choose from: {_some(known)}; or a set: {_some(list(WORD_SETS))}."
    raise UnknownClassError(f"'{name}' is not among the {len(known)} classes.{advice}")


def _whole_set(name: str, known: Sequence[str]) -> Sequence[str]:
    words = WORD_SETS[name]
    absent = [word for word in words if word not in known]
    if absent:
        present = ",".join(word for word in words if word in known)
        advice = f"Name those that are: {present}" if present else "Name words that are."
        raise UnknownClassError(
            f"Of the set '{name}', {_some(absent)} {'is' if len(absent) == 1 else 'are'} not among"
            f" the {len(known)} classes. {advice}"
        )
    return words


def _remote_files(format: str) -> RemoteFiles:
    try:
        return FORMATS[format]
    except KeyError:
        advice = did_you_mean(format, FORMATS) or f" Choose from: {', '.join(FORMATS)}."
        raise ConfigError(f"There is no format '{format}'.{advice}") from None


def _key(name: str) -> str:
    """A name without what people write in different ways."""
    return "".join(letter for letter in name.casefold() if letter not in " _-\t")


def _some(words: Sequence[str], n: int = 8) -> str:
    """The first few words, and how many more there are."""
    more = f" and {len(words) - n} more" if len(words) > n else ""
    return ", ".join(words[:n]) + more


_WORD_OF_ALIAS = {_key(alias): word for alias, word in ALIASES.items()}
