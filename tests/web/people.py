"""One person a role, and their keys: nothing secret, the databases are the tests' own."""

from domain.identity import Language, Person, Role

PEOPLE: dict[str, Person] = {
    role.value: Person(
        person_id=role.value,
        title=role.value.replace("_", " "),
        roles=frozenset({role}),
        language=Language.EN,
    )
    for role in Role
    if role is not Role.SYSTEM
}

# Not a person there could be: who holds every right reaches every rule behind the rights.
PEOPLE["everybody"] = Person(
    person_id="everybody",
    title="everybody",
    roles=frozenset(Role) - {Role.SYSTEM},
    language=Language.EN,
)

KEYS = {person_id: f"cf_test_key_of_{person_id}" for person_id in PEOPLE}


def as_(person_id: str, **headers: str) -> dict[str, str]:
    """The headers of a request by this person's program."""
    return {"Authorization": f"Bearer {KEYS[person_id]}", **headers}
