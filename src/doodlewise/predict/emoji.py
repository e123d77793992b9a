"""A small picture beside a word, where Unicode has one that fits.

A word is left out where the nearest emoji shows another thing: "rake" has none, and a pitchfork
would mislead whoever is asked to draw one.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EMOJI"]


def _listed(text: str) -> dict[str, str]:
    """The entries of a text, "word emoji" between commas and line ends."""
    entries = (entry.strip() for entry in text.replace("\n", ",").split(","))
    pairs = (entry.rpartition(" ") for entry in entries if entry)
    return {word: emoji for word, _, emoji in pairs}


EMOJI: Mapping[str, str] = _listed("""
    The Eiffel Tower 🗼, airplane ✈️, alarm clock ⏰, ambulance 🚑, angel 👼, ant 🐜, apple 🍎,
    arm 💪, axe 🪓, backpack 🎒, banana 🍌, bandage 🩹, baseball ⚾, basket 🧺, basketball 🏀,
    bat 🦇, bathtub 🛁, beach 🏖️, bear 🐻, beard 🧔, bed 🛏️, bee 🐝, bicycle 🚲, bird 🐦,
    birthday cake 🎂, blueberry 🫐, book 📖, boomerang 🪃, brain 🧠, bread 🍞, broccoli 🥦,
    broom 🧹, bucket 🪣, bus 🚌, butterfly 🦋, cactus 🌵, cake 🍰, calendar 📅, camel 🐫,
    camera 📷, campfire 🔥, candle 🕯️, canoe 🛶, car 🚗, carrot 🥕, castle 🏰, cat 🐈,
    cell phone 📱, chair 🪑, church ⛪, circle ⭕, clock 🕐, cloud ☁️, coffee cup ☕, compass 🧭,
    computer 🖥️, cookie 🍪, couch 🛋️, cow 🐄, crab 🦀, crayon 🖍️, crocodile 🐊, crown 👑,
    cruise ship 🛳️, diamond 💎, dog 🐕, dolphin 🐬, donut 🍩, door 🚪, dragon 🐉, drums 🥁,
    duck 🦆, ear 👂, elephant 🐘, envelope ✉️, eye 👁️, eyeglasses 👓, face 😐, feather 🪶,
    finger 👆, firetruck 🚒, fish 🐟, flamingo 🦩, flashlight 🔦, flip flops 🩴, flower 🌼,
    flying saucer 🛸, foot 🦶, fork 🍴, frog 🐸, garden 🏡, giraffe 🦒, grapes 🍇, grass 🌱,
    guitar 🎸, hamburger 🍔, hammer 🔨, hand ✋, hat 🎩, headphones 🎧, hedgehog 🦔,
    helicopter 🚁, hockey stick 🏒, horse 🐎, hospital 🏥, hot air balloon 🎈, hot dog 🌭,
    hourglass ⏳, house 🏠, house plant 🪴, hurricane 🌀, ice cream 🍦, jacket 🧥, kangaroo 🦘,
    key 🔑, keyboard ⌨️, knife 🔪, ladder 🪜, lantern 🏮, laptop 💻, leaf 🍃, leg 🦵,
    light bulb 💡, lightning ⚡, lion 🦁, lipstick 💄, lobster 🦞, lollipop 🍭, mailbox 📫,
    map 🗺️, megaphone 📣, mermaid 🧜, microphone 🎤, monkey 🐒, moon 🌙, mosquito 🦟,
    motorbike 🏍️, mountain ⛰️, mouse 🐁, mouth 👄, mushroom 🍄, necklace 📿, nose 👃, ocean 🌊,
    octopus 🐙, onion 🧅, owl 🦉, paintbrush 🖌️, palm tree 🌴, panda 🐼, pants 👖, paper clip 📎,
    parachute 🪂, parrot 🦜, peanut 🥜, pear 🍐, peas 🫛, pencil ✏️, penguin 🐧, piano 🎹,
    pickup truck 🛻, picture frame 🖼️, pig 🐖, pineapple 🍍, pizza 🍕, police car 🚓, potato 🥔,
    power outlet 🔌, purse 👛, rabbit 🐇, raccoon 🦝, radio 📻, rain 🌧️, rainbow 🌈,
    rhinoceros 🦏, river 🏞️, roller coaster 🎢, rollerskates 🛼, sailboat ⛵, sandwich 🥪,
    saw 🪚, saxophone 🎷, school bus 🚍, scissors ✂️, scorpion 🦂, screwdriver 🪛,
    sea turtle 🐢, shark 🦈, sheep 🐑, shoe 👟, shorts 🩳, skateboard 🛹, skull 💀,
    skyscraper 🏙️, smiley face 🙂, snail 🐌, snake 🐍, snorkel 🤿, snowflake ❄️, snowman ⛄,
    soccer ball ⚽, sock 🧦, speedboat 🚤, spider 🕷️, spoon 🥄, spreadsheet 📊, square ⬜,
    squiggle 〰️, squirrel 🐿️, star ⭐, steak 🥩, stethoscope 🩺, stop sign 🛑, strawberry 🍓,
    suitcase 🧳, sun ☀️, swan 🦢, sword 🗡️, syringe 💉, t-shirt 👕, teapot 🫖, teddy-bear 🧸,
    telephone ☎️, television 📺, tennis racquet 🎾, tent ⛺, tiger 🐅, toilet 🚽, tooth 🦷,
    toothbrush 🪥, tornado 🌪️, tractor 🚜, traffic light 🚦, train 🚆, tree 🌳, triangle 🔺,
    truck 🚚, trumpet 🎺, umbrella ☂️, underwear 🩲, van 🚐, vase 🏺, violin 🎻, watermelon 🍉,
    whale 🐋, wheel 🛞, wine bottle 🍾, wine glass 🍷, wristwatch ⌚, yoga 🧘, zebra 🦓
""")
"""Word to emoji, for those of Google's 345 words that have one."""
