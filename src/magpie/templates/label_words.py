"""The words by which models label questions, answers, turns and steps, in the languages that they write most.

Data for the sanitizing rules: names are in lower case and without marks. In other languages, only
additions around an instruction that are recognized by structure alone are removed.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


ASKS: Final = _words("""
question, task, instruction, instructions, prompt, problem, query, request, exercise, user query, user question,
user prompt, user request, user input, user instruction, math problem, word problem, example question, q
challenge
pregunta, tarea, instrucción, problema, ejercicio, consulta, pergunta, tarefa, instrução, exercício
consigne, tâche, problème, exercice, requête, énoncé, frage, aufgabe, anweisung, anfrage, übung
aufgabenstellung
domanda, compito, istruzione, esercizio, richiesta, quesito, vraag, opdracht, taak, opgave
вопрос, задача, задание, инструкция, запрос, упражнение, soru, görev, talimat, problem, alıştırma
问题, 題目, 题目, 任务, 指令, 提问, 问, 質問, 問題, 課題, 指示, 問, 질문, 문제, 과제, 지시, प्रश्न, सवाल
कार्य, निर्देश
câu hỏi, bài toán, nhiệm vụ, yêu cầu, đề bài, bài tập, سؤال, السؤال, المهمة, pytanie, zadanie, polecenie
pertanyaan, tugas, soal, fråga, uppgift, питання, завдання
""")
WORD_END: Final = r"(?:(?<![^\W\d_])|(?![^\W\d_])|(?=[\u3040-\u9fff\uac00-\ud7af]))"
"""The end of a word: "ok" does not match in "Oklahoma". Chinese and Japanese have no spaces, and Korean has
particles."""
_NOUNS: Final = "answer, response, solution, reply, explanation, rationale, reasoning, proof"
ANSWERS: Final = _words(f"""
{_NOUNS}, ans, a, output, result, rewritten, revised, corrected, translated, translation, rewrite
rewritten version
revised version, corrected version, rewritten sentence, correct option, correct choice, ai response, ai answer
right option
{
    ",".join(
        f"{kind} {noun}"
        for kind in (
            "correct",
            "final",
            "right",
            "best",
            "sample",
            "suggested",
            "model",
            "possible",
            "expected",
            "detailed",
            "short",
            "step-by-step",
            "the correct",
            "example",
        )
        for noun in _NOUNS.split(", ")
    )
}
respuesta, respuesta correcta, respuesta final, solución, explicación, resultado
réponse, bonne réponse, réponse correcte, réponse finale, solution, explication, corrigé, résultat, rép
antwort, richtige antwort, lösung, erklärung, ergebnis, lösungsweg
resposta, resposta correta, resposta final, solução, resolução, explicação
risposta, risposta corretta, risposta esatta, soluzione, spiegazione, svolgimento, risultato
antwoord, juiste antwoord, oplossing, uitleg, het antwoord
ответ, правильный ответ, решение, объяснение, пояснение, cevap, doğru cevap, yanıt, çözüm, açıklama, sonuç
答案, 正确答案, 答, 回答, 解答, 解, 解析, 解释, 参考答案, 答え, 解答例, 正解, 解説, 답, 답변, 정답, 대답, 풀이
해설, 해답
उत्तर, सही उत्तर, जवाब, हल, समाधान, trả lời, câu trả lời, đáp án, lời giải, giải, الإجابة, الجواب, إجابة, الحل
odpowiedź, rozwiązanie, jawaban, jawab, penyelesaian, pembahasan, svar, lösning, відповідь, розв'язання
""")
USERS: Final = _words("""
user, human, user turn, usuario, utilisateur, benutzer, nutzer, usuário, utente, gebruiker, пользователь
человек
kullanıcı, 用户, 用戶, ユーザー, 사용자, उपयोगकर्ता, người dùng, المستخدم, użytkownik, pengguna, användare
користувач
""")
ASSISTANTS: Final = _words("""
assistant, ai, model, ai assistant, bot, chatbot, gpt, chatgpt, asistente, assistente, assistent, ассистент
помощник, ии
asistan, yapay zeka, 助手, 助理, 人工智能, アシスタント, 어시스턴트, 인공지능, सहायक, trợ lý, المساعد
asystent, asisten
""")
STEPS: Final = _words("""
step, paso, étape, schritt, passo, passaggio, stap, шаг, adım, 步骤, 步驟, ステップ, 단계, चरण, bước, الخطوة
krok, langkah, steg, крок
""")

REPLY_OPENERS: Final = (
    # what a reply begins with, and a user's own further words do not
    r"sure(?:ly)?[!,.:]|certainly[!,.:]|of course[!,.:]|absolutely[!,.:]|great question|good question|"
    r"i'd be (?:happy|glad)|i would be (?:happy|glad)|happy to help|i'm happy to|i'll be happy|"
    r"to (?:solve|answer|find|determine|calculate|compute|prove) (?:this|that|it)\b|"
    r"let(?:'s| us) (?:break|solve|think step|work through|analy[sz]e|go through|find|calculate|denote)|"
    r"(?:we|you) (?:need|have) to (?:find|calculate|determine|solve)|(?:first|firstly), (?:we|let)|"
    r"proof[.:]|the (?:correct |final |right )?(?:answer|solution|result) (?:is|to this)|"
    r"(?:therefore|thus|hence|consequently),|so,? the \S+(?: \S+){0,4} is [^\n]{0,40}[0-9]|"
    r"here(?:'s| is| are) (?:a|an|one|how|what|your|(?:some|a few|several|\w+) (?:ways|tips|ideas|steps|examples|"
    r"reasons|"
    r"names|suggestions|strategies|options|recommendations))\b|"
    r"i understand (?:how|your)|i'm (?:so )?sorry to hear|i'm sorry, but|that's a (?:great|good)|i apologi[sz]e|"
    r"as an ai\b|"
    r"¡?claro(?: que sí)?[!,.:]|¡?por supuesto[!,.:]|¡?con gusto|para resolver est\w*|"
    r"aquí (?:tienes|te (?:dejo|presento)|hay|está) (?:un|una|unos|unas|algun\w+)\b|"
    r"(?:por lo tanto|por tanto|portanto|pertanto|par conséquent|folglich|somit),? |la respuesta (?:correcta )?es|"
    r"bien s[uû]r[ !,.:]|certainement[ !,.:]|avec plaisir|voici (?:un|une|quelques|comment)\b|"
    r"la (?:bonne )?réponse est|"
    r"pour résoudre ce\w*|natürlich[!,.:]|selbstverständlich[!,.:]|gerne?[!,.:]|"
    r"hier (?:ist|sind) (?:ein|eine|einige)\b|"
    r"die (?:richtige )?antwort (?:ist|lautet)|com certeza[!,.:]|para resolver est\w*|"
    r"aqui (?:está|estão|vai|vão) (?:um|uma|algun\w+|algum\w+)\b|a resposta (?:correta )?é|"
    r"certo[!,.:]|certamente[!,.:]|ecco (?:un|una|uno|alcun\w|come|qualche)\b|la risposta (?:corretta )?è|"
    r"natuurlijk[!,.:]|zeker[!,.:]|hier (?:is|zijn) (?:een|enkele)\b|het antwoord is|"
    r"конечно[!,.:]|разумеется[!,.:]|вот (?:несколько|один|одна|как|пример\w*|некоторые)|таким образом,|следовательно,|"
    r"tabii(?: ki)?[!,.:]|elbette[!,.:]|işte (?:bir|birkaç|bazı)|"
    r"当然[!,。!,可]|好的[,。!,!]|以下是(?:一些|一[个份篇]|几)|因此|所以[,,]?答案|答案是|"
    r"もちろん|承知|以下に|したがって|물론(?:이|입|,)|네[,!]|다음은|따라서|ज़रूर|बिल्कुल|यहाँ (?:एक|कुछ)|"
    r"chắc chắn rồi|tất nhiên|dưới đây là (?:một số|vài)|بالتأكيد|بالطبع|oczywiście|tentu"
)
LETTER_OPENERS: Final = (
    # what a letter begins with: a reply to a request to write one
    r"subject:|dear \w|betreff:|objet ?:|asunto:|assunto:|oggetto:|onderwerp:|件名|主题[:\uff1a]|제목:"
)
OWN_TEXTS: Final = (
    # a user's own work, which may follow
    r"\bmy (?:\w+ )?(?:code|essay|text|poem|story|letter|e-?mail|resume|cv|proof|paragraph|sentence|script|query|"
    r"function|draft|"
    r"article|paper|translation|work|homework|regex|program|answer|solution|post|message|speech|recipe|plan)\b|"
    r"\bmi (?:código|texto|ensayo|carta|correo|poema|cuento|respuesta|currículum)\b|\bmon (?:code|texte|essai|"
    r"courriel|poème|cv)\b|"
    r"\bma (?:lettre|rédaction|réponse)\b|\bmein(?:en|em|e)? (?:code|text|aufsatz|brief|gedicht|lebenslauf|lösung|"
    r"antwort)\b|"
    r"\b(?:meu|minha) (?:código|texto|redação|carta|poema|resposta)\b|\b(?:mio|mia|il mio) (?:codice|testo|tema|"
    r"lettera)\b|"
    r"мо(?:й|ю|ё|е) (?:код|текст|сочинение|письмо|решение)|我的(?:代码|文章|作文|邮件|信|答案)|私の(?:文章|コード|"
    r"作文)|"
    r"제 (?:코드|글|에세이)|내 (?:코드|글)"
)
OFFERS: Final = (
    # whole sentences that only an assistant says
    r"how (?:can|may) i (?:help|assist) you|what would you like to (?:know|do|ask|talk)|what can i (?:do|help)|"
    r"i'd be happy to help|i'm here to help|i can'?t (?:assist|help) with|i cannot (?:assist|help)|"
    r"i'm unable to (?:assist|help)|"
    r"i am an ai\b|i'm an ai\b|as an ai\b|created to help you|please provide (?:me with )?(?:the|more|your)|"
    r"¿en qué puedo ayudar|puis-je vous aider|wie kann ich (?:ihnen|dir) helfen|como posso ajud|"
    r"come posso aiutar|"
    r"чем (?:я )?могу (?:вам )?помочь|nasıl yardımcı olabilirim|waarmee kan ik|请问您有什么|有什么可以帮|"
    r"请问有什么|我能帮您|"
    r"お手伝い|何かお|무엇을 도와|도와드릴|कैसे मदद|सहायता कर सकत|giúp gì cho bạn|كيف يمكنني مساعدتك|"
    r"jak mogę (?:ci )?pomóc"
)
REQUESTS: Final = _words("""
explain, give, evaluate, summarise, extract, classify, paraphrase, proofread, evaluate, grade, mark, rewrite
translate, tell, write, compare, summarize, summarise, describe, identify
answer, provide, list, show, rate, suggest, judge, check, correct, improve, turn, make, convert, plot, find
analyze, analyse
assess, review, fix, discuss, justify, use, add, continue, complete, create, generate, explica, da, evalúa
traduce, escribe, dime
corrige, expliquez, explique, donnez, donne, évaluez, évalue, traduisez, traduis, écris, écrivez, comparez
corrigez, erkläre
erklären, bewerte, bewerten, übersetze, schreibe, schreib, vergleiche, korrigiere, nenne, avalie, traduza
escreva, compare, corrija
spiega, valuta, traduci, scrivi, correggi, leg, beoordeel, vertaal, schrijf, объясни, объясните, оцени
оцените, переведи, напиши
проверь, сравни, исправь, açıkla, değerlendir, çevir, yaz, düzelt
""")
COMMANDS: Final = REQUESTS | _words("""
summarise, extract, classify, paraphrase, proofread, pick, choose, decide, guess, predict, count, sort, rank
format, draft, compose, outline, plan, design, calculate, compute, solve, prove, determine, estimate, simplify
highlight, quote
name, state, define, clarify, elaborate, expand, shorten, transform, change, replace, remove, keep, ignore
include, respond, reply
say, help, consider, look, read, act, play, pretend, imagine, assume, argue, defend, criticize, criticise, do
don't, note, label
annotate, refactor, debug, implement, optimize, test, visualize, visualise, draw, sketch, recommend, propose
advise, teach, what
why, how, who, which, when, where, can, could, would, is, are, does, should
""")
IMPERATIVES: Final = COMMANDS - _words("""
what, why, how, who, which, when, where, can, could, would, is, are, does, should, do, don't
""")
POLITE: Final = (
    r"\b(?:please|por favor|bitte|s'il (?:te|vous) pla[iî]t|per favore|alsjeblieft|пожалуйста|lütfen|"
    r"vui lòng)\b|"
    r"请|請|してください|て下さい|주세요|कृपया|दीजिए|बताइए|من فضلك"
)
WORKS_ON: Final = (
    # verbs that want a text to work on
    r"evaluate|grade|mark|rate|assess|judge|proofread|rewrite|rephrase|paraphrase|translate|summari[sz]e|"
    r"classify|extract|"
    r"compare|continue|complete|fix|correct|edit|improve|shorten|review|critique|verify|decompose|annotate|"
    r"analy[sz]e|check|polish|"
    r"evalúa|corrige|traduce|resume|reescribe|continúa|compara|revisa|évalue[zr]?|corrige[zr]?|traduis|"
    r"traduisez|résume[zr]?|"
    r"réécri(?:s|vez)|continue[zr]?|compare[zr]?|bewerte|korrigiere|übersetze|fasse|verbessere|vergleiche|"
    r"prüfe|überarbeite|"
    r"avalie|corrija|traduza|resuma|reescreva|continue|revise|valuta|correggi|traduci|riassumi|riscrivi|"
    r"beoordeel|verbeter|vertaal|"
    r"vat|herschrijf|проверь|проверьте|оцени|оцените|переведи|переведите|исправь|сократи|перескажи|перепиши|"
    r"значit|değerlendir|"
    r"düzelt|çevir|özetle|sửa|dịch|tóm tắt|viết lại|đánh giá"
)
WORKS_ON_ANYWHERE: Final = (
    r"改写|翻译|批改|评价|检查|续写|总结|润色|判断|修改|添削|翻訳|要約|書き直|評価|続きを|確認して|校正|번역|"
    r"고쳐|요약|평가|채점|다듬|이어서|"
    r"अनुवाद|जाँच|सुधार|मूल्यांकन|ترجم|قيّم|صحح"
)
POINTS_AT: Final = (
    # a text that is to come
    r"\b(?:this|these|the following|following|below|above|as follows|esta|este|estos|estas|siguientes?|ce|"
    r"cette|ces|suivante?s?|"
    r"ci-dessous|diese[rsnm]?|folgende[rsnm]?|unten|seguintes?|abaixo|estes|questo|questa|questi|queste|"
    r"seguent[ei]|deze|dit|volgende|"
    r"эт(?:о|от|у|а|и)|следующ\w+|ниже|bu|şu|aşağıdaki\w*|này|sau đây|dưới đây)\b|下面|以下|这段|这个|次の|"
    r"この|다음|아래|이 |निम्नलिखित|नीचे|इस |التالي|هذا|هذه"
)
POINTS_AHEAD: Final = (
    # the same, and never to a text before
    r"\b(?:the following|following|below|as follows|siguientes?|suivante?s?|ci-dessous|folgende[rsnm]?|unten|"
    r"seguintes?|abaixo|"
    r"seguent[ei]|volgende|следующ\w+|ниже|aşağıdaki\w*|sau đây|dưới đây)\b|下面|以下|次の|다음|아래|"
    r"निम्नलिखित|नीचे|التالي"
)
MENTIONS_ANSWERS: Final = (
    # what is asked is about an answer
    r"\b(?:answers?|repl(?:y|ies)|responses?|feedback|transcript|conversation|dialogue|dialog|chat|"
    r"respuestas?|réponses?|antwort(?:en)?|"
    r"respostas?|rispost[ae]|antwoord(?:en)?|ответ(?:ы|а|ов|ом)?|решил\w*|cevap(?:ları|lar|ı)?|yanıt\w*|"
    r"câu trả lời|odpowied\w+)\b|"
    r"回答|答案|答复|回复|对话|答え|返信|会話|답변|대답|대화|उत्तर|जवाब|إجابة|الإجابة|\bرد\b"
)
CLOSES: Final = (
    # how a reply ends
    r"i hope (?:this|that|it|these)|hope (?:this|that) helps|let me know (?:if|what|how|whether)|feel free to|"
    r"would you like me|"
    r"do you want me|is there anything else|if you have any (?:other |more |further )?questions|"
    r"espero que (?:est\w+|te|tengas?|les?|isto|isso|ajude)|"
    r"j'espère que|n'hésite[zr]? pas|ich hoffe,? |lass (?:es )?mich wissen|spero che|fammi sapere|надеюсь|"
    r"дайте знать|umarım|"
    r"希望(?:这|能|对)|如果(?:您|你)(?:还)?有|お役に立て|도움이 되|हो सकता है|hy vọng|semoga"
)
ADDS: Final = (
    # remarks on the text that was just written
    r"(?:note:? (?:that )?)?(?:this|the above|it) (?:is (?:a|an|just a|meant|intended|designed)|"
    r"(?:\w+ )?(?:question|prompt|task|problem|"
    r"instruction|query|exercise|example|scenario)\b)|(?:this|the) (?:question|prompt|task|problem|"
    r"instruction|query|answer) |(?:note|instructions?) (?:to|for) the (?:assistant|model|ai)|"
    r"please provide (?:the|a) (?:response|answer) (?:that )?(?:the|an) assistant|end of (?:\w+ )?"
    r"(?:question|prompt|task|problem|instruction|text|input|message|turn)s?|"
    r"(?:esta|este) (?:pregunta|tarea|es una?)|cette (?:question|tâche|consigne)|ceci est|"
    r"c'est une? (?:question|tâche|consigne)|"
    r"diese (?:frage|aufgabe)n?|dies(?:e[rs]?)? (?:ist|prompt)|das ist eine? (?:frage|aufgabe)|"
    r"(?:esta|este) (?:pergunta|tarefa|é uma?)|isto é uma?|quest[ao] (?:domanda|è una?|compito|esercizio)|"
    r"deze (?:vraag|opdracht)|dit is een|"
    r"этот вопрос|это (?:вопрос|задание|задача)|эта задача|bu (?:soru|bir)|"
    r"这(?:个问题|道题|是一[个道])|(?:以上|上述)|(?:この|これは)(?:質問|問題|\S{0,12}(?:質問|問題|課題))|"
    r"이 (?:질문|문제)[은는]|यह (?:प्रश्न|सवाल|एक)|"
    r"câu hỏi này|đây là|هذا السؤال|هذه"
)
METADATA: Final = _words("""
expected output, expected answer, expected response, expected result, difficulty, difficulty level, category
topic, tags, domain
word count, words, length, skills, skill, subject, source, keywords, dificultad, categoría, tema, difficulté
catégorie, schwierigkeit, kategorie, thema
dificuldade, categoria, difficoltà, сложность, категория, тема, zorluk, 难度, 类别, 标签, 難易度, カテゴリ
난이도, 분류
""")
ASK_NOUNS: Final = (
    r"(?<![^\W\d_])(?:question|prompt|task|instruction|problem|query|request|exercise|challenge|scenario|riddle|puzzle|"
    r"one|pregunta|tarea|instrucción|problema|ejercicio|consigne|tâche|problème|exercice|pergunta|tarefa|instrução|"
    r"domanda|compito|istruzione|вопрос|задание|задача|запрос|soru|görev|câu hỏi|bài toán|yêu cầu|سؤال|"
    r"pytanie|zadanie)|"
    r"frage|aufgabe|anweisung|vraag|opdracht|"  # a part of longer words, as in Rechenaufgabe
    r"问题|题目|任务|指令|提示|質問|問題|課題|プロンプト|질문|문제|과제|프롬프트|प्रश्न|सवाल"
)
PRESENTS: Final = (
    # an assistant hands over what it was asked for
    r"(?:here(?:['\u2019]s| is)|below is|the user['\u2019]s|users?['\u2019]s?|"
    r"the user(?= (?:asks|asked|wants|wanted|would|is|has|says|said|gives|gave|writes|wrote|requests?|"
    r"prompt|question|query|instruction|task)\b)|"
    r"let me (?:ask|give|pose)|(?:i have|i've got) (?:a|an|another)|"
    r"try (?:this|these|the|one|another|an?|out|to|answering|solving)|aquí|voici|hier|aqui|ecco|вот|işte|여기|"
    r"dưới đây|đây là|إليك|oto|berikut)(?![^\W\d_])|"
    r"以下是|这是|这里|以下|こちら|다음은|यहाँ"
)
AGREES: Final = (
    # an assistant says yes to what it was asked for
    r"(?:sure(?: thing)?|certainly|of course|absolutely|gladly|claro(?: que sí)?|por supuesto|"
    r"bien s[uû]r|certainement|natürlich|gerne?|selbstverständlich|com certeza|certo|certamente|natuurlijk|zeker|"
    r"конечно|разумеется|tabii(?: ki)?|elbette|네|물론(?:입니다|이죠)?|ज़रूर|बिल्कुल|chắc chắn(?: rồi)?|tất nhiên|بالتأكيد|"
    r"بالطبع|oczywiście|tentu(?: saja)?)(?![^\W\d_])|"
    r"好的|当然(?:可以)?|もちろん(?:です)?|はい|承知しました"
)
_IS_SAID: Final = (
    # a mark follows, or what is handed over: else it may be another word, as in "Great Gatsby" or "Sure Start"
    rf"(?=\s*[!.,:\uff01\uff0c\u3002\u3001\uff1a\u2026]|\s+(?:here you go|i(?:'ll| will| can|'d)\b|let's\b|{PRESENTS})|"
    rf"(?:{PRESENTS}))"
)
SAYS_YES: Final = rf"(?:(?:{AGREES}){_IS_SAID}|here you go(?![^\W\d_]))"
GOES_AHEAD: Final = rf"(?:(?:{AGREES}|(?:okay|ok|great)(?![^\W\d_])){_IS_SAID})"  # users say these, too
ANNOUNCES: Final = (
    r"(?:i have|i've got|here(?:'s| is)|let's (?:try|do|move on to)|let me ask you|now for|next up,?|"
    r"time for) [^\n.!?:]{0,60}"
    r"(?:for you|new one|another one|next one|(?:another|new|next) (?:question|prompt|task|instruction|"
    r"problem|challenge))[.!]"
)
OWN: Final = (
    # what only a user says of a question
    r"\b(?:my|our|mine|mi|nuestra?|mon|ma|notre|mein[e]?|unsere?|minha|meu|mio|mia|mijn|мой|моя|моё|мо[её]м?|"
    r"benim)\b|我的|私の|僕の|제 |내 |मेर[ाेी]"
)
