"""What browsers are sent beside pages: our own script, style and signs, and installed packages.

Nothing comes from another host. Every file is served under a name that holds its content's hash,
so that it may be kept for a year and is never stale; only the files listed here are served.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fastapi import APIRouter, Request, Response

PREFIX = "/assets"
_LONG = "public, max-age=31536000, immutable"
_COMPRESSED = frozenset({".css", ".js", ".svg", ".json"})
_LINKED = re.compile(r"url\((?!data:)['\"]?(?P<path>[^)'\"]+)['\"]?\)")
_SOURCE_MAP = re.compile(rb"\n?(//|/\*)# sourceMappingURL=[^\s*]+( \*/)?\s*$")

# Name in pages -> file below node_modules. A package brings hundreds of files; these are served.
PACKAGES = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "font.css": "@fontsource-variable/noto-sans-sc/wght.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "echarts.js": "echarts/dist/echarts.common.min.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
}


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    name: str  # as in the address, with the hash
    media_type: str
    content: bytes

    @cached_property
    def compressed(self) -> bytes | None:
        """The content as gzip; None where that gains nothing."""
        if Path(self.name).suffix not in _COMPRESSED:
            return None
        return gzip.compress(self.content, compresslevel=6, mtime=0)


class Assets:
    """All files a page may name. Packages that are not installed are left out of pages."""

    def __init__(self, static: Path, node_modules: Path) -> None:
        self._files = {path.name: path for path in sorted(static.iterdir()) if path.is_file()}
        installed = {name: node_modules / path for name, path in PACKAGES.items()}
        self._files |= {name: path for name, path in installed.items() if path.is_file()}
        self.missing = tuple(sorted(name for name in PACKAGES if name not in self._files))
        self._by_path: dict[Path, Asset] = {}
        self._by_name: dict[str, Asset] = {}

    def has(self, name: str) -> bool:
        return name in self._files

    def url(self, name: str) -> str:
        """The address of a file; a name that is not listed here is a mistake of ours."""
        return f"{PREFIX}/{self._asset(self._files[name], name).name}"

    def find(self, hashed_name: str) -> Asset | None:
        """The file of an address. After a restart the first page names it again, or nobody does."""
        if hashed_name not in self._by_name:
            for name, path in self._files.items():
                self._asset(path, name)
        return self._by_name.get(hashed_name)

    def _asset(self, path: Path, name: str) -> Asset:
        if path not in self._by_path:
            content = _SOURCE_MAP.sub(b"", path.read_bytes())
            if path.suffix == ".css":
                content = self._with_hashed_links(path, content)
            digest = hashlib.sha256(content).hexdigest()[:12]
            stem, _, suffix = name.rpartition(".")
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            asset = Asset(f"{stem}.{digest}.{suffix}", media_type, content)
            self._by_path[path] = self._by_name[asset.name] = asset
        return self._by_path[path]

    def _with_hashed_links(self, path: Path, content: bytes) -> bytes:
        """The style sheet with the fonts and pictures it names, by their hashed names."""

        def renamed(link: re.Match[str]) -> str:
            target = (path.parent / link["path"].partition("#")[0]).resolve()
            if not target.is_file():
                return link[0]
            return f"url({self._asset(target, target.name).name})"

        return _LINKED.sub(renamed, content.decode()).encode()


def router(assets: Assets) -> APIRouter:
    """The one route that serves them all."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(PREFIX + "/{name}")
    def read_asset(name: str, request: Request) -> Response:
        asset = assets.find(name)
        if asset is None:
            return Response(status_code=404)
        headers = {"Cache-Control": _LONG, "X-Content-Type-Options": "nosniff"}
        if asset.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(asset.compressed, media_type=asset.media_type, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    return routes
