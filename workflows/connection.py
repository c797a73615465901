"""How programs reach Temporal: by the SDK's own environment and profiles, payloads encrypted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig

# Search attributes are never encrypted: ids and codes only.
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
CASE_STATUS = SearchAttributeKey.for_keyword("CaseStatus")
STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_FOR = SearchAttributeKey.for_keyword("WaitingFor")
GRADE = SearchAttributeKey.for_keyword("Grade")
AMOUNT = SearchAttributeKey.for_float("Amount")  # a double for search; the amount itself is exact
DUE_AT = SearchAttributeKey.for_datetime("DueAt")


async def connect(
    converter: DataConverter,
    *,
    identity: str,
    variables: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Client:
    """A client by `TEMPORAL_*` variables and profiles (address, namespace, mTLS, API key)."""
    config: dict[str, Any] = dict(
        ClientConfig.load_client_connect_config(override_env_vars=variables)
    )
    config.setdefault("target_host", "127.0.0.1:7233")
    config.update(overrides)
    return await Client.connect(
        **config,
        data_converter=converter,
        identity=identity,
        connect_timeout=timedelta(seconds=10),
    )
