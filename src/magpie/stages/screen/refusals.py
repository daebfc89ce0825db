"""Whether a text is an assistant's refusal, which a model sometimes writes in the place of the user.

The patterns match the first sentences of a text in ten languages. Each needs words that only an assistant says (that it
cannot help with that, that it is an AI and therefore cannot): users, too, write that they are sorry or cannot do
something.
"""

from __future__ import annotations

import re

_SORRY = (
    r"(?:(?:i(?:['’]m| am) )?(?:so |very |really |truly |deeply )?sorry|(?:my )?apologies|i apologi[sz]e|unfortunately)"
    r"[,.!;:]? ?(?:but )?"
)
_CANNOT = (
    r"(?:(?:i(?:['’]m| am) (?:afraid (?:that )?)?)?(?:i )?(?:can(?:['’]?t|not| not)|won['’]?t|will not)"
    r"|i must decline to|(?:i(?:['’]m| am) )?(?:unable to|not (?:able|allowed|permitted) to)) (?:\w+ly )?"
)
_HELP = (
    r"(?:(?:assist|help)(?: you)? (?:with|in) (?:that|this|your|any|such|creating|writing)\b"
    r"|(?:fulfil?l|comply with|accommodate|complete|process|satisfy) "
    r"(?:your\b|(?:that|this|the|such)(?: \w+)? requests?\b))"
)
_PROVIDE = (
    r"(?:provide|generate|create|write|produce|share|offer|give|engage in|discuss|support|respond to|answer)"
    r"(?: you)?(?: with)? (?:(?:a|an|any|that|this|such|your|the) )?(?:\w+ )?"
    r"(?:information|instructions?|content|guidance|advice|assistance|requests?|topics?|material|questions?|prompts?)\b"
)
_AN_AI = (
    r"(?:as |i(?:['’]m| am) (?:just |only )?)(?:an? )?"
    r"(?:ai|artificial intelligence|(?:large )?language model)\b[^.!?\n]{0,60}?[,.]? (?:and |so |but )?"
)

_REFUSALS = (
    rf"(?:{_SORRY})?{_CANNOT}{_HELP}",
    rf"{_SORRY}{_CANNOT}{_PROVIDE}",
    rf"(?:{_SORRY})?{_AN_AI}i (?:can(?:['’]?t|not)|do(?:n['’]?t| not)|am (?:not|un)|have no|lack|must)",
    r"(?:es )?tut mir (?:sehr )?leid[,.!]? [^.!?\n]{0,80}?nicht (?:\w+ )?"
    r"(?:helfen|weiterhelfen|unterstützen|beantworten|bereitstellen|erfüllen)",
    r"als (?:ki|künstliche intelligenz|sprachmodell)\b[^.!?\n]{0,40}? (?:kann|habe|bin|darf) ich",
    r"(?:lo siento|lamento|lo lamento|disculpa)[,.!]? (?:pero )?no puedo "
    r"(?:ayudarte|ayudarle|ayudar con eso|proporcionar|cumplir|responder a es[ae]|asistir)",
    r"como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b[^.!?\n]{0,40}? no (?:puedo|tengo|soy)",
    r"(?:je suis )?désolée?[,.!]? (?:mais )?je ne (?:peux|puis) pas "
    r"(?:vous aider|t['’]aider|fournir|répondre à (?:cette|votre)|vous assister|satisfaire)",
    r"en tant qu(?:['’]|e )(?:ia|intelligence artificielle|modèle de langage|assistante?)\b[^.!?\n]{0,40}? je ne",
    r"(?:mi dispiace|spiacente)[,.!]? (?:ma )?non posso (?:aiutarti|aiutarla|fornire|assisterti|soddisfare)",
    r"(?:desculpe|sinto muito|lamento)[,.!]? (?:mas )?não posso "
    r"(?:ajudá|ajudar com isso|fornecer|atender|responder a ess)",
    r"(?:извините|простите|к сожалению|мне жаль)[,.!]? (?:но )?я не могу "
    r"(?:с этим|вам|тебе|помочь (?:с этим|вам)|предоставить|выполнить|обсуждать)",
    r"как (?:ии|языковая модель|искусственный интеллект)\b[^.!?\n]{0,40}? я не",
    r"(?:对不起|很抱歉|抱歉)[，,。]? ?(?:但是?)?我(?:无法|不能)(?:帮助|协助|提供|回答|满足)",
    r"作为(?:一个|一名)?(?:人工智能|ai|语言模型)[^。！？\n]{0,30}?我(?:无法|不能|没有)",
    r"申し訳(?:ありません|ございません)[がで、。 ]*[^。\n]{0,40}?"
    r"(?:お手伝い|お答え|提供|対応)(?:することは?)?でき(?:ません|かね)",
    r"죄송(?:합니다|하지만)[,.]? ?[^.\n]{0,40}?(?:도와드릴|도울|제공할|답변할|답변드릴) 수 (?:는 )?없",
)
_REFUSAL = re.compile(rf"[\W_]*+(?:{'|'.join(_REFUSALS)})", re.IGNORECASE)


def is_refusal(text: str) -> bool:
    """Whether `text` begins as an assistant that will not do what it was asked."""
    return _REFUSAL.match(text[:400]) is not None
