"""Reasoning about time: which day it will be, when a train arrives."""

from random import Random

from fledgling.family import Difficulty, Family, FollowUp, Form, Slot, Slots, exactly, one_of
from fledgling.slots import NUMBER, PLACE, between, named, number
from fledgling.words import CITIES, DAYS

# -- days of the week --------------------------------------------------------------------------------------------------

EVENTS = (
    "concert", "picnic", "exam", "market", "wedding", "meeting", "party", "lesson", "game", "race", "festival", "play",
    "trip", "visit", "dinner", "parade", "fair", "interview", "workshop", "exhibition", "hike", "reunion",
)  # fmt: skip


def day_after(day: str, n: int) -> str:
    return DAYS[(DAYS.index(day) + n) % 7]


def count_days(day: str, n: int) -> str:
    """Monday, 9 -> 7 days later it is Monday again. Then 2 more: Tuesday, Wednesday."""
    whole, rest = divmod(n, 7)
    passed = ", ".join(day_after(day, step) for step in range(1, rest + 1))
    if not whole:
        return f"Count {n} days from {day}: {passed}."
    again = f"After {7 * whole} days it is {day} again."
    return f"{again} Then count {rest} more: {passed}." if rest else again


def weekday_of(slots: Slots) -> str:
    return day_after(slots["day"], number(slots, "n"))


def beyond_a_week(slots: Slots) -> Difficulty:
    return "easy" if number(slots, "n") < 7 else "medium"


