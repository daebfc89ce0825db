"""A language as datasets name it, to its code of two letters: `EN`, `eng`, `English` and `en-US` are `en`.

Codes of ISO 639-1 with those of ISO 639-2 (T, and B where it is another) and the English names. Knows names alone.
"""

from __future__ import annotations

import re
from functools import cache

_LANGUAGES = """
aa aar Afar|ab abk Abkhazian|ae ave Avestan|af afr Afrikaans|ak aka Akan|am amh Amharic|an arg Aragonese
ar ara Arabic|as asm Assamese|av ava Avaric|ay aym Aymara|az aze Azerbaijani|ba bak Bashkir|be bel Belarusian
bg bul Bulgarian|bi bis Bislama|bm bam Bambara|bn ben Bengali,Bangla|bo bod,tib Tibetan|br bre Breton
bs bos Bosnian|ca cat Catalan,Valencian|ce che Chechen|ch cha Chamorro|co cos Corsican|cr cre Cree
cs ces,cze Czech|cu chu Church Slavic|cv chv Chuvash|cy cym,wel Welsh|da dan Danish|de deu,ger German
dv div Divehi,Maldivian|dz dzo Dzongkha|ee ewe Ewe|el ell,gre Greek,Modern Greek|en eng English
eo epo Esperanto|es spa Spanish,Castilian|et est Estonian|eu eus,baq Basque|fa fas,per Persian,Farsi
ff ful Fulah,Fula|fi fin Finnish|fj fij Fijian|fo fao Faroese|fr fra,fre French|fy fry Western Frisian,Frisian
ga gle Irish|gd gla Scottish Gaelic,Gaelic,Scots Gaelic|gl glg Galician|gn grn Guarani|gu guj Gujarati
gv glv Manx|ha hau Hausa|he heb Hebrew|hi hin Hindi|ho hmo Hiri Motu|hr hrv Croatian
ht hat Haitian,Haitian Creole|hu hun Hungarian|hy hye,arm Armenian|hz her Herero|ia ina Interlingua
id ind Indonesian|ie ile Interlingue|ig ibo Igbo|ii iii Sichuan Yi|ik ipk Inupiaq|io ido Ido
is isl,ice Icelandic|it ita Italian|iu iku Inuktitut|ja jpn Japanese|jv jav Javanese|ka kat,geo Georgian
kg kon Kongo|ki kik Kikuyu|kj kua Kuanyama|kk kaz Kazakh|kl kal Kalaallisut,Greenlandic
km khm Central Khmer,Khmer|kn kan Kannada|ko kor Korean|kr kau Kanuri|ks kas Kashmiri|ku kur Kurdish
kv kom Komi|kw cor Cornish|ky kir Kirghiz,Kyrgyz|la lat Latin|lb ltz Luxembourgish|lg lug Ganda
li lim Limburgan,Limburgish|ln lin Lingala|lo lao Lao|lt lit Lithuanian|lu lub Luba-Katanga|lv lav Latvian
mg mlg Malagasy|mh mah Marshallese|mi mri,mao Maori|mk mkd,mac Macedonian|ml mal Malayalam|mn mon Mongolian
mr mar Marathi|ms msa,may Malay|mt mlt Maltese|my mya,bur Burmese|na nau Nauru
nb nob Norwegian Bokmal,Norwegian Bokmål,Bokmal|nd nde North Ndebele|ne nep Nepali|ng ndo Ndonga
nl nld,dut Dutch,Flemish|nn nno Norwegian Nynorsk,Nynorsk|no nor Norwegian|nr nbl South Ndebele|nv nav Navajo
ny nya Chichewa,Nyanja|oc oci Occitan|oj oji Ojibwa|om orm Oromo|or ori Oriya,Odia|os oss Ossetian
pa pan Panjabi,Punjabi|pi pli Pali|pl pol Polish|ps pus Pashto,Pushto|pt por Portuguese|qu que Quechua
rm roh Romansh|rn run Rundi|ro ron,rum Romanian,Moldavian|ru rus Russian|rw kin Kinyarwanda|sa san Sanskrit
sc srd Sardinian|sd snd Sindhi|se sme Northern Sami|sg sag Sango|si sin Sinhala,Sinhalese|sk slk,slo Slovak
sl slv Slovenian,Slovene|sm smo Samoan|sn sna Shona|so som Somali|sq sqi,alb Albanian|sr srp Serbian
ss ssw Swati|st sot Southern Sotho,Sotho|su sun Sundanese|sv swe Swedish|sw swa Swahili|ta tam Tamil
te tel Telugu|tg tgk Tajik|th tha Thai|ti tir Tigrinya|tk tuk Turkmen|tl tgl Tagalog,Filipino|tn tsn Tswana
to ton Tonga|tr tur Turkish|ts tso Tsonga|tt tat Tatar|tw twi Twi|ty tah Tahitian|ug uig Uighur,Uyghur
uk ukr Ukrainian|ur urd Urdu|uz uzb Uzbek|ve ven Venda|vi vie Vietnamese|vo vol Volapuk|wa wln Walloon
wo wol Wolof|xh xho Xhosa|yi yid Yiddish|yo yor Yoruba|za zha Zhuang
zh zho,chi,cmn Chinese,Mandarin,Mandarin Chinese|zu zul Zulu
"""
_REGION = re.compile(r"([a-z]{2,3})[-_][a-z0-9_-]{1,20}")
_QUALIFIED = re.compile(r"(.{2,30}?) ?\(.{1,40}\)")


@cache
def _known() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _LANGUAGES.strip().replace("\n", "|").split("|"):
        code, others, names = entry.split(" ", 2)
        for name in (code, *others.split(","), *names.lower().split(",")):
            found[name] = code
    return found


def language_code(name: str) -> str | None:
    """The code of two letters; None for what is no language of ISO 639-1.

    language_code("English")  # "en"
    """
    if len(name) > 80:
        return None
    name = name.strip().lower()
    known = _known()
    if name in known:
        return known[name]
    if (match := _REGION.fullmatch(name)) or (match := _QUALIFIED.fullmatch(name)):
        return known.get(match[1])
    return None
