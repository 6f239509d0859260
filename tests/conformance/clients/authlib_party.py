"""Authlib as a relying party, a machine, a device and a resource server.

    authlib_party.py <JSON: issuer, mcp, email, format, and the clients web, machine, signing, asker, device>

What a person would do in a browser is done by whoever started this program: it prints one JSON object a line, either
{"authorize": <address to open>}, {"device": <address to open>} or {"passed": <what was checked>}. It ends with 0 only if everything
passed.
"""

import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2 import rfc8414, rfc8628, rfc9207
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc import rpinitiated
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
ALGORITHMS = ["RS256", "ES256", "EdDSA", "Ed25519"]
SCOPE = "openid profile email offline_access connections:read"


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


def refused(what: str, error: str, action: object) -> None:
    try:
        action()
    except OAuthError as found:
        assert found.error == error, f"{what}: {found}"
    else:
        raise AssertionError(f"{what} was not refused")


class Redirects:
    """The loopback listener that the authorization server redirects to."""

    def __init__(self) -> None:
        arrived: queue.Queue[str] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b'<!doctype html><html lang="en"><title>The agent</title><link rel="icon" href="data:,"><h1>Back</h1>'
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                arrived.put(self.path)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{server.server_address[1]}"
        self.uri = f"{self.origin}/callback"
        self.arrived = arrived

    def wait(self) -> str:
        return self.origin + self.arrived.get(timeout=60)


