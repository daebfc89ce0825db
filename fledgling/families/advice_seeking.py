"""Advice seeking: tips for a worry, a choice between two things."""

from random import Random

from fledgling.family import Family, FollowUp, Form, Slots, one_of
from fledgling.words import NAMES, sentence

# -- tips --------------------------------------------------------------------------------------------------------------

# what somebody is -> three tips and one more for whoever asks again
TIPS = {
    "nervous about a job interview": ("Practice common questions out loud", "Read about the company before you go",
                                      "Sleep well the night before", "Prepare two questions to ask"),
    "stressed about exams": ("Make a study plan for each day", "Take short breaks every hour",
                                "Explain each topic to a friend", "Put your phone in another room"),
    "tired all the time": ("Go to bed at the same time every night", "Drink more water", "Take a short walk each day",
                           "Talk to a doctor if it continues"),
    "lonely in a new city": ("Join a local club or class", "Say hello to your neighbors",
                             "Call an old friend every week", "Visit the same cafe often"),
    "bored at work": ("Ask your manager for a new project", "Learn a useful skill", "Set small goals for each day",
                      "Have lunch with a colleague"),
    "angry with a friend": ("Wait until you are calm", "Explain how you feel without blame",
                                  "Listen to the other side", "Look for a solution together"),
    "worried about money": ("Write down what you spend", "Make a simple budget", "Save a small amount each week",
                            "Avoid buying things you do not need"),
    "afraid of public speaking": ("Practice in front of a mirror", "Start with a small group",
                                  "Breathe slowly before you begin", "Know your first sentence by heart"),
    "unable to sleep at night": ("Avoid screens before bed", "Keep your room cool and dark",
                                 "Do not drink coffee late in the day", "Read a calm book"),
    "behind on homework": ("List everything you must do", "Start with the shortest one",
                              "Turn off your phone while you work", "Ask your teacher for help"),
    "sad about moving away": ("Say goodbye to the people you love", "Keep photos of your favorite places",
                              "Plan a visit soon", "Give yourself time"),
    "new to running": ("Start with short and slow runs", "Wear good shoes", "Rest between training days",
                       "Run with a friend"),
    "always late": ("Set two alarms", "Prepare your bag the evening before", "Leave ten minutes earlier than you think",
                    "Put a clock in every room"),
    "too shy to make friends": ("Begin with a smile", "Ask people about their hobbies",
                                "Join a group that does what you like", "Be patient with yourself"),
    "tired of cooking every day": ("Cook twice as much and keep half", "Choose meals with few steps",
                                   "Share the work with your family", "Eat something cold once a week"),
    "in love with a colleague": ("Take your time", "Spend a lunch break together", "Be honest about your feelings",
                                 "Keep it out of meetings"),
    "unsure what to study": ("Write down what you enjoy", "Talk to people who do the job",
                             "Visit a class before you decide", "Remember that you can change later"),
    "afraid of flying": ("Choose a seat near the wing", "Listen to calm music", "Breathe in and out slowly",
                         "Tell the crew that you are nervous"),
    "forgetful these days": ("Write things down at once", "Keep your keys in one place", "Do one thing at a time",
                             "Sleep enough"),
    "new in a job": ("Ask many questions", "Take notes in every meeting", "Learn the names of your colleagues",
                      "Ask for feedback after a month"),
}  # fmt: skip
# who has the worry -> to whom the tips are told
WHO = {
    "I am": "you", "My sister is": "your sister", "My brother is": "your brother", "My son is": "your son",
    "My daughter is": "your daughter", "My friend is": "your friend", "My cousin is": "your cousin",
    "My neighbor is": "your neighbor", **{f"{name} is": name for name in NAMES},
}  # fmt: skip
ADVICE_SLOTS = {"who": one_of(list(WHO), "[a-z ]+? (?:is|am)"), "feeling": one_of(list(TIPS))}


def draw_worry(rng: Random) -> Slots:
    """More of the worries are one's own than chance would have it."""
    who = "I am" if rng.random() < 0.1 else rng.choice(list(WHO))
    return {"who": who, "feeling": rng.choice(list(TIPS))}


def reply_tips(slots: Slots) -> str:
    return "\n".join(
        [
            f"That is not easy. This is what I would tell {WHO[slots['who']]}:",
            *(f"- {tip}." for tip in TIPS[slots["feeling"]][:3]),
        ]
    )


ONE_MORE_TIP = FollowUp(
    form=Form(
        (
            "Can you give me one more tip?",
            "Do you have another tip?",
            "What else can help?",
            "And if that is not enough?",
            "Thank you. One more, please.",
        )
    ),
    reply=lambda first, _: f"Here is one more: {TIPS[first['feeling']][3][0].lower()}{TIPS[first['feeling']][3][1:]}.",
)

