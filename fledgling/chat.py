"""ChatML: how a conversation is written down for training and for use. Knows no tokenizer and no model."""

from collections.abc import Iterator

from fledgling.conversation import Conversation, Turn

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIALS = (END_OF_TEXT, START, END)
END_OF_TEXT_ID, START_ID, END_ID = 0, 1, 2

CHAT_TEMPLATE = (
    "{# fledgling #}"  # so that the table of families knows it
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def message(role: str, content: str) -> str:
    return f"{START}{role}\n{content}{END}\n"


def system(content: str | None) -> str:
    return message("system", content) if content else ""


def before_user() -> str:
    """What stands before a user message: the pre-query that makes an aligned model write one."""
    return f"{START}user\n"


def before_assistant(prompt: str) -> str:
    return message("user", prompt) + f"{START}assistant\n"


def segments(conversation: Conversation) -> list[tuple[str, int]]:
    """The document in pieces, and how often each counts in what the model learns; 0: it only reads it.
    Joined, they are `document`.

    A prompt that is not learned keeps what stands before it and its end mark out of the loss as well.
    """
    pieces = [(system(conversation.system), 1), *(piece for turn in conversation.turns for piece in spoken(turn))]
    return [(text, weight) for text, weight in (*pieces, (END_OF_TEXT, 1)) if text]


def spoken(turn: Turn) -> Iterator[tuple[str, int]]:
    yield message("user", turn.prompt), int(turn.learned)
    if turn.weight == 1:
        yield message("assistant", turn.reply), 1
    else:  # the line end before the reply is a token of its own, so pieces may meet there
        yield f"{START}assistant\n", 1
        yield f"{turn.reply}{END}\n", turn.weight


def document(conversation: Conversation) -> str:
    """A whole conversation as the model reads it in training, closed by the end-of-text token."""
    return "".join(text for text, _ in segments(conversation))