class Check:
    def __init__(self, given: dict) -> None:
        self.given = given
        self.issuer, self.mcp, self.email = given["issuer"], given["mcp"], given["email"]

    def discover(self) -> None:
        document = requests.get(f"{self.issuer}/.well-known/openid-configuration").json()
        OpenIDProviderMetadata(document).validate(metadata_classes=[rpinitiated.OpenIDProviderMetadata])
        server = requests.get(f"{self.issuer}/.well-known/oauth-authorization-server").json()
        extensions = [rfc8628.AuthorizationServerMetadata] if hasattr(rfc8628, "AuthorizationServerMetadata") else []
        rfc8414.AuthorizationServerMetadata(server).validate(metadata_classes=[rfc9207.AuthorizationServerMetadata, *extensions])
        assert document["issuer"] == server["issuer"] == self.issuer
        assert server["authorization_response_iss_parameter_supported"] is True
        self.at = server
        self.userinfo = document["userinfo_endpoint"]
        self.keys = KeySet.import_key_set(requests.get(document["jwks_uri"]).json())
        tell(passed="the metadata is valid, by OpenID Connect Discovery, RFC 8414 and RFC 9207")

    def session(self, client: str, **more: object) -> OAuth2Session:
        known = self.given[client]
        return OAuth2Session(known["client_id"], known.get("client_secret"), **more)

    def call(self, token: str) -> requests.Response:
        """One call of the MCP endpoint, with the token in the place where Authlib's session would put it."""
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        request["params"] = {"name": "whoami", "arguments": {}, "_meta": meta}
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28"}
        headers |= {"mcp-method": "tools/call", "mcp-name": "whoami"}
        session = OAuth2Session(token={"access_token": token, "token_type": "Bearer"})
        return session.post(self.mcp, json=request, headers=headers)

    def is_let_in(self, token: str, words: str) -> None:
        answer = self.call(token)
        assert answer.status_code == 200 and words in answer.text, answer.text

    def is_refused(self, token: str) -> None:
        assert self.call(token).status_code == 401

    def id_token(self, token: dict, client_id: str, nonce: str | None) -> CodeIDToken:
        decoded = jwt.decode(token["id_token"], self.keys, algorithms=ALGORITHMS)

        def read(issuer: str, audience: str, nonce: str | None, access: str) -> CodeIDToken:
            options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": audience}}
            params = {"nonce": nonce, "client_id": audience, "access_token": access}
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate()
            return claims

        access = token["access_token"]
        claims = read(self.issuer, client_id, nonce, access)
        # That it is read with care: each of these is somebody else's.
        for wrong in [
            ("https://elsewhere.example", client_id, nonce, access),
            (self.issuer, "another-client", nonce, access),
            (self.issuer, client_id, "another nonce", access),
            (self.issuer, client_id, nonce, access + "x"),
        ]:
            try:
                read(*wrong)
            except JoseError:
                continue
            raise AssertionError(f"Authlib would have taken it for {wrong}")
        return claims

    def code(self, redirects: Redirects) -> None:
        session = self.session("web", scope=SCOPE, redirect_uri=redirects.uri, code_challenge_method="S256")
        verifier, nonce = generate_token(48), generate_token()
        url, state = session.create_authorization_url(
            self.at["authorization_endpoint"], code_verifier=verifier, nonce=nonce, resource=self.mcp
        )
        tell(authorize=url)
        answer = redirects.wait()
        assert f"iss={requests.utils.quote(self.issuer, safe='')}" in answer, answer
        endpoint = self.at["token_endpoint"]
        token = session.fetch_token(
            endpoint, authorization_response=answer, state=state, code_verifier=verifier, resource=self.mcp
        )
        assert token["token_type"] == "Bearer" and set(token["scope"].split()) == set(SCOPE.split()), token
        tell(passed="code and PKCE, with a secret in the Authorization header")

        client_id = self.given["web"]["client_id"]
        claims = self.id_token(token, client_id, nonce)
        assert claims["email"] == self.email and claims["email_verified"] is self.given["verified"], claims
        told = session.get(self.userinfo).json()
        assert (told["sub"], told["email"]) == (claims["sub"], self.email), told
        tell(passed="the id token is valid for Authlib (iss, aud, nonce, at_hash), and userinfo says the same")

        self.is_let_in(token["access_token"], self.email)
        tell(passed="the MCP endpoint is open to the access token")
        if self.given["format"] == "jwt":
            self.access_token(token["access_token"])

        asker = self.session("asker")
        active = asker.introspect_token(self.at["introspection_endpoint"], token=token["access_token"]).json()
        assert active["active"] is True and active["client_id"] == client_id, active
        assert (active["sub"], active["aud"]) == (claims["sub"], [self.mcp]), active
        tell(passed="a resource server learns of the token by introspection")

        renewed = session.refresh_token(endpoint, refresh_token=token["refresh_token"])
        assert renewed["refresh_token"] != token["refresh_token"]
        again = self.id_token(renewed, client_id, None if "nonce" not in self.peek(renewed) else nonce)
        assert (again["sub"], again["auth_time"]) == (claims["sub"], claims["auth_time"])
        self.is_let_in(renewed["access_token"], self.email)
        tell(passed="refresh: another pair, and an id token of the same person")

        revoke = self.at["revocation_endpoint"]
        assert session.revoke_token(revoke, token=renewed["access_token"], token_type_hint="access_token").status_code == 200
        self.is_refused(renewed["access_token"])
        gone = asker.introspect_token(self.at["introspection_endpoint"], token=renewed["access_token"]).json()
        assert gone == {"active": False}, gone
        assert session.revoke_token(revoke, token=renewed["refresh_token"], token_type_hint="refresh_token").status_code == 200
        self.is_refused(token["access_token"])
        lost = renewed["refresh_token"]
        refused("a revoked refresh token", "invalid_grant", lambda: session.refresh_token(endpoint, refresh_token=lost))
        tell(passed="revocation: the access token alone, then everything")

    def peek(self, token: dict) -> dict:
        return jwt.decode(token["id_token"], self.keys, algorithms=ALGORITHMS).claims

    def access_token(self, token: str) -> None:
        """Authlib as a resource server that checks signed tokens (RFC 9068)."""
        keys = self.keys

        class Validator(JWTBearerTokenValidator):
            def get_jwks(self) -> KeySet:
                return keys

        def read(issuer: str, resource: str, scope: str) -> None:
            validator = Validator(issuer, resource)
            validator.validate_token(validator.authenticate_token(token), [scope], None)

        read(self.issuer, self.mcp, "connections:read")
        for wrong in [
            ("https://elsewhere.example", self.mcp, "connections:read"),
            (self.issuer, "https://elsewhere.example", "connections:read"),
            (self.issuer, self.mcp, "admin"),
        ]:
            try:
                read(*wrong)
            except Exception as error:
                assert type(error).__name__ in ("InvalidTokenError", "InsufficientScopeError"), error
                continue
            raise AssertionError(f"Authlib would have taken it for {wrong}")
        tell(passed="Authlib as a resource server takes the signed access token (RFC 9068), and no other one")

    def machine(self) -> None:
        endpoint = self.at["token_endpoint"]
        for method in ["client_secret_basic", "client_secret_post"]:
            session = self.session("machine", token_endpoint_auth_method=method, scope="connections:read")
            token = session.fetch_token(endpoint, grant_type="client_credentials", resource=self.mcp)
            assert "refresh_token" not in token
            self.is_let_in(token["access_token"], "Nightly")
        wrong = OAuth2Session(self.given["machine"]["client_id"], "blg_cs_guess")
        refused("a guess", "invalid_client", lambda: wrong.fetch_token(endpoint, grant_type="client_credentials"))
        tell(passed="client_credentials, with the secret in the header and in the form")

    def signing(self) -> None:
        endpoint, known = self.at["token_endpoint"], self.given["signing"]

        def ask(alg: str, **claims: object) -> dict:
            key = (RSAKey if alg == "RS256" else ECKey).import_key(known["keys"][alg])
            session = OAuth2Session(known["client_id"], key, token_endpoint_auth_method="private_key_jwt")
            session.register_client_auth_method(PrivateKeyJWT(endpoint, claims=claims, headers={"kid": known["keys"][alg]["kid"]}, alg=alg))
            return session.fetch_token(endpoint, grant_type="client_credentials", scope="connections:read")

        soon = lambda: int(time.time()) + 300
        for alg in ["RS256", "ES256"]:
            once = generate_token(36)
            token = ask(alg, aud=self.issuer, exp=soon(), jti=once)
            self.is_let_in(token["access_token"], "Signing")
            refused("an assertion that comes again", "invalid_client", lambda: ask(alg, aud=self.issuer, exp=soon(), jti=once))
        # What Authlib writes by itself names the token endpoint, and is good for an hour.
        refused("the token endpoint as the audience", "invalid_client", lambda: ask("ES256", exp=soon()))
        refused("an hour", "invalid_client", lambda: ask("ES256", aud=self.issuer))
        tell(passed="private_key_jwt with RS256 and ES256, once each, for the issuer alone")

    def device(self) -> None:
        client_id = self.given["device"]["client_id"]
        fields = {"client_id": client_id, "scope": "connections:read offline_access"}
        begun = requests.post(self.at["device_authorization_endpoint"], data=fields).json()
        session = OAuth2Session(client_id)
        ask = lambda: session.fetch_token(self.at["token_endpoint"], grant_type=DEVICE_CODE, device_code=begun["device_code"])
        refused("a code nobody has typed", "authorization_pending", ask)
        tell(device=begun["verification_uri_complete"])
        # Whoever started this program says when the person is done.
        assert sys.stdin.readline() == "done\n"
        token = ask()
        self.is_let_in(token["access_token"], self.email)
        refused("a code that comes again", "invalid_grant", ask)
        self.is_refused(token["access_token"])
        tell(passed="a device is let in by its code, once")


def main(given: dict) -> None:
    check = Check(given)
    check.discover()
    check.code(Redirects())
    check.machine()
    check.signing()
    check.device()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
