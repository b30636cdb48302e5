"""Debian's nginx as a cache in front of an application: on a free port, in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from ..servers import free_port

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


class Nginx:
    """In front of ``host:port``. ignored: headers of responses that it takes no notice of."""

    def __init__(self, upstream: str, *ignored: str) -> None:
        self.is_careless = "Vary" in ignored
        self.folder = tempfile.mkdtemp(prefix="signedin-nginx-")
        self.port = free_port()
        told = CONFIGURATION.format(
            folder=self.folder, port=self.port, upstream=upstream, ignored=" ".join(ignored)
        )
        (Path(self.folder) / "nginx.conf").write_text(told)
        self._process = subprocess.Popen(
            [PROGRAM, "-p", self.folder, "-c", "nginx.conf", "-e", f"{self.folder}/error.log"],
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, self._process.communicate()[1]
                assert time.monotonic() < end
                time.sleep(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)
        shutil.rmtree(self.folder)
