"""Debian's nginx as a cache in front of an application: on a free port, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from ..servers import free_port
from ..sites import Site

PROGRAM = "/usr/sbin/nginx"
# It keeps whatever it may, and says so. That a response sets a cookie is no reason for it not to.
CONFIGURATION = """
user root; daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=pages:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{upstream};
      proxy_set_header Host app.example;
      proxy_cache pages; proxy_cache_valid any 10m; proxy_cache_key $request_method$request_uri;
      proxy_cache_methods GET HEAD POST;
      proxy_ignore_headers {ignored};
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


class Nginx(Site):
    """In front of ``host:port``. ignored: headers of responses that it takes no notice of."""

    def __init__(self, upstream: str, *ignored: str) -> None:
        self.is_careless = "Vary" in ignored
        self.folder = tempfile.mkdtemp(prefix="signedin-nginx-")
        port = free_port()
        told = CONFIGURATION.format(
            folder=self.folder, port=port, upstream=upstream, ignored=" ".join(ignored)
        )
        (Path(self.folder) / "nginx.conf").write_text(told)
        command = [PROGRAM, "-p", self.folder, "-c", "nginx.conf", "-e", f"{self.folder}/error.log"]
        super().__init__(command, port, stderr=subprocess.PIPE)

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.folder)
