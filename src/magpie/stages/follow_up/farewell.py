"""Whether a user has nothing further to ask: thanks, praise or a goodbye, and not a word beyond. Pure.

In the languages below; in others a farewell is taken for a question, and answered.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 160
"""In characters: a longer message says more than goodbye."""

_PART: Final = re.compile(r"[.,;:!…。，！、~—–\n]+")
_MORE: Final = re.compile(r"[?？¿]|\b(?:but|can|could|would|please|how|what|why|another|more|aber|bitte|pero|mais)\b")
_PRAISE: Final = (
    r"(?:(?:this|that|it)(?: is|'s| was| all)? )?(?:(?:very|really|so|just|quite) )?"
    r"(?:great|perfect|good|nice|wonderful|excellent|awesome|amazing|helpful|lovely|fantastic|interesting|clear|enough)"
    r"|ok(?:ay)?|i see|got it|i understand|will do|wow|cool|understood|alright|all right"
    r"|(?:this|that|it)(?: really)?(?: makes sense|(?: has)? help(?:s|ed)(?: me| us)?(?: a lot)?)(?: now)?"
    r"|(?:(?:this|that) is|that's) (?:all|it|everything)(?: i need(?:ed)?| for now| for today)?"
    r"|(?:sehr |wirklich )?(?:gut|super|perfekt|toll|prima|genial|alles klar|verstanden)"
    r"|das (?:ist alles|hilft(?: mir)?)"
    r"|(?:très |vraiment )?(?:bien|parfait|super|génial|d'accord)|c'est (?:tout|parfait|très clair)"
    r"|(?:muy )?(?:bien|perfecto|genial|estupendo|vale|entendido)|eso es todo|está claro"
    r"|(?:очень )?(?:отлично|хорошо|прекрасно|понятно|замечательно|здорово)|это вс[её]"
    r"|perfetto|va bene|molto bene|ottimo|muito bem|perfeito|ótimo|好的|太好了|很好|明白了|わかりました|なるほど"
)
_THANKS: Final = (
    r"(?:many |great |ok |okay |oh )?(?:thanks|thank you|thx|ty|cheers)"
    r"(?: so much| very much| a lot| a bunch| again| in advance| everyone)?(?: for .{1,60}| .{0,20}help.{0,20})?"
    r"|(?:i )?(?:really )?appreciate (?:it|that|this|your help)"
    r"|(?:vielen |herzlichen |besten )?dank(?:e)?(?: dir| ihnen| schön| sehr| vielmals)*(?: für .{1,60})?"
    r"|merci(?: beaucoup| bien| infiniment)?(?: (?:pour|de) .{1,60})?"
    r"|(?:muchas |muchísimas |mil )?gracias(?: (?:por|de) .{1,60})?"
    r"|благодарю(?: вас)?"
    r"|(?:mille )?grazie(?: mille)?|(?:muito )?obrigad[oa](?: pel[oa] .{1,60})?"
    r"|(?:非常|十分|太)?(?:感谢|感謝|谢谢|謝謝)(?:你|您|了|你们)*(?:的.{1,20})?|多谢(?:了)?"
    r"|(?:どうも)?ありがとう(?:ございます|ございました)?|감사합니다|고마워요?|고맙습니다"
)
_GOODBYE: Final = (
    r"(?:good ?)?bye(?: bye| for now| now)?|see (?:you|ya)(?: later| soon| tomorrow| around)?|farewell|take care"
    r"|talk (?:to you )?(?:later|soon)|(?:have|enjoy) (?:a |the |your )?(?:nice |good |great |lovely |wonderful )?"
    r"(?:day|evening|weekend|one|time|rest of .{1,20})|good ?night|until next time"
    r"|tschüss|auf wiedersehen|bis (?:bald|später|morgen)|(?:einen )?schönen (?:tag|abend)(?: noch)?"
    r"|au revoir|à (?:bientôt|plus)|bonne (?:journée|soirée)|adi[oó]s|hasta (?:luego|pronto|mañana)"
    r"|до свидания|пока|до (?:скорого|встречи)|хорошего дня|arrivederci|ciao|tchau|até logo"
    r"|再见|再見|拜拜|さようなら|またね|안녕히 계세요|안녕"
)
_PHRASE: Final = re.compile(rf"{_PRAISE}|{_THANKS}|{_GOODBYE}|and|und|et|y|и")
_SPASIBO: Final = re.compile(r"(?:большое )?спасибо")
_FOR_WHAT: Final = re.compile(r"большое|вам|тебе|за .{1,60}")
"""What may follow that, any number of times."""


def is_farewell(text: str) -> bool:
    """Whether every part of `text` is thanks, praise or a goodbye."""
    said = " ".join(text.casefold().replace("’", "'").split())
    if not said or len(said) > LONGEST or _MORE.search(said):
        return False
    parts = [" ".join(re.sub(r"[^\w' ]", " ", part).split()) for part in _PART.split(said)]
    return any(parts) and all(_is_one(part) for part in parts if part)


def _is_one(part: str) -> bool:
    """Whether `part` is phrases, one after another.

    A phrase may continue with any words, so one pattern of many phrases would try every way to cut `part` up, which
    takes seconds for 160 characters. Here each end that can be reached is found once.
    """
    ends = [place for place, sign in enumerate(part) if sign == " "] + [len(part)]
    reached, thanked = {0}, set[int]()
    for start in (0, *(end + 1 for end in ends[:-1])):
        for end in ends if start in reached else ():
            if end <= start:
                continue
            thanks = _SPASIBO.fullmatch(part, start, end) or (
                start in thanked and _FOR_WHAT.fullmatch(part, start, end)
            )
            if thanks:
                thanked.add(end + 1)
            if thanks or _PHRASE.fullmatch(part, start, end):
                reached.add(end + 1)
    return len(part) + 1 in reached
