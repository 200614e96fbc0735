"""A service that checks `Doorward-Identity` by itself, with PyJWT (requirements.txt).

    python3 service.py PORT KEYS ISSUER AUDIENCE

KEYS is the gate's JSON Web Key Set: a URL, or a file that something else keeps up to date.
"""

import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import jwt

HEADER = "Doorward-Identity"
TYP = "doorward-identity+jwt"
SKEW = 5  # seconds that the gate's clock may be from ours
MAX_LIFETIME = 60  # seconds
MAX_TOKEN = 16 * 1024  # characters
KEPT = 60  # seconds that keys are kept before they are read again
UNKNOWN_EVERY = 10  # seconds between readings for names that no key has: callers write those names
BELIEVED = 600  # seconds that keys are believed when no newer ones can be read


class Refused(Exception):
    """Why an identity is not believed. For the log: callers learn nothing of it."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Keys:
    """The gate's public keys by name: read anew when it is time, or for a name that is not among them."""

    def __init__(self, source):
        self._source = source
        self._is_url = source.startswith(("http:", "https:"))
        url = urlsplit(source)
        if url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
            # Whoever is on the way could put in keys.
            raise SystemExit("keys over plain HTTP come from this machine only")
        self._keys = {}
        self._read = self._tried = self._unknown = float("-inf")
        self._lock = threading.Lock()

    def get(self, name):
        with self._lock:  # whoever comes meanwhile waits for the same reading
            now = time.monotonic()
            due = now - self._tried >= KEPT
            if due or (name not in self._keys and now - self._unknown >= UNKNOWN_EVERY):
                self._tried = now
                if not due:
                    self._unknown = now
                self._refresh(now)
            return self._keys.get(name)

    def _refresh(self, now):
        try:
            keys = jwt.PyJWKSet.from_json(self._text()).keys
            self._keys = {
                key.key_id: key.key
                for key in keys
                if key.key_id and key.algorithm_name == "ES256" and key.public_key_use in (None, "sig")
            }
            self._read = now
        except (OSError, ValueError, jwt.PyJWTError) as error:
            print(f"the keys cannot be read: {error}", file=sys.stderr)
            if now - self._read >= BELIEVED:
                self._keys = {}

    def _text(self):
        if not self._is_url:
            with open(self._source, encoding="utf-8") as file:
                return file.read()
        # No redirects, and no proxy that the environment names.
        opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))
        with opener.open(self._source, timeout=5) as answer:
            return answer.read(1 << 20).decode()


class Verifier:
    """Says who calls."""

    def __init__(self, keys, issuer, audience):
        self._keys, self._issuer, self._audience = keys, issuer, audience

    def verify(self, values):
        """The claims of the one value of the header, once they are facts."""
        if len(values) != 1:
            raise Refused(f"expected one {HEADER}, got {len(values)}")
        [token] = values
        if len(token) > MAX_TOKEN:
            raise Refused("it is not a token")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != TYP or "crit" in header:
                raise Refused("its header is not one of the gate")
            name = header.get("kid")
            key = self._keys.get(name) if isinstance(name, str) else None
            if key is None:
                raise Refused("no key has its name")
            claims = jwt.decode(
                token,
                key,
                algorithms=["ES256"],  # ours to choose, not the token's
                issuer=self._issuer,
                audience=self._audience,
                leeway=SKEW,
                options={"require": ["iss", "aud", "sub", "iat", "exp"], "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Refused(str(error)) from error
        times = (claims["iat"], claims["exp"])
        if not all(type(time) is int for time in times) or times[1] - times[0] > MAX_LIFETIME:
            raise Refused("its times are not those of an identity")
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Refused("it says of nobody who calls")
        return claims


def service(verifier):
    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            try:
                # Not `headers.get`, which takes the first of several.
                caller = verifier.verify(self.headers.get_all(HEADER, []))
                self.answer(200, f"hello {caller['sub']}\n")
            except Refused as refused:
                print(f"refused: {refused}", file=sys.stderr)
                self.answer(401, "unauthorized\n")

        def answer(self, status, text):
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Service


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit("usage: service.py PORT KEYS ISSUER AUDIENCE")
    port, source, issuer, audience = sys.argv[1:]
    handler = service(Verifier(Keys(source), issuer, audience))
    ThreadingHTTPServer(("127.0.0.1", int(port)), handler).serve_forever()
