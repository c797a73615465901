"""The pages over the small book, to be looked at: `python -m tests.browser.preview --port 8123`."""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from domain.identity import Language
from tests import servers
from tests.web.book import PASSWORD, link_of, opened
from web.app import assemble

GRANTOR = {
    Language.EN: "Creditflow Demonstration Grantor",
    Language.ZH: "Creditflow 示范授信机构",
}


def main() -> None:
    """Serve until stopped; what there is to look at is printed first."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=8123)
    port = arguments.parse_args().port
    with TemporaryDirectory() as folder, servers.postgres(Path(folder)) as server:
        databases = servers.Databases(server)
        with opened(databases.url(databases.copy()), Path(folder)) as book:
            app = assemble(
                book.services,
                public_url=f"http://127.0.0.1:{port}",
                temporal_ui_url="http://127.0.0.1:8233",
                grantor=GRANTOR,
            )
            looked_at = {**book.cases, "sign": link_of(book.services, book.cases["signing"])}
            print(json.dumps({"password": PASSWORD, **looked_at}), flush=True)  # noqa: T201
            uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
