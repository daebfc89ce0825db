"""Editing, the verb of a sentence: the past tense, a verb that does not agree, a question."""

from random import Random

from fledgling.families.sentences import (
    BASE,
    BY_BASE,
    BY_THIRD,
    OBJECT,
    SUBJECT,
    THIRD,
    TIME,
    draw_sentence,
    inside,
    with_verb,
)
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots

# -- the past tense ----------------------------------------------------------------------------------------------------


def past(slots: Slots) -> str:
    return with_verb(slots, BY_THIRD[slots["verb"]][2])


def hard_to_put_into_past(slots: Slots) -> Difficulty:
    return "easy" if past(slots).split(slots["object"])[0].rstrip().endswith("ed") else "medium"


FUTURE = FollowUp(
    form=Form(
        (
            "Now put it in the future.",
            "And in the future tense?",
            "Now make it about the future.",
            "How would it be in the future?",
            "And the same with will?",
            "Thanks. Now the future tense, please.",
        )
    ),
    reply=lambda first, _: f"In the future tense: {with_verb(first, 'will ' + BY_THIRD[first['verb']][0])}",
)

PAST_TENSE = Family(
    name="past_tense",
    category="Editing",
    form=Form(
        (
            "Rewrite this sentence in the past tense: {subject} {verb} {object} {when}.",
            "Change to past tense: {subject} {verb} {object} {when}.",
            "Put the following sentence in the past tense. {subject} {verb} {object} {when}.",
            'How do I say "{subject} {verb} {object} {when}" in the past tense?',
            "Turn this into the past: {subject} {verb} {object} {when}.",
            "What is the past tense of this sentence? {subject} {verb} {object} {when}.",
            "My story should be in the past tense. Change this line: {subject} {verb} {object} {when}.",
            'I wrote "{subject} {verb} {object} {when}" but it happened long ago. Can you change the tense?',
            "We are practicing the past tense at school. What do I do with this one? {subject} {verb} {object} {when}.",
            "Past tense, please: {subject} {verb} {object} {when}.",
            'Could you write "{subject} {verb} {object} {when}" as if it were last year?',
            "This was years ago, so it should be in the past: {subject} {verb} {object} {when}.",
            "Make this sentence about the past: {subject} {verb} {object} {when}.",
            "Can you put this sentence into the past for me? {subject} {verb} {object} {when}.",
            'What would "{subject} {verb} {object} {when}" be in the past?',
            "Here is a sentence in the present: {subject} {verb} {object} {when}. Please put it in the past.",
            "{subject} {verb} {object} {when}. How does this sentence sound in the past tense?",
        ),
        {"subject": SUBJECT, "verb": THIRD, "object": OBJECT, "when": TIME},
    ),
    draw=lambda rng: draw_sentence(rng, 1),
    reply=lambda slots, _: f"In the past tense: {past(slots)}",
    follow_ups=(FUTURE,),
    weight=0.9,
    intent="to have a sentence put into the past tense",
    knowledge="knowledge of English verb forms",
    difficulty=hard_to_put_into_past,
)

# -- a verb that does not agree ----------------------------------------------------------------------------------------


def mended(slots: Slots) -> str:
    return with_verb(slots, BY_BASE[slots["verb"]][1])


def reply_agreement(slots: Slots, _: Random) -> str:
    verb = BY_BASE[slots["verb"]]
    return f'Here "{verb[0]}" should be "{verb[1]}". The correct sentence is: {mended(slots)}'


WHY = FollowUp(
    form=Form(
        (
            "Why is that?",
            "What is the rule?",
            "Can you explain why?",
            "I do not understand. Why?",
            "Why does the verb change?",
            "And what is the reason?",
        )
    ),
    reply=lambda first, _: (
        f'The sentence is about one person, {inside(first["subject"])}. With one person, "{first["verb"]}" becomes '
        f'"{BY_BASE[first["verb"]][1]}".'
    ),
)