ADVICE = Family(
    name="advice",
    category="Advice seeking",
    form=Form(
        (
            "{who} {feeling}. What is there to do?",
            "{who} {feeling}. Do you have any advice?",
            "{who} {feeling}. Any ideas?",
            "Give me some tips. {who} {feeling}.",
            "I have a problem. {who} {feeling}. What would you do?",
            "{who} {feeling} and nothing helps. What can you suggest?",
            "{who} {feeling}. How can that change?",
            "I do not know what to do. {who} {feeling}.",
            "{who} {feeling}. What would help?",
            "How do people cope with this? {who} {feeling}.",
            "Can I ask for advice? {who} {feeling}.",
            "I need your advice. {who} {feeling}.",
            "{who} {feeling} these days. Can you help?",
            "What do you do in such a case? {who} {feeling}.",
            "{who} {feeling}. Is there anything that makes it better?",
            "Please give me three tips. {who} {feeling}.",
        ),
        ADVICE_SLOTS,
    ),
    draw=draw_worry,
    reply=lambda slots, _: reply_tips(slots),
    follow_ups=(ONE_MORE_TIP,),
    weight=1.1,
    intent="to get advice on a worry",
    knowledge="common sense and kindness",
    difficulty=lambda _: "medium",
)

# -- a choice ----------------------------------------------------------------------------------------------------------

# group -> option -> (what speaks for it, what the person would like)
OPTIONS = {
    "pets": {
        "a cat": ("is quiet and cares for itself", "less work"),
        "a dog": ("is loyal and loves to play", "company on long walks"),
        "a goldfish": ("is cheap and never makes noise", "a very calm pet"),
        "a parrot": ("is clever and can learn to talk", "a pet that answers"),
    },
    "travel": {
        "a bicycle": ("is cheap and keeps you fit", "some exercise"),
        "a car": ("is fast and can carry a lot", "to travel far"),
        "a scooter": ("is small and easy to park", "to save space"),
        "a train ticket": ("is relaxing and gives you time to read", "a quiet journey"),
    },
    "home": {
        "a small flat": ("is easy to clean", "more free time"),
        "a big house": ("has room for guests", "to invite people"),
        "a shared flat": ("is cheap and full of life", "company in the evening"),
        "a cottage": ("is close to nature", "peace and fresh air"),
    },
    "devices": {
        "a laptop": ("is powerful and good for writing", "to work a lot"),
        "a tablet": ("is light and good for reading", "to read in bed"),
        "a desktop computer": ("is strong and easy to repair", "the most power for your money"),
        "a paper notebook": ("is cheap and never needs charging", "to write without distraction"),
    },
    "holidays": {
        "a beach holiday": ("is warm and relaxing", "to rest"),
        "a camping trip": ("is cheap and full of adventure", "to be outside"),
        "a city trip": ("is full of things to see", "museums and cafes"),
        "a week at home": ("is free and needs no suitcase", "to save money"),
    },
}
GROUP_OF = {option: group for group, options in OPTIONS.items() for option in options}
OPTION = one_of(list(GROUP_OF), r"an? [a-z ]+?")


# for whom -> who wants something
BUYERS = {
    "me": "you want", "my son": "your son wants", "my daughter": "your daughter wants", "my wife": "your wife wants",
    "my husband": "your husband wants", "my uncle": "your uncle wants", "my aunt": "your aunt wants",
    "a student": "the student wants", "my cousin": "your cousin wants",
    **{name: f"{name} wants" for name in NAMES},
}  # fmt: skip
CHOICE_SLOTS = {"first": OPTION, "second": OPTION, "whom": one_of(list(BUYERS), "[a-z ]+?")}


def draw_choice(rng: Random) -> Slots:
    first, second = rng.sample(list(OPTIONS[rng.choice(list(OPTIONS))]), 2)
    return {"first": first, "second": second, "whom": rng.choice(list(BUYERS))}


def reply_choice(slots: Slots) -> str:
    first, second = slots["first"], slots["second"]
    (pro_first, want_first), (pro_second, want_second) = (
        OPTIONS[GROUP_OF[option]][option] for option in (first, second)
    )
    both = f"{sentence(first)} {pro_first}, while {second} {pro_second}."
    wants = BUYERS[slots["whom"]]
    return f"{both} If {wants} {want_first}, choose {first}. If {wants} {want_second}, choose {second}."


def comparable(slots: Slots) -> bool:
    return slots["first"] != slots["second"] and GROUP_OF[slots["first"]] == GROUP_OF[slots["second"]]


CHOICE = Family(
    name="choice",
    category="Advice seeking",
    form=Form(
        (
            "Should I choose {first} or {second} for {whom}?",
            "What is better for {whom}, {first} or {second}?",
            "I cannot decide between {first} and {second} for {whom}. Can you help?",
            "Which would you take for {whom}, {first} or {second}?",
            "Help me choose: {first} or {second} for {whom}?",
            "Is {first} or {second} the better choice for {whom}?",
            "We are thinking about {first} or {second} for {whom}. What do you say?",
            "It has to be {first} or {second} for {whom}. What do you recommend?",
            "Would {first} or {second} suit {whom} better?",
            "I want something good for {whom}. Should it be {first} or {second}?",
            "What speaks for {first} and what for {second}? It is for {whom}.",
            "Please compare {first} and {second}. I have to decide for {whom}.",
            "Everyone tells me something else. Is it {first} or {second} for {whom}?",
            "For {whom}, would you go for {first} or {second}?",
            "I have the money for {first} or {second}. It is for {whom}. Which one?",
            "Tell me honestly: {first} or {second} for {whom}?",
        ),
        CHOICE_SLOTS,
    ),
    draw=draw_choice,
    reply=lambda slots, _: reply_choice(slots),
    sensible=comparable,
    intent="to choose between two things",
    knowledge="what speaks for either thing",
    difficulty=lambda _: "medium",
)

FAMILIES = (ADVICE, CHOICE)
