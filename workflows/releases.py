"""Which release of the worker the cases under way go on under.

A worker that names its release gets no work until that release is made the current one; so a release
may be started, looked at, made current, and taken back by making the one before current again.
"""

import asyncio
from datetime import timedelta

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.names import DEPLOYMENT

_EVERY = timedelta(seconds=1)
# Temporal knows a release once a worker of it has asked for work, which takes a moment.
_UNKNOWN = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)


async def make_current(client: Client, release: str, *, seconds_max: int = 60) -> None:
    """From now on cases go on under this release, an empty one being workers that name none.

    Waits for a worker of it; raises what Temporal says where none comes.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=DEPLOYMENT,
        build_id=release,
        identity=client.identity,
    )
    for attempt in range(seconds_max):
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
            return
        except RPCError as error:
            if error.status not in _UNKNOWN or attempt + 1 == seconds_max:
                raise
        await asyncio.sleep(_EVERY.total_seconds())
