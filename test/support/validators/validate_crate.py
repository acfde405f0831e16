"""Validate an RO-Crate against Process Run Crate with roc-validator, without the network.

The validator resolves the crate's JSON-LD context from the web. It is put into the validator's own HTTP
cache first, from the copy that the package `rocrate` (at most 0.14) ships, and the validator is told to keep
to the cache.
Prints the issues as a JSON list.

Example:

    python test/support/validators/validate_crate.py runs/digits-resnet/latest
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from rocrate_validator import services
from rocrate_validator.models import ValidationSettings
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


class ShippedContext(HTTPAdapter):
    """Answers every request with the context that a package ships."""

    def send(self, request: PreparedRequest, *_arguments: Any, **_options: Any) -> Response:
        body = (resources.files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
        raw = HTTPResponse(
            body=io.BytesIO(body),
            headers={"Content-Type": "application/ld+json"},
            status=200,
            preload_content=False,
            request_url=request.url,
        )
        return self.build_response(request, raw)


def fill_cache(cache: Path) -> None:
    session = CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1)
    session.mount("https://", ShippedContext())
    for accept in ("application/ld+json, application/json", "application/ld+json"):
        session.get(CONTEXT, headers={"Accept": accept})
    session.get(CONTEXT)
    session.close()


def issues(crate: str, cache: Path) -> list[dict[str, object]]:
    settings = ValidationSettings(
        rocrate_uri=crate,
        profile_identifier="process-run-crate-0.5",
        requirement_severity="RECOMMENDED",
        abort_on_first=False,
        offline=True,
        cache_path=cache,
    )
    result = services.validate(settings)
    return [
        {
            "severity": issue.severity.name,
            "check": issue.check.identifier,
            "entity": issue.violatingEntity,
            "message": issue.message,
        }
        for issue in result.get_issues()
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        fill_cache(cache)
        found = issues(sys.argv[1], cache)
    print(json.dumps(found, indent=2))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