DAYS_AFTER_THAT = FollowUp(
    form=Form(
        (
            "And {n} days after that?",
            "What day is it {n} days after that?",
            "Which day is {n} days later?",
            "If it is moved by {n} days, which day is it then?",
            "They moved it by another {n} days. So which day is it now?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda _, rng: {"n": str(rng.randint(2, 10))},
    reply=lambda first, own: (
        f"{count_days(weekday_of(first), number(own, 'n'))} So it is {day_after(weekday_of(first), number(own, 'n'))}."
    ),
)

WEEKDAY = Family(
    name="weekday",
    category="Reasoning",
    form=Form(
        (
            "Today is {day} and the {event} is in {n} days. What day will it be?",
            "If today is {day} and there are {n} days until the {event}, on which day is the {event}?",
            "The {event} is {n} days after {day}. Which day of the week is that?",
            "It is {day} now, and the {event} is {n} days from now. On what day is it?",
            "My {event} is {n} days after {day}. Which day is that?",
            "On {day} they told us that the {event} is in {n} days. Which day is that?",
            "On which day is the {event}, if it is {day} today and we wait {n} days?",
            "The {event} was moved by {n} days. It was on {day}. What is the new day?",
            "We have to wait {n} days for the {event}, and today is {day}. What day is the {event}?",
            "There are {n} days between {day} and the {event}. Which weekday is the {event}?",
            "Help me with my calendar: the {event} is {n} days after {day}. What day is it?",
            "Starting from {day}, I count {n} days until the {event}. Which day do I get?",
            "I wrote on {day} that the {event} is in {n} days. What weekday is it?",
            "What day of the week is the {event} if it comes {n} days after {day}?",
            "We start planning on {day}, and {n} days later there is the {event}. Which day is it?",
            "My friend said on {day}: only {n} days until the {event}! When is it?",
        ),
        {"day": one_of(DAYS, "[a-z]+"), "n": NUMBER, "event": one_of(EVENTS, "[a-z]+")},
    ),
    draw=lambda rng: {"day": rng.choice(DAYS), "n": str(rng.randint(2, 20)), "event": rng.choice(EVENTS)},
    reply=lambda slots, _: (
        f"{count_days(slots['day'], number(slots, 'n'))} So the {slots['event']} is on {weekday_of(slots)}."
    ),
    sensible=lambda slots: between(slots, 1, 30, "n"),
    follow_ups=(DAYS_AFTER_THAT,),
    intent="to know on which day of the week something happens",
    knowledge="knowing the days of the week and counting",
    difficulty=beyond_a_week,
    weight=1.1,
)

# -- when a train arrives ----------------------------------------------------------------------------------------------

VEHICLES = ("train", "bus", "plane", "coach", "shuttle", "express train", "night train", "morning bus")
CLOCK = Slot(r"\d{1,2}:\d\d")


def hour_and_minute(clock: str) -> tuple[int, int]:
    hour, minute = clock.split(":")
    return int(hour), int(minute)


def later(clock: str, n: int) -> tuple[str, str]:
    """The sentences that work it out, and the time: 3:50, 25 -> 50 + 25 = 75, and 75 minutes are 1 hour and ..."""
    hour, minute = hour_and_minute(clock)
    total = minute + n
    hours, left = divmod(total, 60)
    first = f"{minute} + {n} = {total}"
    then = (hour + hours - 1) % 12 + 1
    arrival = f"{then}:{left:02d}"
    if not hours:
        return f"{first} minutes, which is less than an hour.", arrival
    ones = "1 hour" if hours == 1 else f"{hours} hours"
    carry = f"{hour} + {hours} = {hour + hours}"
    wrap = "" if hour + hours == then else f", which is {then} on the clock"
    rest = f"{ones} and {left} minutes" if left else f"exactly {ones}"
    return f"{first} minutes, and that is {rest}. {carry}{wrap}.", arrival


def reply_arrival(slots: Slots) -> str:
    steps, arrival = later(slots["time"], number(slots, "n"))
    return f"{steps} So the {slots['vehicle']} arrives in {slots['city']} at {arrival}."


def is_clock(text: str) -> bool:
    hour, minute = hour_and_minute(text)
    return 1 <= hour <= 12 and minute < 60 and text == f"{hour}:{minute:02d}"


def draw_arrival(rng: Random) -> Slots:
    return {
        "vehicle": rng.choice(VEHICLES),
        "city": rng.choice(CITIES),
        "time": f"{rng.randint(1, 11)}:{rng.randrange(0, 60, 5):02d}",
        "n": str(rng.randrange(10, 95, 5)),
    }


def beyond_the_hour(slots: Slots) -> Difficulty:
    return "medium" if hour_and_minute(slots["time"])[1] + number(slots, "n") < 60 else "hard"


def reply_late(first: Slots, own: Slots) -> str:
    steps, arrival = later(later(first["time"], number(first, "n"))[1], number(own, "n"))
    return f"{steps} Then it arrives at {arrival}."


IF_LATE = FollowUp(
    form=Form(
        (
            "And if it is {n} minutes late?",
            "What if it arrives {n} minutes late?",
            "It is {n} minutes late. When does it arrive now?",
            "There is a delay of {n} minutes. What is the new time?",
            "And with a delay of {n} minutes?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda _, rng: {"n": str(rng.randrange(5, 45, 5))},
    reply=reply_late,
)

ARRIVAL = Family(
    name="arrival",
    category="Reasoning",
    form=Form(
        (
            "The {vehicle} to {city} leaves at {time} and takes {n} minutes. When does it arrive?",
            "My {vehicle} to {city} leaves at {time}. The trip takes {n} minutes. When am I there?",
            "I take the {vehicle} to {city} at {time}. It takes {n} minutes. What time do I arrive?",
            "If the {vehicle} to {city} starts at {time} and needs {n} minutes, when does it get there?",
            "When does the {vehicle} reach {city} if it leaves at {time} and takes {n} minutes?",
            "A {vehicle} leaves for {city} at {time}. It arrives {n} minutes later. At what time is that?",
            "My aunt takes the {vehicle} to {city} at {time} and travels for {n} minutes. When should I pick her up?",
            "It takes {n} minutes to get to {city} by {vehicle}. I leave at {time}. When do I arrive?",
            "The next {vehicle} to {city} goes at {time}, and the ride is {n} minutes long. When will we be there?",
            "We catch the {vehicle} at {time} and reach {city} after {n} minutes. What time is it then?",
            "What time does the {time} {vehicle} arrive in {city} if the trip takes {n} minutes?",
            "The {vehicle} left at {time}. From here to {city} it takes {n} minutes. When is it due?",
            "Can I be in {city} by evening? The {vehicle} leaves at {time} and takes {n} minutes. When does it arrive?",
            "Please work out when the {vehicle} gets to {city}. It leaves at {time} and takes {n} minutes.",
            "I am on the {vehicle} to {city}. We left at {time} and it takes {n} minutes. When do we arrive?",
            "Our {vehicle} goes to {city} at {time}. After {n} minutes we are there. What time will it be?",
        ),
        {"vehicle": exactly(VEHICLES), "city": PLACE, "time": CLOCK, "n": NUMBER},
    ),
    draw=draw_arrival,
    reply=lambda slots, _: reply_arrival(slots),
    sensible=lambda slots: is_clock(slots["time"]) and between(slots, 1, 180, "n") and named(slots, "city"),
    follow_ups=(IF_LATE,),
    intent="to know when a trip ends",
    knowledge="adding minutes and hours on the clock",
    difficulty=beyond_the_hour,
    weight=1.2,
)

FAMILIES = (WEEKDAY, ARRIVAL)