AGREEMENT = Family(
    name="agreement",
    category="Editing",
    form=Form(
        (
            "Correct the grammar: {subject} {verb} {object} {when}.",
            "Fix the mistake in this sentence: {subject} {verb} {object} {when}.",
            "Is this sentence correct? {subject} {verb} {object} {when}.",
            "Please check my grammar: {subject} {verb} {object} {when}.",
            'My teacher says that "{subject} {verb} {object} {when}" is wrong. Why?',
            "Proofread this: {subject} {verb} {object} {when}.",
            "Something is wrong with this sentence: {subject} {verb} {object} {when}.",
            "English is not my first language. Did I write this right? {subject} {verb} {object} {when}.",
            "Can you find the error? {subject} {verb} {object} {when}.",
            'Is it correct to write "{subject} {verb} {object} {when}"?',
            "I want to send this line to a friend, but it sounds odd: {subject} {verb} {object} {when}.",
            "There is one grammar mistake here: {subject} {verb} {object} {when}. Where is it?",
            "What is the mistake in this sentence? {subject} {verb} {object} {when}.",
            'I am not sure about the verb in "{subject} {verb} {object} {when}". Is it right?',
            "Please look over this for me: {subject} {verb} {object} {when}.",
            'My son wrote "{subject} {verb} {object} {when}" in his homework. What should I correct?',
            "Check this sentence for errors: {subject} {verb} {object} {when}.",
        ),
        {"subject": SUBJECT, "verb": BASE, "object": OBJECT, "when": TIME},
    ),
    draw=lambda rng: draw_sentence(rng, 0),
    reply=reply_agreement,
    follow_ups=(WHY,),
    weight=0.9,
    intent="to have the grammar of a sentence corrected",
    knowledge="knowledge of English grammar",
)

# -- a question --------------------------------------------------------------------------------------------------------


def question(slots: Slots) -> str:
    verb = BY_THIRD[slots["verb"]][0]
    return f"Does {inside(slots['subject'])} {verb} {slots['object']} {slots['when']}?"


NEGATIVE = FollowUp(
    form=Form(
        (
            "Now make it negative.",
            "And how do I say the opposite?",
            "Now write the sentence with not.",
            "And as a negative sentence?",
            "Can you make it negative, too?",
            "What is the negative form?",
        )
    ),
    reply=lambda first, _: f"As a negative: {with_verb(first, 'does not ' + BY_THIRD[first['verb']][0])}",
)

QUESTION = Family(
    name="question",
    category="Editing",
    form=Form(
        (
            "Turn this sentence into a question: {subject} {verb} {object} {when}.",
            "Make a question out of this: {subject} {verb} {object} {when}.",
            'How do I turn "{subject} {verb} {object} {when}" into a question?',
            "Rewrite this as a question. {subject} {verb} {object} {when}.",
            "I want to ask this instead of saying it: {subject} {verb} {object} {when}.",
            'What is the question form of "{subject} {verb} {object} {when}"?',
            "Please change this statement to a yes or no question: {subject} {verb} {object} {when}.",
            "My exercise says to make questions. What about this one? {subject} {verb} {object} {when}.",
            "Change it into a question: {subject} {verb} {object} {when}.",
            'Could you write "{subject} {verb} {object} {when}" as a question?',
            "I never know how to form questions in English. Try this one: {subject} {verb} {object} {when}.",
            "Form a question from this sentence: {subject} {verb} {object} {when}.",
            "Here is a statement: {subject} {verb} {object} {when}. What is the matching question?",
            "Write a question to which this could be the answer: {subject} {verb} {object} {when}.",
            "As a question, please: {subject} {verb} {object} {when}.",
            "{subject} {verb} {object} {when}. How would I ask that?",
        ),
        {"subject": SUBJECT, "verb": THIRD, "object": OBJECT, "when": TIME},
    ),
    draw=lambda rng: draw_sentence(rng, 1),
    reply=lambda slots, _: f"As a question: {question(slots)}",
    follow_ups=(NEGATIVE,),
    weight=0.8,
    intent="to have a sentence turned into a question",
    knowledge="knowledge of English grammar",
)

FAMILIES = (PAST_TENSE, AGREEMENT, QUESTION)
