"""A buyer whose credit insurance stops: it pays late, and what is shipped afterwards is not covered."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from creditflow.client import Money
from creditflow.client import values as v
from creditflow.demo.office import Office

INSURER = "Sample Harbour Credit Insurance"
# Days from shipment to the book's day, and from it: two before cover stopped, one after.
_SHIPPED = (("SHIP-0001", 130), ("SHIP-0002", 110), ("SHIP-0003", 10))
_AMOUNT, _LIMIT, _TERMS_DAYS = 300_000, 500_000, 60


class Insured:
    """One insurance of the sample book, with the limit of one buyer; whatever is there is left."""

    def __init__(self, office: Office, seed: int, business_on: date) -> None:
        self._office = office
        self._no = f"CI-SAMPLE-{seed}"
        self._key = f"sample-{seed}/insurance"
        self._on = business_on

    async def stop(self, customer_id: str) -> bool:
        """Insure a buyer, ship, and go on shipping after its overdue has stopped the cover; whether
        anything was not there yet."""
        insurance = await self._insurance()
        buyer = await self._limit(insurance, customer_id)
        declared = {each.shipment.shipment_no for each in buyer.cover.shipments}
        new = [each for each in self._shipments() if each.shipment_no not in declared]
        for each in new:
            key = f"{self._key}/{each.shipment_no}"
            await self._office["manager"].declare_shipment(buyer.limit_id, each, key=key)
        return bool(new)

    async def _insurance(self) -> v.Insurance:
        manager, risk = self._office["manager"], self._office["risk"]
        known = {each.newest.content.policy_no: each for each in await manager.fetch_insurances()}
        found = known.get(self._no)
        if found is None:
            insurer = await manager.record_party(INSURER, key=f"{self._key}/insurer")
            terms = self._terms(insurer.party_id)
            found = await manager.record_insurance(terms, key=f"{self._key}/terms")
        if found.standing is None:
            found = await risk.check_insurance(found.insurance_id, 1, confirmed=True)
        return found

    async def _limit(self, insurance: v.Insurance, customer_id: str) -> v.InsuredBuyer:
        manager, risk = self._office["manager"], self._office["risk"]
        items = (await manager.fetch_customer_insurance(customer_id)).items
        own = [each for each in items if each.insurance_id == insurance.insurance_id]
        if own:
            buyer = own[0]
        else:
            asked = self._word("asked", 800_000, 200, "our application to the insurer")
            buyer = await manager.open_insured_limit(
                insurance.insurance_id, customer_id, asked, key=f"{self._key}/asked"
            )
        if len(buyer.versions) == 1:
            approved = self._word("approved", _LIMIT, 190, "the insurer's approval")
            buyer = await manager.say_insured_limit(
                buyer.limit_id, approved, key=f"{self._key}/approved"
            )
        newest = buyer.versions[-1]
        if newest.needs_check and newest.confirmed is None:
            buyer = await risk.check_insured_limit(buyer.limit_id, newest.version, confirmed=True)
        return buyer

    def _terms(self, insurer: str) -> v.InsuranceTerms:
        return v.InsuranceTerms(
            insurer=insurer,
            policy_no=self._no,
            currency="CNY",
            from_on=self._ago(240),
            until_on=self._ago(-120),
            share=Decimal("0.9"),
            liability_max=Money.of(20_000_000, "CNY"),
            deductible=Money.of(20_000, "CNY"),
            terms_days_max=90,
            overdue_days_max=45,
            notice_days=90,
            claim_days=180,
            alarm_days=30,
            source="policy schedule",
        )

    def _word(self, state: str, amount: int, days_ago: int, source: str) -> v.LimitWord:
        said_on = self._ago(days_ago)
        return v.LimitWord(
            state=state, amount=Money.of(amount, "CNY"), said_on=said_on, source=source
        )

    def _shipments(self) -> Iterator[v.Shipment]:
        for shipment_no, days_ago in _SHIPPED:
            shipped_on = self._ago(days_ago)
            yield v.Shipment(
                shipment_no=shipment_no,
                amount=Money.of(_AMOUNT, "CNY"),
                shipped_on=shipped_on,
                terms_days=_TERMS_DAYS,
                due_on=shipped_on + timedelta(days=_TERMS_DAYS),
            )

    def _ago(self, days: int) -> date:
        return self._on - timedelta(days=days)
