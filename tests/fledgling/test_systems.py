from random import Random

from fledgling.corpus import conversations
from fledgling.families import BY_NAME
from fledgling.systems import DOMAINS, GENERIC, draw_persona


def test_domains_name_families_that_exist_and_no_wording_twice() -> None:
    assert all(name in BY_NAME for domain in DOMAINS.values() for name in domain.families)
    prompts = [prompt for domain in DOMAINS.values() for prompt in (*domain.prompts, *domain.held_out)]
    assert len(set(prompts)) == len(prompts)
    assert not set(prompts) & set(GENERIC)


def test_every_family_belongs_to_a_domain() -> None:
    assert {name for domain in DOMAINS.values() for name in domain.families} == set(BY_NAME)


def test_a_domain_has_wordings_to_train_on_and_four_that_are_held_out() -> None:
    seen = {one.system for one in conversations(0, 20_000)}
    for domain in DOMAINS.values():
        assert len(domain.prompts) >= 10
        assert len(domain.held_out) == 4
        assert set(domain.prompts) & seen
        assert not set(domain.held_out) & seen


def test_under_a_domain_prompt_the_first_question_belongs_to_the_domain() -> None:
    families = {prompt: domain.families for domain in DOMAINS.values() for prompt in domain.prompts}
    for one in conversations(1, 3000):
        if one.system in families:
            assert one.turns[0].family in families[one.system]


def test_personas_vary() -> None:
    rng = Random(0)
    assert len({draw_persona(rng) for _ in range(500)}) > 400
