"""What another site's page can make a real browser do: its forms are in tests/web/test_chromium.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from ..web.chromium import Demo, Profiles, demo, playwright, profiles, sign_in
from ..web.support import PAGE

__all__ = ["demo", "playwright", "profiles"]
# Each way that a script has to send something with the cookies of another site.
TRY = """
async ([url, page]) => {
  const told = [];
  const ask = (path, more) => fetch(url + path, {credentials: 'include', ...more})
    .then(answer => answer.type === 'opaque' ? 'sent' : answer.text(), () => 'refused');
  for (const mode of ['no-cors', 'cors']) {
    for (const path of [page + '/revoke_others', page + '/sign_out', '/sign_out', '/sign_in']) {
      told.push(await ask(path, {method: 'POST', mode, body: new URLSearchParams({login: 'ada'})}));
    }
    told.push(await ask(page, {mode}), await ask('/sign_in', {mode}));
  }
  told.push(await ask(page + '/' + '0'.repeat(48), {method: 'DELETE', mode: 'cors'}));
  navigator.sendBeacon(url + page + '/sign_out', new URLSearchParams());
  const image = new Image();
  await new Promise(done => { image.onerror = image.onload = done; image.src = url + '/sign_in'; });
  const frame = document.createElement('iframe');
  await new Promise(done => { frame.onload = done; frame.src = url + page; document.body.append(frame); });
  return told;
}
"""


class Elsewhere(BaseHTTPRequestHandler):
    """Another site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Elsewhere</title>")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(params=["localhost", "127.0.0.1"], ids=["another site", "another origin of the site"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://{request.param}:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_scripts_of_another_site(profiles: Profiles, demo: Demo, elsewhere: str) -> None:
    """They read nothing and change nothing: who is signed in stays so, on this device and on the others."""
    page = profiles.open("a")
    sign_in(page, demo, "bo")
    page.goto(demo.url + PAGE)
    before = page.locator(".as-row").count()
    profiles.demo.url, ours = "", demo.url
    page.goto(elsewhere)
    told = page.evaluate(TRY, [ours, PAGE])
    assert set(told) <= {"sent", "refused"}
    assert "refused" in told
    profiles.demo.url = ours
    page.goto(ours + PAGE)
    expect(page.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()
    assert page.locator(".as-row").count() == before
