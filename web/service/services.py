"""Every service of one installation, made in one place for API and console alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.contract import Grantor
from domain.report import ReportProvider
from storage.exposure import Exposure
from web.service.analyst_figure import AnalystFigureService
from web.service.application import ApplicationService
from web.service.approval import ApprovalService
from web.service.attachment import AttachmentService
from web.service.audit import AuditService
from web.service.authority import AuthorityService
from web.service.benchmark import BenchmarkService
from web.service.bill import BillService
from web.service.cap import CapService
from web.service.classification import ClassificationService
from web.service.cliff import CliffService
from web.service.clock import Clock
from web.service.cohort import CohortService
from web.service.collection import CollectionService
from web.service.confirmation import ConfirmationService
from web.service.contract import ContractService
from web.service.cover import CoverService
from web.service.customer import CustomerService
from web.service.draft import DraftService
from web.service.edition import EditionService
from web.service.event_log import EventLogService
from web.service.excess import ExcessService
from web.service.exchange import RateService
from web.service.exposure import ExposureService
from web.service.external_rating import ExternalRatingService
from web.service.gateway import Gateway
from web.service.guard import GuardService
from web.service.hold import HoldService
from web.service.hook import HookService
from web.service.identity import IdentityService
from web.service.imports import ImportService
from web.service.insurance import InsuranceService
from web.service.investigation import InvestigationService
from web.service.late import LateService
from web.service.line import LineService
from web.service.manual_class import ManualClassService
from web.service.meeting import MeetingService
from web.service.merge import MergeService
from web.service.move import MoveService
from web.service.notification import NotificationService
from web.service.offer import OfferService
from web.service.once import JoinedRecords
from web.service.operations import OperationsService
from web.service.order import OrderService
from web.service.outlook import OutlookService
from web.service.override import OverrideService
from web.service.party import PartyService
from web.service.profile import ProfileService
from web.service.receivable import ReceivableService
from web.service.reclaim import ReclaimService
from web.service.reconciliation import ReconciliationService
from web.service.related import RelatedService
from web.service.repair import RepairService
from web.service.report import ReportService
from web.service.rerating import ReratingService
from web.service.review import ReviewService
from web.service.screening import ScreeningService
from web.service.statement import StatementService
from web.service.stuck import StuckService
from web.service.timeline import TimelineService
from web.service.tolerance import ToleranceService
from web.service.trade import TradeService
from web.service.turnaround import TurnaroundService
from web.service.turnover import TurnoverService
from web.service.use import UseService
from web.service.warning import WarningService
from web.service.webhook import WebhookService
from workflows.codec import Codec


@dataclass(frozen=True)
class Services:
    """What a route may ask."""

    records: JoinedRecords
    gateway: Gateway
    clock: Clock
    identity: IdentityService
    audit: AuditService
    customers: CustomerService
    profiles: ProfileService
    merges: MergeService
    parties: PartyService
    related: RelatedService
    covers: CoverService
    insurance: InsuranceService
    statements: StatementService
    receivables: ReceivableService
    confirmations: ConfirmationService
    bills: BillService
    reconciliations: ReconciliationService
    trade: TradeService
    late: LateService
    turnover: TurnoverService
    reports: ReportService
    external_ratings: ExternalRatingService
    attachments: AttachmentService
    rates: RateService
    benchmarks: BenchmarkService
    screenings: ScreeningService
    imports: ImportService
    applications: ApplicationService
    investigations: InvestigationService
    analyst_figures: AnalystFigureService
    approvals: ApprovalService
    meetings: MeetingService
    authority: AuthorityService
    overrides: OverrideService
    caps: CapService
    orders: OrderService
    holds: HoldService
    excesses: ExcessService
    reclaims: ReclaimService
    moves: MoveService
    offers: OfferService
    contracts: ContractService
    lines: LineService
    cliffs: CliffService
    exposure: ExposureService
    uses: UseService
    reviews: ReviewService
    reratings: ReratingService
    outlooks: OutlookService
    warnings: WarningService
    classes: ClassificationService
    manual_classes: ManualClassService
    cohorts: CohortService
    turnaround: TurnaroundService
    event_log: EventLogService
    collections: CollectionService
    guards: GuardService
    tolerances: ToleranceService
    editions: EditionService
    drafts: DraftService
    notifications: NotificationService
    webhooks: WebhookService
    hooks: HookService
    operations: OperationsService
    stuck: StuckService
    repairs: RepairService
    timelines: TimelineService


# Who grants where no settings say so: nobody's documents are mistaken for somebody's.
_UNNAMED = Grantor(name="Creditflow", name_zh="Creditflow")


def build_services(
    records: JoinedRecords,
    exposure: Exposure,
    gateway: Gateway,
    clock: Clock,
    codec: Codec,
    *,
    grantor: Grantor = _UNNAMED,
    session_hours: int = 12,
    mail_dir: Path | None = None,
    providers: Mapping[str, ReportProvider] | None = None,
    webhooks_inside: bool = False,
) -> Services:
    """The services over one memory, one way to Temporal and one clock."""
    editions = EditionService(records, clock)
    receivables = ReceivableService(records, clock)
    return Services(
        records=records,
        gateway=gateway,
        clock=clock,
        identity=IdentityService(records, clock, session_hours=session_hours),
        audit=AuditService(records, exposure),
        customers=CustomerService(records, clock),
        profiles=ProfileService(records, clock),
        merges=MergeService(records, clock),
        parties=PartyService(records, clock),
        related=RelatedService(records, clock),
        covers=CoverService(records, clock),
        insurance=InsuranceService(records, gateway, clock),
        statements=StatementService(records, clock),
        receivables=receivables,
        reconciliations=ReconciliationService(records, clock),
        confirmations=ConfirmationService(records, gateway, clock),
        trade=TradeService(records, clock),
        late=LateService(records, clock),
        bills=BillService(records, exposure, clock),
        turnover=TurnoverService(records, clock),
        reports=ReportService(records, clock, providers or {}),
        external_ratings=ExternalRatingService(records, clock),
        attachments=AttachmentService(records),
        rates=RateService(records, clock),
        benchmarks=BenchmarkService(records, gateway, clock),
        screenings=ScreeningService(records, clock),
        imports=ImportService(records, clock),
        applications=ApplicationService(records, gateway, clock),
        investigations=InvestigationService(records, clock),
        analyst_figures=AnalystFigureService(records, clock),
        approvals=ApprovalService(records, gateway, clock),
        meetings=MeetingService(records, clock),
        authority=AuthorityService(records, clock),
        overrides=OverrideService(records, clock),
        caps=CapService(records, clock),
        orders=OrderService(records, exposure, clock),
        holds=HoldService(records, exposure, clock),
        excesses=ExcessService(records, clock),
        reclaims=ReclaimService(records, clock),
        moves=MoveService(records, clock),
        offers=OfferService(records, gateway, clock),
        contracts=ContractService(records, gateway, clock, grantor),
        lines=LineService(records, exposure, gateway, clock),
        cliffs=CliffService(records, clock),
        exposure=ExposureService(records, exposure, clock),
        uses=UseService(records, exposure, clock),
        reviews=ReviewService(records, gateway),
        reratings=ReratingService(records, gateway, clock),
        outlooks=OutlookService(records, clock),
        warnings=WarningService(records, gateway, clock),
        classes=ClassificationService(records, gateway, clock),
        manual_classes=ManualClassService(records, clock),
        cohorts=CohortService(records, clock),
        turnaround=TurnaroundService(records, clock),
        event_log=EventLogService(records, clock, codec.pseudonym),
        collections=CollectionService(records, gateway, clock),
        guards=GuardService(records, clock),
        tolerances=ToleranceService(records, clock),
        editions=editions,
        drafts=DraftService(records, gateway, clock, editions),
        notifications=NotificationService(records, mail_dir=mail_dir),
        webhooks=WebhookService(records, clock, codec, private=webhooks_inside),
        hooks=HookService(records, clock, codec, receivables),
        operations=OperationsService(codec),
        stuck=StuckService(records, gateway, clock),
        repairs=RepairService(records, gateway),
        timelines=TimelineService(records, gateway, clock),
    )
