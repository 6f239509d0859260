"""The official Python SDK, from the first 401 to a call after a refresh.

    python.py <URL of the MCP endpoint> <issuer> <e-mail address> legacy|auto

What a person would do in a browser is done by whoever started this program: it prints one JSON object a line, either
{"authorize": <address to open>} or {"passed": <what was checked>}. It ends with 0 only if everything passed.
"""

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs, urlparse

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

REVISIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


class Memory:
    """What an application keeps for the SDK."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Redirects:
    """The loopback listener that the authorization server redirects to."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.asked = 0

    async def start(self) -> str:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        query = parse_qs(urlparse(head.split(" ")[1]).query)
        # With a picture of its own: a browser would come for one when nobody listens here any more.
        body = b'<!doctype html><html lang="en"><title>The agent</title><link rel="icon" href="data:,"><h1>Back at the agent</h1>'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await self.arrived.put({name: values[0] for name, values in query.items()})

    async def open_browser(self, url: str) -> None:
        self.asked += 1
        tell(authorize=url)

    async def wait(self) -> AuthorizationCodeResult:
        answer = await asyncio.wait_for(self.arrived.get(), 60)
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))


async def is_refused(url: str, token: str) -> bool:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    request = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}
    headers = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {token}",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "server/discover",
    }
    async with httpx2.AsyncClient() as client:
        return (await client.post(url, json=request, headers=headers)).status_code == 401


async def echo(client: Client, text: str) -> None:
    result = await client.call_tool("echo", {"text": text})
    assert not result.is_error and result.content[0].text == text, result


async def application(url: str, mode: str) -> tuple[Memory, Redirects, OAuthClientProvider]:
    memory, redirects = Memory(), Redirects()
    metadata = OAuthClientMetadata(
        client_name=f"Python SDK, {mode}",
        redirect_uris=[await redirects.start()],
        grant_types=["authorization_code", "refresh_token"],
        token_endpoint_auth_method="none",
    )
    return memory, redirects, OAuthClientProvider(url, metadata, memory, redirects.open_browser, redirects.wait)


async def main(url: str, issuer: str, email: str, mode: str) -> None:
    memory, redirects, provider = await application(url, mode)
    async with httpx2.AsyncClient(auth=provider, timeout=httpx2.Timeout(30, read=300)) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            assert redirects.asked == 1 and memory.client and memory.tokens, "the flow did not run"
            assert memory.tokens.refresh_token, "no refresh token was issued"
            assert str(provider.context.oauth_metadata.issuer) == issuer, provider.context.oauth_metadata
            tell(passed="from the 401 through discovery, registration and consent")

            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert {"whoami", "echo"} <= tools, tools
            whoami = await client.call_tool("whoami", {})
            assert email in whoami.model_dump_json(), whoami
            await echo(client, "grüezi")
            assert client.protocol_version == REVISIONS[mode], client.protocol_version
            tell(passed=f"lists and calls tools as {email}")

            await client.call_tool("step_up", {})
            await echo(client, "still here")
            assert redirects.asked == 2, redirects.asked
            tell(passed="steps up when a tool needs a scope it has not")

            before = memory.tokens
            # The SDK goes by its own clock, the server by its own: wait until both say that the token is over.
            while not await is_refused(url, before.access_token) or time.time() <= provider.context.token_expiry_time:
                await asyncio.sleep(0.2)
            await echo(client, "later")
            assert memory.tokens.access_token != before.access_token
            assert memory.tokens.refresh_token != before.refresh_token, "the refresh token was not rotated"
            assert redirects.asked == 2, "the person was asked again"
            tell(passed="refreshes an expired token without asking anybody")
    tell(passed="ends its session")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
