"""The small page at the server's root."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from dicomweb_server.web.responses import BytesResponse

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;"
    "color:#1b2733}code,pre{background:#eef2f6;border-radius:4px;padding:.1em .3em}"
    "pre{padding:.8em;overflow:auto}h1{font-size:1.5rem}dt{font-weight:600}dd{margin:0 0 .6em}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def welcome(root_url: str, version: str) -> BytesResponse:
    """The page that says what this is and where things are.

    Args:
        root_url: Absolute URL of the DICOMweb root.
        version: Version of the server.
    """
    root = escape(root_url)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>dicomweb_server</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{_STYLE}</style></head><body>
<h1>dicomweb_server {escape(version)}</h1>
<p>A DICOMweb archive: search by QIDO-RS, retrieve by WADO-RS, store by STOW-RS.</p>
<dl>
<dt>DICOMweb root</dt><dd><a href="{root}/studies"><code>{root}</code></a></dd>
<dt>Search</dt><dd><code>GET {root}/studies?PatientName=doe*&amp;limit=10</code></dd>
<dt>Store</dt><dd><pre>curl -H 'Content-Type: application/dicom' --data-binary @image.dcm \\
  {root}/studies</pre></dd>
<dt>Retrieve</dt><dd><code>GET {root}/studies/{{study}}/metadata</code></dd>
<dt>Health</dt><dd><a href="/livez"><code>/livez</code></a>,
<a href="/readyz"><code>/readyz</code></a></dd>
</dl></body></html>
"""
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return BytesResponse(text.encode(), "text/html; charset=utf-8", headers=headers)
