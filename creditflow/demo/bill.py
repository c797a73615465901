"""A bill that its acceptor refuses: its invoice is late again from its own due date."""

from datetime import date, timedelta

from creditflow.client import Money
from creditflow.client import values as v
from creditflow.demo.office import Office

_AMOUNT = Money.of(200_000, "CNY")


class RefusedBill:
    """One bill of the sample book, in place of one invoice; whatever is there is left."""

    def __init__(self, office: Office, seed: int, business_on: date) -> None:
        self._office = office
        self._no = f"BILL-SAMPLE-{seed}"
        self._key = f"sample-{seed}/bill"
        self._on = business_on

    async def refuse(self, customer_id: str) -> v.Bill:
        """Invoice the customer, take its bill, and have it refused."""
        release = self._office["release"]
        held = await release.fetch_customer_bills(customer_id)
        bill = next((each for each in held if each.bill_no == self._no), None)
        if bill is None:
            bill = await self._receive(customer_id)
        if bill.events:
            return bill
        refused = v.BillEvent(
            event_no="refusal",
            kind="refused",
            happened_on=max(self._ago(3), bill.received_on),
            note="the acceptor did not pay",
        )
        return await release.report_bill(bill.bill_id, refused, key=f"{self._key}/refused")

    async def _receive(self, customer_id: str) -> v.Bill:
        invoice = v.Invoice(
            invoice_no=f"{self._no}-INVOICE",
            issued_on=self._ago(100),
            due_on=self._ago(40),
            amount=_AMOUNT,
        )
        await self._office["manager"].record_invoice(
            customer_id, invoice, key=f"{self._key}/invoice"
        )
        release = self._office["release"]
        kept = await release.attach(
            f"{self._no}.txt", f"Commercial acceptance {self._no}".encode(), key=f"{self._key}/file"
        )
        bill = v.BillContent(
            bill_no=self._no,
            kind="commercial_acceptance",
            acceptor="sample-harbour-holding",
            drawer="Sample Harbour Trading",
            amount=_AMOUNT,
            received_on=self._ago(42),
            due_on=self._ago(4),
            invoices=(v.BillPart(invoice_no=invoice.invoice_no, amount=_AMOUNT),),
            evidence_hash=kept.sha256,
        )
        return await release.receive_bill(customer_id, bill, key=f"{self._key}/received")

    def _ago(self, days: int) -> date:
        return self._on - timedelta(days=days)
