"""Where workflows run in tests: in Temporal's sandbox, which catches what a replay would not repeat."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Values and names are loaded once; a test keeps them pure. The orders themselves are watched.
RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "domain", "activities", "workflows.connection", "workflows.messages", "workflows.names"
    )
)
